"""Signed, tampered, stripped and AI-marked files, made here with c2pa-python."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance import judgements, manifest_child, manifest_reading
from ganeval.detectors.provenance.c2pa_manifests import judge
from ganeval.detectors.provenance.examining import examine_provenance
from ganeval.detectors.provenance.manifest_store import ManifestStore
from ganeval.detectors.specimen import open_specimen
from ganeval.errors import OptionError

CREATED = ("c2pa.created", "trainedAlgorithmicMedia")
TAKEN = ("c2pa.created", "digitalCapture")


def _facts(evidence: Evidence) -> dict[str, str]:
    return {fact.name: fact.value for fact in evidence.facts}


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_valid_signature_that_says_trained_media_decides(manifest_evidence, sign, house, stranger, image_format):
    data = sign(CREATED, image_format=image_format).image
    found = manifest_evidence(data)
    assert found.decides
    assert found.log_likelihood_ratio == judgements.SIGNED_GENERATED
    assert "house signer" in found.sentence
    assert "isn't known" in found.sentence
    assert _facts(found)["validation"] == "Valid"
    trusted = manifest_evidence(data, trust_anchors=house.root)
    assert trusted.decides
    assert "a trusted signer" in trusted.sentence
    assert _facts(trusted)["validation"] == "Trusted"
    assert _facts(manifest_evidence(data, trust_anchors=stranger.root))["validation"] == "Valid"


def test_facts_name_signer_generator_type_and_action(manifest_evidence, sign):
    facts = _facts(manifest_evidence(sign(CREATED, ("c2pa.converted", None)).image))
    assert facts["signer's common name"] == "house signer"
    assert facts["signer's issuer"] == "Test house"
    assert "test painter 1.5" in facts["claim generator"]
    assert facts["digital source type"] == "trainedAlgorithmicMedia (c2pa.created)"
    assert facts["actions"] == "c2pa.created, c2pa.converted"
    assert facts["signer's time"] == "none"


def test_older_actions_and_composites_decide_too(manifest_evidence, sign):
    assert manifest_evidence(sign(CREATED, label="c2pa.actions").image).decides
    edited = manifest_evidence(sign(TAKEN, ("c2pa.edited", "compositeWithTrainedAlgorithmicMedia")).image)
    assert edited.decides
    assert "composite with parts" in edited.sentence


def test_source_type_of_a_metadata_assertion_is_found(manifest_evidence, sign):
    assertion = {
        "label": "cawg.metadata",
        "data": {
            "@context": {"Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"},
            "Iptc4xmpExt:DigitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        },
    }
    found = manifest_evidence(sign(("c2pa.created", "digitalCreation"), extra=[assertion]).image)
    assert found.decides


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_changed_picture_is_reported_and_its_claim_only_a_hint(manifest_evidence, sign, house, image_format):
    altered = _altered_pixel(sign(CREATED, image_format=image_format).image, image_format)
    found = manifest_evidence(altered, trust_anchors=house.root)
    assert not found.decides
    assert found.log_likelihood_ratio == judgements.BROKEN_GENERATED
    assert "tampered with" in found.sentence
    assert "the picture isn't the one that was signed" in found.sentence
    assert _facts(found)["failed check"] == "assertion.dataHash.mismatch"


def _altered_pixel(data: bytes, image_format: str) -> bytes:
    """The file with other pixels that still decodes."""
    # In a WebP the manifest stands behind the pixels.
    end = data.index(b"jumb") - 40 if image_format == "WEBP" else len(data) - 3
    for position in range(end, 0, -1):
        altered = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        try:
            Image.open(io.BytesIO(altered)).load()
        except (OSError, SyntaxError, ValueError):
            continue
        return altered
    raise AssertionError(f"no byte of the {image_format} can be changed")


def test_changed_statement_is_named(manifest_evidence, sign):
    data = sign(("c2pa.created", "digitalCapture")).image
    altered = data.replace(b"/digitalCapture", b"/digitalXapture")
    found = manifest_evidence(altered)
    assert not found.decides
    assert found.abstains
    assert "c2pa.actions.v2 was changed after signing" in found.sentence


def test_stripped_file_abstains(manifest_evidence, sign):
    stream = io.BytesIO()
    Image.open(io.BytesIO(sign(CREATED).image)).save(stream, "JPEG")
    found = manifest_evidence(stream.getvalue())
    assert found.abstains
    assert "no signed manifest" in found.sentence
    assert "proves nothing" in found.sentence


def test_manifest_moved_to_another_picture_does_not_decide(manifest_evidence, sign, picture):
    signed = sign(CREATED).image
    other = picture("JPEG", (48, 32), quality=30)
    # All in front of the first quantisation table, the manifest's segments among it, onto another picture's tables.
    moved = signed[: signed.index(b"\xff\xdb\x00")] + other[other.index(b"\xff\xdb\x00") :]
    found = manifest_evidence(moved)
    assert not found.decides
    assert "tampered with" in found.sentence


def test_camera_counts_only_from_a_trusted_signer(manifest_evidence, sign, house, stranger):
    data = sign(TAKEN).image
    assert manifest_evidence(data).abstains
    assert manifest_evidence(data, trust_anchors=stranger.root).abstains
    trusted = manifest_evidence(data, trust_anchors=house.root)
    assert trusted.log_likelihood_ratio == judgements.TRUSTED_CAPTURE < 0
    assert not trusted.decides


def test_signature_without_source_type_abstains(manifest_evidence, sign):
    found = manifest_evidence(sign(("c2pa.created", "digitalCreation")).image)
    assert found.abstains
    assert "says nothing of how the picture was made" in found.sentence


@pytest.mark.parametrize(
    ("relationship", "actions", "decides"),
    [
        ("parentOf", [("c2pa.opened", None)], True),
        ("componentOf", [TAKEN, ("c2pa.placed", None)], True),
        ("inputTo", [TAKEN], False),
    ],
)
def test_marker_of_an_ingredient(manifest_evidence, sign, relationship, actions, decides):
    part = sign(CREATED).image
    data = sign(*actions, image_format="PNG", ingredients=[(relationship, part)]).image
    found = manifest_evidence(data)
    assert found.decides is decides
    assert found.log_likelihood_ratio == (judgements.SIGNED_GENERATED if decides else judgements.SIGNED_NEARBY)


def test_marker_two_generations_back_is_found(manifest_evidence, sign):
    first = sign(CREATED).image
    second = sign(("c2pa.opened", None), ingredients=[("parentOf", first)]).image
    third = sign(("c2pa.opened", None), ingredients=[("parentOf", second)]).image
    assert manifest_evidence(third).decides


def test_ingredient_that_was_tampered_with_does_not_decide(manifest_evidence, sign, house):
    part = sign(CREATED).image.replace(b"/trainedAlgorithmicMedia", b"/TrainedAlgorithmicMedia")
    data = sign(("c2pa.opened", None), image_format="PNG", ingredients=[("parentOf", part)]).image
    found = manifest_evidence(data, trust_anchors=house.root)
    # The library calls the store as a whole trusted all the same.
    assert _facts(found)["validation"] == "Trusted"
    assert not found.decides
    assert found.log_likelihood_ratio == judgements.SIGNED_NEARBY
    assert "doesn't check out" in found.sentence


def test_expired_certificate_is_not_called_tampering(sign):
    store = manifest_reading.read_manifests(sign(CREATED).image, "JPEG").store
    assert store is not None
    assert judge(ManifestStore(store)).decides
    # Nobody can sign with an expired certificate here, so the library's finding is put in.
    store["validation_state"] = "Invalid"
    store["validation_results"]["activeManifest"]["failure"].append({"code": "claimSignature.outsideValidity"})
    found = judge(ManifestStore(store))
    assert not found.decides
    assert "tampered" not in found.sentence
    assert "isn't valid" in found.sentence


class _Counting(BaseHTTPRequestHandler):
    manifest = b""
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.send_header("Content-Type", "application/c2pa")
        self.send_header("Content-Length", str(len(self.manifest)))
        self.end_headers()
        self.wfile.write(self.manifest)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[_Counting]]]:
    handler = type("Handler", (_Counting,), {})
    listening = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}/m.c2pa", handler
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_remote_manifest_is_not_fetched_unless_asked(manifest_evidence, sign, server):
    address, handler = server
    signed = sign(CREATED, remote=address)
    handler.manifest = signed.manifest
    offline = manifest_evidence(signed.image)
    assert handler.asked == 0
    assert offline.abstains
    assert "was not checked" in offline.sentence
    assert _facts(offline)["remote manifest"] == address
    online = manifest_evidence(signed.image, online=True)
    assert handler.asked >= 1
    assert online.decides
    assert _facts(online)["fetched from"] == address


def test_remote_manifest_is_not_fetched_either_when_bytes_look_like_a_manifest(manifest_evidence, sign, server):
    address, handler = server
    signed = sign(CREATED, remote=address).image
    looks = signed[:2] + b"\xff\xfe\x00\x0cjumb c2pa " + signed[2:]
    assert manifest_reading.may_carry_manifest(looks)
    assert manifest_evidence(looks).abstains
    assert handler.asked == 0


def test_offline_settings_lock_the_network_twice():
    offline = manifest_reading.reader_settings(False, "")
    assert offline["verify"] == {"remote_manifest_fetch": False, "ocsp_fetch": False}
    assert offline["core"] == {"decode_identity_assertions": False, "allowed_network_hosts": []}


def test_trust_anchors_that_are_none(picture, tmp_path):
    specimen = open_specimen(picture())
    with pytest.raises(OptionError, match="can't be read"):
        examine_provenance(specimen, trust_anchors=tmp_path / "absent.pem")
    (tmp_path / "text.pem").write_text("no certificate")
    with pytest.raises(OptionError, match="holds no PEM certificates"):
        examine_provenance(specimen, trust_anchors=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match=r"no \.pem file"):
        examine_provenance(specimen, trust_anchors=tmp_path / "empty")


def test_folder_of_trust_anchors(manifest_evidence, sign, house, stranger, tmp_path):
    for index, authority in enumerate((stranger, house)):
        (tmp_path / f"{index}.pem").write_bytes(authority.root.read_bytes())
    assert _facts(manifest_evidence(sign(CREATED).image, trust_anchors=tmp_path))["validation"] == "Trusted"


@pytest.mark.parametrize(
    ("script", "timeout", "reason"),
    [
        ("import os; os.abort()", 60, "broke down"),
        ("import time; time.sleep(60)", 0.5, "was stopped after 0.5 s"),
        ("print('x' * 1000)", 60, "answer can't be read"),
    ],
)
def test_reader_that_crashes_hangs_or_babbles_costs_only_itself(
    manifest_evidence, sign, tmp_path, monkeypatch, script, timeout, reason
):
    child = tmp_path / "child.py"
    child.write_text(f"import sys; sys.stdin.buffer.read()\n{script}\n")
    monkeypatch.setattr(manifest_reading, "_CHILD", child)
    monkeypatch.setattr(manifest_reading, "TIMEOUT", timeout)
    found = manifest_evidence(sign(CREATED).image)
    assert found.abstains
    assert reason in found.sentence


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux's")
def test_reader_has_bounded_memory():
    code = (
        f"import runpy; child = runpy.run_path({manifest_child.__file__!r}); "
        "child['limit_memory'](0); bytearray(2 << 30)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MemoryError" in ended.stderr


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_manifests_never_decide_more_than_the_original(manifest_evidence, sign, data):
    """A byte changed within the manifest of a photograph: whatever comes, it never becomes "generated"."""
    original = sign(TAKEN).image
    start = original.index(b"jumb")
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        mutated[data.draw(st.integers(start, start + 3000))] = data.draw(st.integers(0, 255))
    found = manifest_evidence(bytes(mutated))
    assert not found.decides


_KEYS = [
    *("manifests", "active_manifest", "assertions", "data", "actions", "action", "digitalSourceType", "ingredients"),
    *("validation_results", "activeManifest", "failure", "validation_state", "relationship", "signature_info", "a"),
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # Drawing is slow on a busy machine.
@given(
    st.dictionaries(st.sampled_from(["manifests", "active_manifest", "validation_state", "validation_results"]), _JSON)
)
def test_any_json_is_judged(store):
    assert not judge(ManifestStore(store)).decides or store["validation_state"] in ("Valid", "Trusted")


def test_ingredients_that_refer_to_each_other_end():
    manifest = {"ingredients": [{"active_manifest": "b", "relationship": "parentOf"}]}
    other = {"ingredients": [{"active_manifest": "a", "relationship": "parentOf"}]}
    store = ManifestStore(
        {"active_manifest": "a", "manifests": {"a": manifest, "b": other}, "validation_state": "Valid"}
    )
    assert store.claims() == ()
