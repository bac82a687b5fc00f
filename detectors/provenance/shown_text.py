"""Turns text out of a stranger's file into one short line that is safe to print."""

from __future__ import annotations

#: Longest value of a fact, in characters; a prompt can have megabytes.
MAX_SHOWN = 400


def shown(value: object, limit: int = MAX_SHOWN) -> str:
    """`value` as one line without control characters (a terminal obeys those), cut to `limit` characters."""
    text = str(value)
    cut = text[: limit + 1]
    line = " ".join("".join(c if c.isprintable() else " " for c in cut).split())
    return line if len(text) <= limit else f"{line[:limit]} [... {len(text):,} characters in all]"
