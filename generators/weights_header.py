"""What the header of a generator's safetensors file says, read without the weights."""

from __future__ import annotations

import json
from typing import IO, Any

#: One key, as safetensors writes several in an order that changes from process to process.
HEADER_KEY = "ganeval"
# A header of safetensors may have no more.
_LONGEST = 100_000_000


def header_of_file(stream: IO[bytes]) -> dict[str, Any]:
    """Format, model, config and made, from the beginning of a file that `save_model` wrote.

    Raises
    ------
    ValueError
        If it is no safetensors file with such a header.
    """
    length = int.from_bytes(stream.read(8), "little")
    text = stream.read(length) if length <= _LONGEST else b""
    if len(text) < max(length, 1):
        raise ValueError("the header is longer than the file")
    found = json.loads(text)
    described = found.get("__metadata__") if isinstance(found, dict) else None
    if not isinstance(described, dict) or HEADER_KEY not in described:
        raise ValueError("its header names no model")
    header = json.loads(described[HEADER_KEY])
    if not isinstance(header, dict):
        raise ValueError("the header is no table")
    return header
