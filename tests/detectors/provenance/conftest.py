"""Pictures in several formats, two certificate authorities, and a signer that makes manifests with c2pa-python."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance.examining import examine_provenance
from ganeval.detectors.specimen import open_specimen

MEDIA = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "MP4": "video/mp4",
}
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True)
class Authority:
    root: Path
    chain: bytes
    key: bytes


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test house"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _usage(**given: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    names += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})


def _certificate(
    subject: str,
    issuer: str,
    public: ec.EllipticCurvePublicKey,
    signing: ec.EllipticCurvePrivateKey,
    usages: Sequence[x509.ObjectIdentifier] = (),
) -> x509.Certificate:
    now = datetime.now(timezone.utc)
    root = subject == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(root, None), critical=True)
        .add_extension(_usage(key_cert_sign=root, crl_sign=root, digital_signature=not root), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    if not root:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(signing, hashes.SHA256())


def _authority(
    folder: Path, name: str, usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)
) -> Authority:
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate(f"{name} root", f"{name} root", root_key.public_key(), root_key)
    leaf = _certificate(f"{name} signer", f"{name} root", leaf_key.public_key(), root_key, usages)
    pem = serialization.Encoding.PEM
    path = folder / f"{name}.pem"
    path.write_bytes(root.public_bytes(pem))
    key = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Authority(path, leaf.public_bytes(pem) + root.public_bytes(pem), key)


@pytest.fixture(scope="session")
def authority() -> Callable[..., Authority]:
    """``authority(folder, name, usages)``: a root in a PEM file, and a signer whose certificate is made for those."""
    return _authority


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return _authority(tmp_path_factory.mktemp("house"), "house")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return _authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """An encoded picture: ``picture("JPEG", (width, height), **pillow_options)``."""

    def make(image_format: str = "JPEG", size: tuple[int, int] = (48, 32), **options: Any) -> bytes:
        y, x = np.mgrid[: size[1], : size[0]]
        pixels = np.stack([x * 3 % 256, y * 5 % 256, (x + y) % 256], axis=-1).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, image_format, **options)
        return stream.getvalue()

    return make


@dataclass(frozen=True)
class Signed:
    image: bytes
    manifest: bytes


@pytest.fixture(scope="session")
def sign(house: Authority, picture: Callable[..., bytes]) -> Callable[..., Signed]:
    """Sign a picture: actions are pairs of action and source type; ingredients pairs of relationship and JPEG."""

    def make(
        *actions: tuple[str, str | None],
        image_format: str = "JPEG",
        label: str = "c2pa.actions.v2",
        authority: Authority = house,
        ingredients: Sequence[tuple[str, bytes]] = (),
        remote: str | None = None,
        extra: Sequence[dict[str, Any]] = (),
        unsigned: bytes | None = None,
    ) -> Signed:
        written = []
        for action, source in actions:
            entry: dict[str, Any] = {"action": action}
            if source is not None:
                entry["digitalSourceType"] = SOURCE + source
            if action in ("c2pa.opened", "c2pa.placed"):
                entry["parameters"] = {"ingredientIds": ["ingredient 0"]}
            written.append(entry)
        definition = {
            "claim_generator_info": [{"name": "test painter", "version": "1.5"}],
            "assertions": [{"label": label, "data": {"actions": written}}, *extra],
        }
        settings = {
            "version": 1,
            "builder": {"thumbnail": {"enabled": False}},
            "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
        }
        builder = c2pa.Builder.from_json(json.dumps(definition), context=c2pa.Context.from_dict(settings))
        for index, (relationship, data) in enumerate(ingredients):
            described = {"title": "part", "relationship": relationship, "label": f"ingredient {index}"}
            builder.add_ingredient(json.dumps(described), "image/jpeg", io.BytesIO(data))
        if remote is not None:
            builder.set_remote_url(remote)
            builder.set_no_embed()
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", authority.chain, authority.key, None))
        out = io.BytesIO()
        source_bytes = io.BytesIO(picture(image_format) if unsigned is None else unsigned)
        manifest = builder.sign(signer, MEDIA[image_format], source_bytes, out)
        return Signed(out.getvalue(), manifest)

    return make


@pytest.fixture(scope="session")
def manifest_evidence() -> Callable[..., Evidence]:
    """What is said of a picture's manifests, given its bytes and options."""

    def examined(data: bytes, **options: Any) -> Evidence:
        (found,) = (one for one in examine_provenance(open_specimen(data), **options) if one.detector == "c2pa")
        return found

    return examined
