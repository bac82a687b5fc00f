"""``ganeval latent`` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

CELL = 86  # 28 pixels, three times enlarged, and a gap.


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        assert json.loads(picture.text["ganeval"])["model"] == "dcgan"  # type: ignore[attr-defined]
        return picture.size


def test_interpolate(ganeval: Callable[..., Any], tmp_path: Path) -> None:
    done = ganeval("latent", "interpolate", "dcgan", 3, 17, 42, "--steps", 5, "--out", tmp_path / "g.png")
    assert done.code == 0, done.err
    width, height = size_of(tmp_path / "g.png")
    assert height == 2 * CELL + 2
    assert 5 * CELL + 2 < width < 5 * CELL + 80


def test_arithmetic(ganeval: Callable[..., Any], tmp_path: Path) -> None:
    done = ganeval("latent", "arithmetic", "dcgan", "3,5,8 - 4 + 1,2", "--out", tmp_path / "g.png")
    assert done.code == 0, done.err
    assert size_of(tmp_path / "g.png")[1] == 4 * CELL + 2


def test_neighbours_are_named(ganeval: Callable[..., Any], tmp_path: Path) -> None:
    made = ganeval("generate", "dcgan", "-n", 5, "--out", tmp_path / "s")
    assert made.code == 0
    done = ganeval(
        *("latent", "neighbours", "dcgan", 0, 4, "--real", tmp_path / "s", "-k", 2, "--out", tmp_path / "g.png")
    )
    assert done.code == 0, done.err
    assert "0: 000000.png (0), " in done.out
    assert "4: 000004.png (0), " in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mix", "dcgan"), "can't mix styles"),
        (("truncation", "dcgan"), "no truncation"),
        (("interpolate", "dcgan", 3), "two samples or more"),
        (("interpolate", "dcgan", 3, 4, "--steps", 1), "a path of 1 steps"),
        (("arithmetic", "dcgan", "3 * 4"), "no sum of samples"),
        (("neighbours", "dcgan", 0, "--real", "no-such-set"), "no-such-set"),
        (("interpolate", "dcgam", 3, 4), "Did you mean 'dcgan'"),
        (("truncation", "dcgan", "--values", "much"), "--values 'much'"),
        (("mix", "dcgan", "--rows", "a"), "--rows 'a'"),
    ],
)
def test_what_cannot_be_is_told_in_words(
    ganeval: Callable[..., Any], tmp_path: Path, arguments: tuple[Any, ...], message: str
) -> None:
    done = ganeval("latent", *arguments, "--out", tmp_path / "g.png")
    assert done.code == 2
    assert message in done.text
    assert not (tmp_path / "g.png").exists()


def test_a_folder_that_is_missing(ganeval: Callable[..., Any], tmp_path: Path) -> None:
    done = ganeval("latent", "interpolate", "dcgan", 1, 2, "--out", tmp_path / "missing" / "g.png")
    assert (done.code, "can't write" in done.text) == (2, True)
