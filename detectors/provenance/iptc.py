"""Reads Photoshop image resources and the IPTC-IIM data set within (IIM version 4.2, record 2)."""

from __future__ import annotations

from collections.abc import Iterator

IPTC_RESOURCE = 0x0404
_MAX_ITEMS = 10_000
_FIELDS = {
    5: "ObjectName",
    40: "SpecialInstructions",
    55: "DateCreated",
    65: "OriginatingProgram",
    70: "ProgramVersion",
    80: "Byline",
    105: "Headline",
    110: "Credit",
    115: "Source",
    116: "CopyrightNotice",
    120: "Caption",
}


def resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each image resource ("8BIM"); stops where the block is broken."""
    position = 0
    for _ in range(_MAX_ITEMS):
        if block[position : position + 4] != b"8BIM" or position + 7 > len(block):
            return
        number = int.from_bytes(block[position + 4 : position + 6], "big")
        # A Pascal string, padded to an even length with its own length byte.
        name = block[position + 6] + 1
        position += 6 + name + (name & 1)
        length = int.from_bytes(block[position : position + 4], "big")
        start = position + 4
        if start + length > len(block):
            return
        yield number, block[start : start + length]
        position = start + length + (length & 1)


def read_iptc(block: bytes) -> dict[str, str]:
    """The known fields of record 2, several values of one joined with semicolons; stops where the data is broken."""
    found: dict[str, list[str]] = {}
    position = 0
    for _ in range(_MAX_ITEMS):
        head = block[position : position + 5]
        length = int.from_bytes(head[3:5], "big")
        start = position + 5
        # A length with its highest bit set belongs to an "extended" data set, which no text field needs.
        if len(head) < 5 or head[0] != 0x1C or length & 0x8000 or start + length > len(block):
            break
        if head[1] == 2 and head[2] in _FIELDS:
            value = block[start : start + length]
            found.setdefault(_FIELDS[head[2]], []).append(value.decode("utf-8", "replace").strip("\0 "))
        position = start + length
    return {name: "; ".join(values) for name, values in found.items()}
