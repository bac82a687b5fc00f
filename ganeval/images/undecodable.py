"""Says in words that a person understands why an image can't be decoded."""

from __future__ import annotations

from PIL import Image

from ganeval.images.names import IMAGE_SUFFIXES

TRUNCATED = "truncated: the file ends in the middle of the image"

# Pillow "cannot load" a file in which no pixels begin.
_TRUNCATION_SIGNS = (
    "cannot load this image",
    "truncated",
    "unexpected end",
    "buffer is not large enough",
    "not enough image data",
    "no more images in gif",
)

# First bytes of things that get taken for images, with what they are.
_KNOWN_BEGINNINGS = (
    (b"version https://git-lfs", "not an image but a Git LFS pointer: fetch the file itself with 'git lfs pull'"),
    (b"PK\x03\x04", "not an image but a zip archive"),
    (b"\x1f\x8b", "not an image but a gzip file"),
    (b"%PDF", "not an image but a PDF document"),
    (b"\x93NUMPY", "not an image but a NumPy array"),
    (b"8BPS", "not one of the formats that are read but a Photoshop document: export it as PNG or TIFF"),
    (b"\xff\x0a", "not one of the formats that are read but a JPEG XL picture: export it as PNG or TIFF"),
    (b"\0\0\0\x0cJXL ", "not one of the formats that are read but a JPEG XL picture: export it as PNG or TIFF"),
    (b"\0\0\0\x0cjP  ", "not one of the formats that are read but a JPEG 2000 picture: export it as PNG or TIFF"),
)
# What the "ftyp" box of an ISO media file names, from byte 8.
_BRANDS = {
    b"heic": "a HEIC picture",
    b"heix": "a HEIC picture",
    b"hevc": "a HEIC sequence",
    b"mif1": "a HEIF picture",
    b"msf1": "a HEIF sequence",
    b"avif": "an AVIF picture",
    b"avis": "an AVIF sequence",
    b"crx ": "a CR3 raw file",
}
_WEB_PAGE_BEGINNINGS = (b"<!doctype html", b"<html")


class UndecodableError(Exception):
    """An image can't be decoded; the message is the reason, fit for the user's eyes."""


def limit_in_pixels() -> int | None:
    """The most pixels that an image may have: Pillow's ``Image.MAX_IMAGE_PIXELS``, None where that was switched off."""
    return Image.MAX_IMAGE_PIXELS


def ends_early(data: bytes) -> bool:
    """Whether a WebP or TIFF is shorter than its first bytes say; for the other formats, decoding tells."""
    if data[:4] == b"RIFF":
        return 8 + int.from_bytes(data[4:8], "little") > len(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big") + 2 > len(data)
    return False


def reason_for(error: Exception, name: str | None) -> str:
    """The reason behind an exception that Pillow raised when it opened or loaded an image of that format."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"larger than the limit of {limit_in_pixels()} pixels (decompression bomb)"
    message = str(error)
    if "MAX_TEXT_" in message:
        return (
            "its compressed texts unpack to more than a megabyte, as in a bomb or in very long generation "
            "parameters: save it anew without texts"
        )
    if isinstance(error, EOFError) or any(sign in message.lower() for sign in _TRUNCATION_SIGNS):
        return TRUNCATED
    return f"broken {name or 'image'}: {message or type(error).__name__}"


def what_it_is_instead(data: bytes) -> str:
    """What bytes that begin like no known image format seem to be."""
    for beginning, meaning in _KNOWN_BEGINNINGS:
        if data.startswith(beginning):
            return meaning
    if data[4:8] == b"ftyp":
        brand = _BRANDS.get(data[8:12], "a video or another ISO media file")
        return f"not one of the formats that are read but {brand}: export it as PNG or TIFF"
    head = data[:512]
    if head.lstrip().lower().startswith(_WEB_PAGE_BEGINNINGS):
        return "not an image: begins like a web page"
    if b"<svg" in head.lower():
        return "not a picture of pixels but an SVG drawing"
    if not any(head):
        return "not an image: begins with zero bytes"
    if _reads_as_text(head):
        return "not an image: begins like text"
    known = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
    return f"not an image of a known format ({known})"


def _reads_as_text(head: bytes) -> bool:
    # The last character may be cut in two.
    text = head.decode("utf-8", "ignore")
    whole = len(text.encode("utf-8")) >= len(head) - 3
    return whole and all(character.isprintable() or character.isspace() for character in text)
