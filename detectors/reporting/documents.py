"""Verdicts as JSON documents of the schemas ``ganeval/verdict@1`` (one) and ``ganeval/verdicts@1`` (a batch)."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from typing import Any

from ganeval.detectors.verdict import SCHEMA, Verdict
from ganeval.report.serialise import plain_text

#: The format of a batch's document: an object with this as ``"schema"`` and an array ``"verdicts"``.
BATCH_SCHEMA = "ganeval/verdicts@1"


def verdict_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``ganeval/verdict@1``, a fresh dictionary with each call."""
    text = files("ganeval.detectors.reporting").joinpath("verdict.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain JSON values of ``ganeval/verdict@1``: numbers that aren't finite become null."""
    document: dict[str, Any] = plain_values({**verdict.as_dict(), "error": None})
    return document


def error_document(path: str, error: str) -> dict[str, Any]:
    """The document of a file that couldn't be examined: an error in the place of a verdict."""
    empty = dict.fromkeys(("verdict", "probability", "low", "high"))
    document: dict[str, Any] = plain_values({"schema": SCHEMA, "path": path, **empty, "reason": "", "error": error})
    return document


def plain_values(value: Any) -> Any:
    """`value` with nothing in it that JSON can't hold: numbers that aren't finite become null, text is Unicode."""
    if isinstance(value, dict):
        return {plain_text(str(key)): plain_values(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(one) for one in value]
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None
