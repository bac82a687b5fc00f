"""Images and files that the tests of this room share."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image


def encode(pixels: npt.NDArray[Any] | Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def png_16(values: npt.NDArray[np.uint16], transparent: tuple[int, ...] | None = None) -> bytes:
    """A 16-bit PNG [H, W, C], written by hand because Pillow can't: C of 1, 2, 3 or 4."""
    height, width, channels = values.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    key = chunk(b"tRNS", struct.pack(f">{channels}H", *transparent)) if transparent else b""
    body = chunk(b"IHDR", header) + key + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_16_interlaced(values: npt.NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG in Adam7 order: the seven passes of the PNG specification, section 8.2."""
    height, width, channels = values.shape
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    parts = (values[y::dy, x::dx] for y, x, dy, dx in passes)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for part in parts if part.size for row in part)
    plain = png_16(values)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 1)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return plain[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff_16(values: npt.NDArray[np.uint16], order: str, deflate: bool) -> bytes:
    """A 16-bit TIFF of one strip, [H, W, 3] or [H, W, 4], little ("<") or big (">") endian."""
    height, width, channels = values.shape
    raw = values.astype(f"{order}u2").tobytes()
    strip = zlib.compress(raw) if deflate else raw
    bits_at = 8 + len(strip)
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    short, long = 3, 4
    tags = [
        (256, long, 1, width),
        (257, long, 1, height),
        (258, short, channels, bits_at),
        (259, short, 1, 8 if deflate else 1),
        (262, short, 1, 2),
        (273, long, 1, 8),
        (277, short, 1, channels),
        (278, long, 1, height),
        (279, long, 1, len(strip)),
        *([(338, short, 1, 2)] if channels == 4 else []),
    ]
    entries = b""
    for tag, kind, count, value in tags:
        inline = kind == short and count == 1
        entries += struct.pack(f"{order}HHI", tag, kind, count)
        entries += struct.pack(f"{order}HH", value, 0) if inline else struct.pack(f"{order}I", value)
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", bits_at + len(bits))
    return header + strip + bits + struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", 0)


@pytest.fixture(scope="session")
def encoded_16_interlaced() -> Callable[..., bytes]:
    return png_16_interlaced


@pytest.fixture(scope="session")
def encoded_tiff_16() -> Callable[..., bytes]:
    return tiff_16


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    return encode


@pytest.fixture(scope="session")
def encoded_16() -> Callable[..., bytes]:
    return png_16


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def photo(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A smooth colour picture, uint8 [48, 64, 3]."""
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC))


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Six images in two classes and the root, with things among them that are no images."""
    root = tmp_path / "set"
    for name in ("cat/b.png", "cat/a.PNG", "dog/deep/x.jpg", "dog/c.webp", "Z.bmp", "a.tiff"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = path.suffix[1:].upper()
        path.write_bytes(encode(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), {"JPG": "JPEG"}.get(suffix, suffix)))
    for clutter in (".hidden.png", "__MACOSX/x.png", ".git/x.png", "Thumbs.db", "notes.txt"):
        path = root / clutter
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"clutter")
    return root
