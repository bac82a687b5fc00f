"""Signed manifests (C2PA): what they say of the picture's making, whether they check out, and who signed them."""

from __future__ import annotations

from ganeval.detectors.evidence import Evidence, Fact
from ganeval.detectors.provenance import judgements
from ganeval.detectors.provenance.examination import Examination, abstain
from ganeval.detectors.provenance.manifest_reading import MEDIA_TYPES, may_carry_manifest, read_manifests
from ganeval.detectors.provenance.manifest_store import Claim, Failure, ManifestStore, Place
from ganeval.detectors.provenance.shown_text import shown
from ganeval.detectors.provenance.source_types import Making
from ganeval.detectors.provenance.xmp import DCTERMS
from ganeval.wording import counted

DETECTOR = "c2pa"
_MAX_FACTS = 40

_STATES = {
    "Trusted": "the signature is valid and its signer is trusted: by the C2PA's list, or by --trust-anchors",
    "Valid": "the signature is valid; its signer is on no list of trusted ones, and anybody can make a certificate",
    "Invalid": "a check failed",
}
# Failure codes of the specification (C2PA 2.x, "Validation status codes") by their beginnings.
_FAILURES = (
    ("assertion.dataHash.mismatch", "the picture isn't the one that was signed (the hash of its bytes differs)"),
    ("assertion.bmffHash.mismatch", "the picture isn't the one that was signed (the hash of its boxes differs)"),
    ("assertion.boxesHash", "the picture isn't the one that was signed (the hash of its boxes differs)"),
    ("assertion.hashedURI.mismatch", "the statement {part} was changed after signing (its hash differs)"),
    ("assertion.missing", "the statement {part} was removed after signing"),
    ("claimSignature.mismatch", "the signature doesn't belong to this manifest"),
    ("claimSignature.missing", "the signature is missing"),
    ("claimSignature.outsideValidity", "it was signed while the certificate wasn't valid"),
    ("signingCredential.expired", "the signer's certificate had expired"),
    ("signingCredential.ocsp.revoked", "the signer's certificate was revoked"),
    ("signingCredential.revoked", "the signer's certificate was revoked"),
    ("signingCredential.invalid", "the signer's certificate isn't one for signing pictures"),
)
_TAMPERED = (
    "assertion.dataHash",
    "assertion.bmffHash",
    "assertion.boxesHash",
    "assertion.hashedURI",
    "assertion.missing",
    "claimSignature.mismatch",
    "ingredient.",
)


def examine(examination: Examination) -> Evidence:
    """Read and check the manifests in the file.

    A signature that checks out (`Trusted`, or `Valid` from whomever) and says that the picture or a part of it came out
    of a trained model decides. That a camera took it counts only from a trusted signer. What doesn't check out is a
    hint.
    """
    image_format = examination.specimen.info.format
    remote = _remote_address(examination)
    if image_format not in MEDIA_TYPES:
        return abstain(DETECTOR, f"{image_format} files carry no manifests")
    if not may_carry_manifest(examination.data) and not (remote and examination.online):
        return _nothing_inside(remote)
    reading = read_manifests(
        examination.data, image_format, online=examination.online, trust_anchors=examination.trust_anchors
    )
    if reading.error:
        # A file that only refers to a manifest elsewhere ends here too, if the bytes looked as if it had one.
        facts = (Fact("not read", shown(reading.error)), *_remote_facts(remote))
        return abstain(DETECTOR, f"the manifest couldn't be read: {shown(reading.error, 160)}", facts)
    if reading.store is None:
        return _nothing_inside(remote)
    return judge(ManifestStore(reading.store), reading.remote)


def judge(store: ManifestStore, remote: str = "") -> Evidence:
    """Evidence from a manifest store that was read and checked.

    Parameters
    ----------
    store
        What the library reported.
    remote
        Address from which it was fetched; empty for one in the file.
    """
    claims = store.claims()
    facts = _facts(store, claims, remote)
    who = _who(store)
    if store.state == "Invalid":
        return _broken(store, claims, facts)
    sound = [claim for claim in claims if claim.sound]
    generated = [claim for claim in sound if claim.source.generated and claim.place.in_picture]
    if generated:
        sentence = f"a valid signature by {who} says {_statement(_clearest(generated))}"
        ratio = judgements.SIGNED_GENERATED
        return Evidence(DETECTOR, sentence, score=ratio, log_likelihood_ratio=ratio, decides=True, facts=facts)
    nearby = [claim for claim in claims if claim.source.generated]
    if nearby:
        flaw = "" if nearby[0].sound else ", but that part of the record doesn't check out"
        sentence = f"a manifest signed by {who} says {_statement(nearby[0])}{flaw}"
        return _weighed(sentence, judgements.SIGNED_NEARBY, facts)
    synthetic = [claim for claim in sound if claim.source.making is Making.SYNTHETIC and claim.place.in_picture]
    if synthetic:
        return _weighed(
            f"a valid signature by {who} says {_statement(synthetic[0])}", judgements.SIGNED_SYNTHETIC, facts
        )
    captured = [claim for claim in sound if claim.source.making is Making.CAPTURED]
    own = [claim for claim in captured if claim.trusted and claim.place in (Place.ACTIVE, Place.PARENT)]
    if own:
        sentence = f"a valid signature by {who} says {_statement(own[0])}"
        return _weighed(sentence, judgements.TRUSTED_CAPTURE, facts)
    if captured:
        reason = f"a signature by {who} says {_statement(captured[0])}, which counts only from a trusted signer"
        return abstain(DETECTOR, reason, facts)
    return abstain(DETECTOR, f"a valid signature by {who} says nothing of how the picture was made", facts)


def _weighed(sentence: str, ratio: float, facts: tuple[Fact, ...]) -> Evidence:
    return Evidence(DETECTOR, sentence, score=ratio, log_likelihood_ratio=ratio, facts=facts)


def _broken(store: ManifestStore, claims: tuple[Claim, ...], facts: tuple[Fact, ...]) -> Evidence:
    failures = store.failures
    tampered = [one for one in failures if one.code.startswith(_TAMPERED)]
    kind = "was tampered with" if tampered else "isn't valid"
    what = _explain((tampered or list(failures))[0]) if failures else "the library gives no reason"
    generated = [claim for claim in claims if claim.source.generated]
    if generated:
        sentence = f"the manifest {kind}: {what}; it says {_statement(_clearest(generated))}, now a hint only"
        return _weighed(sentence, judgements.BROKEN_GENERATED, facts)
    return abstain(DETECTOR, f"the manifest {kind}: {what}; nothing it says counts", facts)


def _clearest(claims: list[Claim]) -> Claim:
    """The claim that says most: of the whole picture before a part, nearest to the picture first."""
    places = list(Place)
    return min(claims, key=lambda claim: (claim.source.making is not Making.GENERATED, places.index(claim.place)))


def _statement(claim: Claim) -> str:
    where = "" if claim.place is Place.ACTIVE else f" (in {claim.place.value})"
    return f"{claim.source.word!r}{where}: {claim.source.making.value}"


def _who(store: ManifestStore) -> str:
    signer = store.signer
    names = dict.fromkeys(filter(None, (signer.get("common name"), signer.get("issuer"))))
    name = shown(" of ".join(names), 80) if names else "somebody unnamed"
    return f"{name} (a trusted signer)" if store.state == "Trusted" else f"{name} (a signer that isn't known here)"


def _explain(failure: Failure) -> str:
    part = shown(failure.where.rpartition("/")[2], 60)
    words = next((text for code, text in _FAILURES if failure.code.startswith(code)), "")
    return words.format(part=part) if words else shown(f"{failure.code} ({failure.explanation})", 160)


def _facts(store: ManifestStore, claims: tuple[Claim, ...], remote: str) -> tuple[Fact, ...]:
    facts = [Fact("validation", store.state, _STATES[store.state])]
    facts += [Fact(f"signer's {name}", shown(value)) for name, value in store.signer.items()]
    if "time" not in store.signer:
        facts.append(Fact("signer's time", "none", "no trusted time stamp"))
    if store.generator:
        facts.append(Fact("claim generator", shown(store.generator)))
    for claim in claims:
        flaw = "" if claim.sound else "; its manifest doesn't check out"
        meaning = f"{claim.source.making.value}; in {claim.place.value}{flaw}"
        facts.append(Fact("digital source type", shown(f"{claim.source.word} ({claim.action})"), meaning))
    if store.actions:
        facts.append(Fact("actions", shown(", ".join(store.actions))))
    facts.append(Fact("manifests", counted(store.manifests, "manifest")))
    facts += [Fact("failed check", shown(one.code), _explain(one)) for one in store.failures]
    facts += [Fact("fetched from", shown(remote))] if remote else []
    if len(facts) > _MAX_FACTS:
        facts = [*facts[:_MAX_FACTS], Fact("further facts", str(len(facts) - _MAX_FACTS))]
    return tuple(facts)


def _remote_address(examination: Examination) -> str:
    """Where XMP says that the manifest lies; c2pa's own form of reference."""
    for one in examination.xmp[0]:
        if one.namespace == DCTERMS and one.name == "provenance" and one.value.lower().startswith(("http:", "https:")):
            return one.value
    return ""


def _remote_facts(remote: str) -> tuple[Fact, ...]:
    return (Fact("remote manifest", shown(remote), "not checked"),) if remote else ()


def _nothing_inside(remote: str) -> Evidence:
    if remote:
        reason = f"the manifest lies elsewhere ({shown(remote, 120)}) and was not checked: that needs the network"
        return abstain(DETECTOR, reason, _remote_facts(remote))
    return abstain(DETECTOR, "the file carries no signed manifest; that proves nothing, most files have none")
