"""The label that China's standard GB 45438-2025 wants in the metadata of generated pictures: a JSON object "AIGC"."""

from __future__ import annotations

import json
from typing import Any

_MEANINGS = {
    "1": "labelled as generated",
    "2": "labelled as possibly generated",
    "3": "labelled as suspected of being generated",
}


def loads_bounded(text: str) -> Any:
    """The JSON value of `text`, or None where it is none or nested beyond what the parser takes."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_aigc_label(text: str) -> str | None:
    """What an AIGC label says, in words; None for a text that isn't one."""
    if "Label" not in text:
        return None
    label = loads_bounded(text)
    if isinstance(label, dict) and isinstance(label.get("AIGC"), dict):
        label = label["AIGC"]
    return _MEANINGS.get(str(label.get("Label"))) if isinstance(label, dict) else None
