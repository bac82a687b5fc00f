"""Reads EXIF (JEITA CP-3451, a TIFF structure) out of possibly broken bytes, taking what can be read and no more."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

_NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0112: "Orientation",
    0x0131: "Software",
    0x0132: "DateTime",
    0x013B: "Artist",
    0x8298: "Copyright",
    0x829A: "ExposureTime",
    0x829D: "FNumber",
    0x8827: "ISO",
    0x9000: "ExifVersion",
    0x9003: "DateTimeOriginal",
    0x9004: "DateTimeDigitized",
    0x9201: "ShutterSpeedValue",
    0x9202: "ApertureValue",
    0x920A: "FocalLength",
    0x9286: "UserComment",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9D: "XPAuthor",
    0xA002: "PixelXDimension",
    0xA003: "PixelYDimension",
    0xA405: "FocalLengthIn35mm",
    0xA431: "BodySerialNumber",
    0xA434: "LensModel",
}
_EXIF_IFD, _GPS_IFD, _MAKER_NOTE, _XMP, _IPTC = 0x8769, 0x8825, 0x927C, 0x02BC, 0x83BB
_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
_RATIONALS = {5: "I", 10: "i"}
# More than any camera writes.
_MAX_ENTRIES = 1_000
_MAX_VALUE = 4 << 20
_MAX_NUMBERS = 64

Number = int | float


@dataclass
class Exif:
    """What could be read.

    Parameters
    ----------
    texts
        Tag name to text, stripped.
    numbers
        Tag name to its first number; a rational as a quotient.
    maker_note
        Length of the maker's note in bytes, 0 without one.
    has_gps
        Whether there is a block with the place.
    thumbnail
        The embedded small JPEG, or b"".
    xmp, iptc
        Of a TIFF: the blocks in its tags.
    problems
        What was broken, in words.
    """

    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    maker_note: int = 0
    has_gps: bool = False
    thumbnail: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    problems: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether no known tag was found."""
        return not (self.texts or self.numbers or self.maker_note or self.thumbnail or self.has_gps)


@dataclass(frozen=True)
class _Entry:
    tag: int
    kind: int
    count: int
    value: bytes
    whole: bool


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
        self.seen: set[int] = set()

    def integer(self, code: str, position: int) -> int | None:
        size = struct.calcsize(code)
        raw = self.data[position : position + size]
        return int(struct.unpack(self.order + code, raw)[0]) if len(raw) == size else None

    def directory(self, offset: int, problems: list[str]) -> tuple[list[_Entry], int]:
        """The entries at `offset` and the offset of the next directory (0: none)."""
        count = self.integer("H", offset)
        if offset in self.seen or count is None or count > _MAX_ENTRIES:
            problems.append("a directory is missing, too long, or points back to itself")
            return [], 0
        self.seen.add(offset)
        entries: list[_Entry] = []
        tags: set[int] = set()
        for index in range(count):
            entry = self._entry(offset + 2 + 12 * index)
            if entry is None:
                problems.append("the data breaks off within a directory")
                return entries, 0
            # Only known tags, each once: a thousand of them could each claim the whole file for its value.
            if entry.tag in tags or entry.tag not in _KNOWN:
                continue
            tags.add(entry.tag)
            if not entry.whole:
                problems.append(f"the value of tag 0x{entry.tag:04x} lies outside of the data")
            else:
                entries.append(entry)
        return entries, self.integer("I", offset + 2 + 12 * count) or 0

    def _entry(self, position: int) -> _Entry | None:
        raw = self.data[position : position + 12]
        if len(raw) < 12:
            return None
        tag, kind, count = struct.unpack(self.order + "HHI", raw[:8])
        length = _SIZES.get(kind, 0) * count
        if length <= 4:
            return _Entry(tag, kind, count, raw[8 : 8 + length], bool(length))
        offset = struct.unpack(self.order + "I", raw[8:])[0]
        whole = offset + length <= len(self.data)
        wanted = whole and tag in _KNOWN
        return _Entry(tag, kind, count, self.data[offset : offset + min(length, _MAX_VALUE)] if wanted else b"", whole)

    def numbers(self, entry: _Entry) -> list[Number]:
        if entry.kind in _INTEGERS:
            code = _INTEGERS[entry.kind]
            count = min(entry.count, _MAX_NUMBERS)
            return list(struct.unpack(f"{self.order}{count}{code}", entry.value[: count * _SIZES[entry.kind]]))
        if entry.kind in _RATIONALS:
            above, below = struct.unpack(self.order + 2 * _RATIONALS[entry.kind], entry.value[:8])
            return [above / below] if below else []
        return []


def read_exif(data: bytes) -> Exif:
    """EXIF from a TIFF structure (without the "Exif" header); broken parts are left out and named in `problems`."""
    found = Exif()
    reader = _Reader(data)
    start = reader.integer("I", 4) if reader.order else None
    if start is None:
        found.problems.append("no TIFF header")
        return found
    entries, following = reader.directory(start, found.problems)
    _take(reader, entries, found)
    if following:
        _take_thumbnail(reader, following, found)
    return found


def _take(reader: _Reader, entries: list[_Entry], found: Exif) -> None:
    for entry in entries:
        special = _SPECIAL.get(entry.tag)
        if special is not None:
            special(reader, entry, found)
        elif entry.tag in _NAMES:
            _take_named(reader, entry, _NAMES[entry.tag], found)


def _take_named(reader: _Reader, entry: _Entry, name: str, found: Exif) -> None:
    numbers = reader.numbers(entry)
    if name.startswith("XP"):
        text = entry.value.decode("utf-16-le", "replace")
    elif name == "UserComment":
        text = _comment(entry.value, reader.order)
    elif entry.kind in (2, 7):
        text = _text(entry.value)
    elif numbers:
        found.numbers.setdefault(name, numbers[0])
        return
    else:
        return
    if text := text.strip("\0 \t\r\n"):
        found.texts.setdefault(name, text)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _comment(raw: bytes, order: str) -> str:
    """EXIF 2.3, UserComment: eight bytes name the characters, then come the characters."""
    code, body = raw[:8], raw[8:]
    if code.startswith(b"UNICODE"):
        # The byte order isn't said, and programs differ from the file's: take the one with more plain letters.
        little, big = body.decode("utf-16-le", "replace"), body.decode("utf-16-be", "replace")
        return max((little, big) if order == "<" else (big, little), key=_plain_letters)
    return _text(body if code.rstrip(b"\0") in (b"ASCII", b"JIS", b"") else raw)


def _plain_letters(text: str) -> int:
    return sum(c.isascii() for c in text[:1000])


def _take_exif_ifd(reader: _Reader, entry: _Entry, found: Exif) -> None:
    for offset in reader.numbers(entry)[:1]:
        entries, _ = reader.directory(int(offset), found.problems)
        _take(reader, entries, found)


def _take_gps(reader: _Reader, entry: _Entry, found: Exif) -> None:
    found.has_gps = True


def _take_maker_note(reader: _Reader, entry: _Entry, found: Exif) -> None:
    found.maker_note = len(entry.value)


def _take_xmp(reader: _Reader, entry: _Entry, found: Exif) -> None:
    found.xmp = entry.value


def _take_iptc(reader: _Reader, entry: _Entry, found: Exif) -> None:
    found.iptc = entry.value


def _take_thumbnail(reader: _Reader, offset: int, found: Exif) -> None:
    entries, _ = reader.directory(offset, found.problems)
    where = {entry.tag: reader.numbers(entry) for entry in entries}
    start, length = (next(iter(where.get(tag, [])), 0) for tag in (_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH))
    if start and length and start + length <= len(reader.data):
        found.thumbnail = reader.data[int(start) : int(start + length)]


_SPECIAL: dict[int, Callable[[_Reader, _Entry, Exif], None]] = {
    _EXIF_IFD: _take_exif_ifd,
    _GPS_IFD: _take_gps,
    _MAKER_NOTE: _take_maker_note,
    _XMP: _take_xmp,
    _IPTC: _take_iptc,
}
_KNOWN = frozenset({*_NAMES, *_SPECIAL, _THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH})
