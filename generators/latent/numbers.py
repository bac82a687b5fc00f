"""Lists of numbers as they are typed: ``0-3,6`` and ``0.2,0.5``."""

from __future__ import annotations

import math

from ganeval.errors import OptionError

_MOST = 10_000


def parse_numbers(text: str, option: str) -> list[int]:
    """``"0-3,6"`` to [0, 1, 2, 3, 6], in the order in which they are typed.

    Raises
    ------
    OptionError
        If it can't be read, or is absurdly long.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        whole = first.isdecimal() and (last.isdecimal() if dash else not last)
        if not whole or (dash and int(last) < int(first)) or (dash and int(last) - int(first) >= _MOST):
            raise OptionError(f"{option} {text!r} is no list of numbers", hint="Write it like 0-3,6.")
        found += range(int(first), int(last if dash else first) + 1)
    return found


def parse_strengths(text: str) -> list[float]:
    """``"0.2,0.5"`` to [0.2, 0.5]; raises `OptionError` if it can't be read."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise OptionError(f"--values {text!r} is no list of numbers", hint="Write it like 0.2,0.5,1.")
    return values
