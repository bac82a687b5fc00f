"""What an image file carries besides its pixels, as bytes by kind: EXIF, XMP, IPTC, texts; with bounds on everything.

Pillow isn't asked: it decodes all of a broken block or none of it, and keeps the last of several.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from ganeval.detectors.provenance.jpeg_segments import APP1, APP13, COM, segments

#: Of one block after decompression; a longer one is cut there, and that is reported.
MAX_BLOCK = 4 << 20
#: Of all texts of a file together.
MAX_TEXTS = 16 << 20
_MAX_CHUNKS = 500_000
_MAX_TEXT_CHUNKS = 1_000

_EXIF_HEADER = b"Exif\0\0"
_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP_HEADER = b"Photoshop 3.0\0"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = "XML:com.adobe.xmp"


@dataclass(frozen=True)
class Text:
    """A text with its keyword, such as a PNG's tEXt chunk."""

    keyword: str
    text: str


@dataclass
class Carried:
    """The blocks of one file.

    Parameters
    ----------
    exif
        TIFF structure without the "Exif" header; of a TIFF, the whole file.
    xmp
        XMP packets as they stand.
    photoshop
        Photoshop image resources, which hold the IPTC data.
    texts
        PNG text chunks and JPEG comments.
    problems
        What was broken or cut, in words.
    """

    exif: bytes | None = None
    xmp: list[bytes] = field(default_factory=list)
    photoshop: bytes = b""
    texts: list[Text] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_carried(data: bytes) -> Carried:
    """The blocks of an image file of any kind; nothing is raised for broken ones."""
    found = Carried()
    for beginning, reader in _READERS:
        if re.match(beginning, data, re.DOTALL):
            reader(data, found)
            break
    return found


def _read_jpeg(data: bytes, found: Carried) -> None:
    extended: list[bytes] = []
    for segment in segments(data):
        payload = segment.payload
        if segment.marker == APP1 and payload.startswith(_EXIF_HEADER):
            if found.exif is None:
                found.exif = payload[len(_EXIF_HEADER) :]
            else:
                found.problems.append("a second EXIF block was passed over")
        elif segment.marker == APP1 and payload.startswith(_XMP_HEADER):
            found.xmp.append(payload[len(_XMP_HEADER) :])
        elif segment.marker == APP1 and payload.startswith(_EXTENDED_XMP_HEADER):
            # A digest of 32 characters, the whole length and this part's offset stand before the part.
            extended.append(payload[len(_EXTENDED_XMP_HEADER) + 40 :])
        elif segment.marker == APP13 and payload.startswith(_PHOTOSHOP_HEADER):
            _add_photoshop(payload[len(_PHOTOSHOP_HEADER) :], found)
        elif segment.marker == COM and len(found.texts) < _MAX_TEXT_CHUNKS:
            found.texts.append(Text("comment", payload.decode("utf-8", "replace")))
    if extended:
        found.xmp.append(b"".join(extended))


def _add_photoshop(block: bytes, found: Carried) -> None:
    if len(found.photoshop) < MAX_BLOCK:
        found.photoshop += block


def _read_png(data: bytes, found: Carried) -> None:
    position = len(_PNG_SIGNATURE)
    left = MAX_TEXTS
    texts = 0
    for _ in range(_MAX_CHUNKS):
        head = data[position : position + 8]
        if len(head) < 8:
            return
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        start = position + 8
        if start + length > len(data) or kind == b"IEND":
            return
        position = start + length + 4
        if kind == b"eXIf" and found.exif is None:
            found.exif = data[start : start + length].removeprefix(_EXIF_HEADER)
        reader = _PNG_TEXTS.get(kind)
        if reader is None:
            continue
        texts += 1
        if texts > _MAX_TEXT_CHUNKS or left <= 0:
            found.problems.append("further text chunks were passed over: too many or too long")
            return
        text = reader(data[start : start + length], found)
        if text is not None:
            left -= len(text.text)
            _file_text(text, found)


def _file_text(text: Text, found: Carried) -> None:
    """Put a PNG text where it belongs: XMP, ImageMagick's "raw profiles", or the texts."""
    if text.keyword == _XMP_KEYWORD:
        found.xmp.append(text.text.encode())
        return
    profile = _RAW_PROFILES.get(text.keyword)
    if profile is None:
        found.texts.append(text)
        return
    # "\nexif\n    1234\n" and then hexadecimal in lines.
    parts = text.text.split(None, 2)
    try:
        profile(bytes.fromhex("".join(parts[2].split())), found)
    except (ValueError, IndexError):
        found.problems.append(f"the chunk {text.keyword!r} isn't hexadecimal")


def _profile_exif(block: bytes, found: Carried) -> None:
    found.exif = found.exif or block.removeprefix(_EXIF_HEADER)


def _profile_iptc(block: bytes, found: Carried) -> None:
    _add_photoshop(block.removeprefix(_PHOTOSHOP_HEADER), found)


def _profile_xmp(block: bytes, found: Carried) -> None:
    found.xmp.append(block)


_RAW_PROFILES: dict[str, Callable[[bytes, Carried], None]] = {
    "Raw profile type exif": _profile_exif,
    "Raw profile type APP1": _profile_exif,
    "Raw profile type iptc": _profile_iptc,
    "Raw profile type xmp": _profile_xmp,
}


def _plain_text(chunk: bytes, found: Carried) -> Text:
    keyword, _, text = chunk.partition(b"\0")
    # The standard says Latin-1; the programs write UTF-8.
    return Text(_latin(keyword), _utf8_or_latin(text[:MAX_BLOCK]))


def _compressed_text(chunk: bytes, found: Carried) -> Text:
    keyword, _, rest = chunk.partition(b"\0")
    return Text(_latin(keyword), _utf8_or_latin(_inflated(rest[1:], _latin(keyword), found)))


def _international_text(chunk: bytes, found: Carried) -> Text | None:
    keyword, _, rest = chunk.partition(b"\0")
    fields = rest[2:].split(b"\0", 2)
    if len(rest) < 2 or len(fields) < 3:
        found.problems.append("an iTXt chunk is broken")
        return None
    text = _inflated(fields[2], _latin(keyword), found) if rest[0] else fields[2][:MAX_BLOCK]
    return Text(_latin(keyword), text.decode("utf-8", "replace"))


_PNG_TEXTS: dict[bytes, Callable[[bytes, Carried], Text | None]] = {
    b"tEXt": _plain_text,
    b"zTXt": _compressed_text,
    b"iTXt": _international_text,
}


def _inflated(packed: bytes, keyword: str, found: Carried) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, MAX_BLOCK)
    except zlib.error:
        found.problems.append(f"the compressed text {keyword!r} is broken")
        return b""
    if unpacker.unconsumed_tail:
        found.problems.append(f"the compressed text {keyword!r} was cut at {MAX_BLOCK >> 20} MiB")
    return text


def _latin(text: bytes) -> str:
    return text[:80].decode("latin-1")


def _utf8_or_latin(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _read_webp(data: bytes, found: Carried) -> None:
    position = 12
    for _ in range(_MAX_CHUNKS):
        head = data[position : position + 8]
        if len(head) < 8:
            return
        kind, length = head[:4], int.from_bytes(head[4:], "little")
        start = position + 8
        if start + length > len(data):
            return
        if kind == b"EXIF" and found.exif is None:
            found.exif = data[start : start + length].removeprefix(_EXIF_HEADER)
        elif kind == b"XMP ":
            found.xmp.append(data[start : start + length])
        position = start + length + (length & 1)


def _read_tiff(data: bytes, found: Carried) -> None:
    found.exif = data


def _read_gif(data: bytes, found: Carried) -> None:
    # Walking the blocks would mean parsing the pictures; the extension's name is long enough to search for.
    start = data.find(b"XMP DataXMP")
    end = data.find(b"<?xpacket end", start)
    if start >= 0 and end > start:
        found.xmp.append(data[start + 11 : end])


_READERS: tuple[tuple[bytes, Callable[[bytes, Carried], None]], ...] = (
    (rb"\xff\xd8\xff", _read_jpeg),
    (re.escape(_PNG_SIGNATURE), _read_png),
    (rb"RIFF....WEBP", _read_webp),
    (rb"II\*\0|MM\0\*", _read_tiff),
    (rb"GIF8[79]a", _read_gif),
)
