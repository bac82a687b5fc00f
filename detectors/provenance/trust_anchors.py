"""Reads the root certificates whose signers the user wants to trust."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from ganeval.errors import OptionError

_HINT = "Give a PEM file of root certificates, or a folder of such files ending in .pem."


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
            x509.load_pem_x509_certificates(text)
            found.append(text.decode("ascii"))
        except ValueError as error:
            raise OptionError(f"{file} holds no PEM certificates", hint=_HINT) from error
    if not found:
        raise OptionError(f"the folder {path} holds no .pem file", hint=_HINT)
    return "\n".join(found)
