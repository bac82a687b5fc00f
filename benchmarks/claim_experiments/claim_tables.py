"""Tables of claims as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def markdown(table: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a table; all have the first one's columns."""
    heads = list(table[0])
    lines = [heads, ["---"] * len(heads)]
    lines += [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()] for row in table]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
