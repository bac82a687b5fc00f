"""Reads the authorities' certificates whose signers the user wants to trust."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ganeval.errors import OptionError

_HINT = (
    "Give a PEM file of authorities' certificates, roots or intermediates, or a folder of such files ending in .pem."
)


def read_trust_anchors(path: str | Path) -> str:
    """The certificates of a PEM file, or of all ``*.pem`` of a folder, as one PEM text.

    Raises
    ------
    OptionError
        If it can't be read or holds no certificate.
    """
    path = Path(path)
    try:
        files = sorted(path.glob("*.pem")) if path.is_dir() else [path]
        texts = [file.read_bytes() for file in files]
    except OSError as error:
        raise OptionError(f"the trust anchors {path} can't be read: {error.strerror or error}", hint=_HINT) from error
    found = []
    for file, text in zip(files, texts, strict=True):
        try:
            certificates = x509.load_pem_x509_certificates(text)
        except ValueError as error:
            raise OptionError(f"{file} holds no PEM certificates, or broken ones", hint=_HINT) from error
        for certificate in certificates:
            if not _may_issue(certificate):
                name = certificate.subject.rfc4514_string()
                raise OptionError(f"{file} holds a signer's certificate, not an authority's: {name}", hint=_HINT)
        # Without comments, which may be of any encoding.
        found += [one.public_bytes(Encoding.PEM).decode("ascii") for one in certificates]
    if not found:
        raise OptionError(f"the folder {path} holds no .pem file", hint=_HINT)
    return "\n".join(found)


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return True  # As of old roots.
