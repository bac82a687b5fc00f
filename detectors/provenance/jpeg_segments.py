"""Walks the marker segments in front of a JPEG's first scan (ITU-T T.81, Annex B)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SOI, EOI, SOS, DQT, DHT, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
APP0, APP1, APP11, APP12, APP13, APP14 = 0xE0, 0xE1, 0xEB, 0xEC, 0xED, 0xEE
#: Start-of-frame markers: all 0xC0..0xCF but DHT, JPG and DAC.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

# A manifest of hundreds of megabytes is split into segments of 64 KiB; nothing honest has more than this.
_MAX_SEGMENTS = 20_000
# Any number of 0xFF may stand in front.
_MARKER = re.compile(rb"\xff+[^\xff]", re.DOTALL)
_WITHOUT_LENGTH = frozenset({0x01, SOI, EOI, *range(0xD0, 0xD8)})


@dataclass(frozen=True)
class Segment:
    """A marker's second byte and what follows its length field."""

    marker: int
    payload: bytes


def segments(data: bytes) -> Iterator[Segment]:
    """The segments up to the first scan, the SOS included; stops without an error where the file breaks off."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.match(data, position)
        if found is None:
            return
        marker = data[found.end() - 1]
        position = found.end()
        if marker == EOI:
            return
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            return
        yield Segment(marker, data[position + 2 : position + length])
        if marker == SOS:
            return
        position += length
