"""The C2PA's list of trusted signers: unharmed, and asked without any option."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from ganeval.detectors.provenance import judgements, manifest_reading
from ganeval.detectors.provenance.examining import examine_provenance
from ganeval.detectors.provenance.manifest_reading import TRUST_LIST
from ganeval.detectors.specimen import open_specimen

LISTS = ("signers.pem", "time_stamps.pem")
#: Whose issuer isn't on the list.
ALONE = {"Adobe Product Issuing CA vault-a-or2.adobe.net cai"}


def certificates(file: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((TRUST_LIST / file).read_bytes())


def name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("file", "count"), [("signers.pem", 29), ("time_stamps.pem", 7)])
def test_every_certificate_is_as_its_authority_signed_it(file: str, count: int) -> None:
    found = certificates(file)
    assert len(found) == len({one.tbs_certificate_bytes for one in found}) == count
    by_subject = defaultdict(list)
    for one in [*certificates(LISTS[0]), *certificates(LISTS[1])]:
        by_subject[one.subject].append(one)
    for one in found:
        extensions = one.extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca, name(one)
        identifier = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        of_key = x509.SubjectKeyIdentifier.from_public_key(one.public_key())
        assert identifier == of_key, name(one)
        assert name(one) in ALONE or any(issued(one, issuer) for issuer in by_subject[one.issuer]), name(one)


def c2pa(data: bytes, **options: Any) -> Any:
    (found,) = (one for one in examine_provenance(open_specimen(data), **options) if one.detector == "c2pa")
    return found


@pytest.mark.parametrize("house_is_listed", [True, False])
def test_a_signer_of_the_list_is_trusted_without_any_option(
    house_is_listed: bool, sign: Any, house: Any, stranger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in LISTS:
        shutil.copy(TRUST_LIST / file, tmp_path)
    listed = house if house_is_listed else stranger
    with (tmp_path / LISTS[0]).open("ab") as opened:
        opened.write(b"\nSomebody\n" + listed.root.read_bytes())
    monkeypatch.setattr(manifest_reading, "TRUST_LIST", tmp_path)
    data = sign(("c2pa.created", "digitalCapture")).image
    found = c2pa(data)
    assert found.abstains != house_is_listed
    assert (found.log_likelihood_ratio == judgements.TRUSTED_CAPTURE) == house_is_listed
    # The user's own are trusted besides.
    assert c2pa(data, trust_anchors=house.root).log_likelihood_ratio == judgements.TRUSTED_CAPTURE
    assert c2pa(data, trust_anchors=stranger.root).abstains != house_is_listed


def test_authorities_of_time_stamps_are_authorities_of_signers_too() -> None:
    # The library doesn't hold the two lists apart, see the card: so none may be trusted by the second alone.
    def authorities(file: str) -> set[str]:
        of = NameOID.ORGANIZATION_NAME
        return {str(one.subject.get_attributes_for_oid(of)[0].value) for one in certificates(file)}

    assert authorities("time_stamps.pem") <= authorities("signers.pem")
