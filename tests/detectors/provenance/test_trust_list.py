"""The C2PA's list of trusted signers: unharmed, and asked without any option."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from ganeval.detectors.provenance import judgements, manifest_reading
from ganeval.detectors.provenance.manifest_reading import TRUST_LIST
from ganeval.errors import OptionError

ADOBE = "Adobe Product Issuing CA vault-a-or2.adobe.net cai"
#: Certificates whose issuer isn't on the list, with the checksum of what their issuer signed.
ALONE = {ADOBE: "e327aa43be79dda415d31e93c0179d35a1a6c33e418cad416ac7939a4848de55"}
CLAIMS = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
DOCUMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")


def certificates() -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(TRUST_LIST.read_bytes())


def name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_every_certificate_is_as_its_authority_signed_it() -> None:
    found = certificates()
    assert len(found) == len({one.tbs_certificate_bytes for one in found}) == 29
    by_subject = {one.subject: one for one in found}
    alone = {}
    for one in found:
        extensions = one.extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca, name(one)
        identifier = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        assert identifier == x509.SubjectKeyIdentifier.from_public_key(one.public_key()), name(one)
        if one.issuer in by_subject:
            assert issued(one, by_subject[one.issuer]), name(one)
        else:
            alone[name(one)] = hashlib.sha256(one.tbs_certificate_bytes).hexdigest()
    assert alone == ALONE


@pytest.mark.parametrize("house_is_listed", [True, False])
def test_a_signer_of_the_list_is_trusted_without_any_option(
    manifest_evidence: Any,
    house_is_listed: bool,
    sign: Any,
    house: Any,
    stranger: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = house if house_is_listed else stranger
    path = tmp_path / "signers.pem"
    path.write_bytes(TRUST_LIST.read_bytes() + b"\nSomebody\n" + listed.root.read_bytes())
    monkeypatch.setattr(manifest_reading, "TRUST_LIST", path)
    data = sign(("c2pa.created", "digitalCapture")).image
    found = manifest_evidence(data)
    assert found.abstains != house_is_listed
    assert (found.log_likelihood_ratio == judgements.TRUSTED_CAPTURE) == house_is_listed
    # The user's own are trusted besides.
    assert manifest_evidence(data, trust_anchors=house.root).log_likelihood_ratio == judgements.TRUSTED_CAPTURE
    assert manifest_evidence(data, trust_anchors=stranger.root).abstains != house_is_listed


@pytest.mark.parametrize("usages", [(CLAIMS, DOCUMENTS), (CLAIMS,), (DOCUMENTS,)])
def test_signers_of_all_profiles_are_believed(
    manifest_evidence: Any, usages: Any, sign: Any, authority: Any, tmp_path: Path
) -> None:
    other = authority(tmp_path, "other", usages)
    found = manifest_evidence(sign(("c2pa.created", "digitalCapture"), authority=other).image, trust_anchors=other.root)
    assert found.log_likelihood_ratio == judgements.TRUSTED_CAPTURE


def test_a_file_of_anchors_may_have_comments_but_no_signers_and_nothing_broken(
    manifest_evidence: Any, sign: Any, house: Any, tmp_path: Path
) -> None:
    data = sign(("c2pa.created", "digitalCapture")).image
    path = tmp_path / "own.pem"
    path.write_bytes("\ufeffUnsere Prüfstelle\n".encode() + house.root.read_bytes())
    assert manifest_evidence(data, trust_anchors=path).log_likelihood_ratio == judgements.TRUSTED_CAPTURE
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    path.write_bytes(house.root.read_bytes() + broken)
    with pytest.raises(OptionError, match="or broken ones"):
        manifest_evidence(data, trust_anchors=path)
    path.write_bytes(house.chain)
    with pytest.raises(OptionError, match="a signer's certificate, not an authority's: CN=house signer"):
        manifest_evidence(data, trust_anchors=path)
