"""Text of the command line to values, with errors that name the option."""

from __future__ import annotations

import math
import os
import re
import sys

from ganeval.errors import OptionError

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"k": 2**10, "kib": 2**10, "m": 2**20, "mib": 2**20, "g": 2**30, "gib": 2**30, "t": 2**40, "tib": 2**40}
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse_value_range(text: str | None) -> tuple[float, float] | None:
    """``"0,1"`` or ``"-1,1"`` to a pair."""
    if text is None:
        return None
    ranges = {"0,1": (0.0, 1.0), "-1,1": (-1.0, 1.0)}
    key = text.replace(" ", "")
    if key not in ranges:
        raise OptionError(f"--value-range {text!r} is not known", hint="Use --value-range 0,1 or --value-range=-1,1.")
    return ranges[key]


def allow_local_modules(extractor: str) -> None:
    """Let an extractor of the user's own, ``package.module:Class``, stand in the folder where the command was typed."""
    if ":" in extractor:
        sys.path.append(os.getcwd())


def check_count(count: int | None, *sets: str | None) -> None:
    """Refuse a number of images to draw where nothing is drawn: it would look as if so many had been scored.

    Only sets of the form ``scheme:name``, such as ``generator:dcgan``, can be asked for a number.
    """
    if count is not None and not any(":" in spec for spec in sets if spec is not None):
        raise OptionError(
            f"--count {count} is for generators, and there is none",
            hint="Leave it out, or list the images to take in a text file and give that.",
        )


def parse_how_many(text: str, option: str) -> int | str | None:
    """``"10000"`` to a number, ``"all"`` to itself and ``"none"`` to None."""
    word = text.strip().lower().replace(",", "").replace("_", "")
    if word in ("all", "none"):
        return word if word == "all" else None
    if not word.isdecimal():
        raise OptionError(f"{option} {text!r} is not a number of images", hint="Write it like 10000, all or none.")
    return int(word)


def parse_part(text: str, option: str) -> float:
    """``"5%"`` or ``"0.05"`` to 0.05."""
    number, percent, rest = text.strip().partition("%")
    try:
        part = float(number) / (100 if percent else 1)
    except ValueError:
        part = math.nan
    if rest or not (math.isfinite(part) and part > 0):
        raise OptionError(f"{option} {text!r} is not a part above 0", hint="Write it like 5% or 0.05.")
    return part


def parse_bytes(text: str, option: str) -> int:
    """``"500MB"``, ``"10G"``, ``"2GiB"`` to a number of bytes."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise OptionError(f"{option} {text!r} is not a size", hint="Write it like 500MB, 10GB or 2GiB.")
    return int(float(match[1]) * _UNITS[match[2]])


def parse_span(text: str, option: str) -> float:
    """``"30d"``, ``"12h"`` to seconds."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([smhdw])", text.strip().lower())
    if match is None:
        raise OptionError(f"{option} {text!r} is not a span of time", hint="Write it like 30d, 12h or 90m.")
    return float(match[1]) * _SPANS[match[2]]


def bytes_in_words(count: float) -> str:
    """A number of bytes for people, such as ``"1.2 GB"``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
