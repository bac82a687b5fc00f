"""Counts in sentences: one image and two images, the first and the 22nd."""

from __future__ import annotations

from collections.abc import Sized


def counted(count: int | Sized, noun: str, plural: str | None = None) -> str:
    """``"1 image"``, ``"2,000 images"``.

    Parameters
    ----------
    count
        A number, or what is to be counted.
    noun
        For one of them.
    plural
        For none or several; `noun` with an s by default.
    """
    number = count if isinstance(count, int) else len(count)
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def ordinal(number: int) -> str:
    """``"1st"``, ``"2nd"``, ``"3rd"``, ``"11th"``."""
    if number % 100 in (11, 12, 13):
        return f"{number:,}th"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
