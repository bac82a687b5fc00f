"""Counts in sentences."""

from __future__ import annotations

import pytest

from ganeval.wording import counted, ordinal


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 images"), (1, "1 image"), (2, "2 images"), (12345, "12,345 images"), ([7], "1 image")],
)
def test_counted(count, expected):
    assert counted(count, "image") == expected


def test_counted_with_a_plural_of_its_own():
    assert [counted(n, "class", "classes") for n in (1, 3)] == ["1 class", "3 classes"]


def test_ordinal():
    numbers = (1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 101, 111, 1003)
    assert [ordinal(n) for n in numbers] == [
        "1st", "2nd", "3rd", "4th", "10th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th", "1,003rd",
    ]  # fmt: skip
