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


def test_traverse_a_code(ganeval: Callable[..., Any], infogan: Path, tmp_path: Path) -> None:
    done = ganeval("latent", "traverse", infogan, "--along", "c1", "--samples", "0-3", "--out", tmp_path / "g.png")
    assert done.code == 0, done.err
    assert done.out.strip() == str(tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as picture:
        # Pictures of 8 pixels, 8 times enlarged: a row for each of three categories, with names above.
        assert picture.height == 3 * 66 + 2 + 16


def test_traverse_values_below_0_of_a_coordinate(ganeval: Callable[..., Any], tmp_path: Path) -> None:
    done = ganeval(
        *("latent", "traverse", "dcgan", "--along", "z5", "--values", "-2,0,2", "--samples", "1,2"),
        *("--out", tmp_path / "g.png"),
    )
    assert done.code == 0, done.err
    assert size_of(tmp_path / "g.png")[1] == 3 * CELL + 2 + 16


def test_interpolate_in_w(ganeval: Callable[..., Any], stylegan2: Path, tmp_path: Path) -> None:
    done = ganeval(
        *("latent", "interpolate", stylegan2, 1, 2, "--space", "w", "--truncation", 0.7, "--out", tmp_path / "g.png")
    )
    assert done.code == 0, done.err


COMMANDS = {
    "interpolate": (1, 2),
    "arithmetic": ("1 + 2",),
    "mix": (),
    "neighbours": (1, "--real", "digits"),
    "truncation": ("--values", "0.5"),
    "traverse": ("--along", "z0"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_quiet(ganeval: Callable[..., Any], stylegan2: Path, tmp_path: Path, name: str) -> None:
    done = ganeval("latent", name, stylegan2, *COMMANDS[name], "-q", "--out", tmp_path / "g.png")
    assert (done.code, done.err) == (0, "")
    # Names and distances of neighbours are a result; where the grid is isn't.
    assert done.out.startswith("1: digits") if name == "neighbours" else done.out == ""
    assert (tmp_path / "g.png").is_file()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_place_that_cannot_be_written_is_told_before_any_work(
    ganeval: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def work(*arguments: Any, **options: Any) -> None:
        raise AssertionError("work was done")

    monkeypatch.setattr("ganeval.generators.cli.choosing.chosen_source", work)
    monkeypatch.setattr("ganeval.images.opening.open_source", work)
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "g.png", tmp_path / "missing" / "g.png", tmp_path):
        done = ganeval("latent", name, "dcgan", *COMMANDS[name], "--out", out)
        assert (done.code, f"can't write --out {out}" in done.text) == (2, True), done.text


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
        (("interpolate", "dcgan", 3, 4, "--space", "w"), "has no w"),
        (("interpolate", "dcgan", 3, 4, "--space", "x"), "there is no space 'x'"),
        (("interpolate", "dcgan", 3, 4, "--fix", "c1=2"), "no 'c1' that could be fixed"),
        (("interpolate", "dcgan", 3, 4, "--fix", "c1"), "--fix 'c1'"),
        (("traverse", "dcgan", "--along", "z1000"), "z has no coordinate 1000"),
        (("traverse", "dcgan", "--along", "c2"), "no 'c2' that could be fixed"),
        (("traverse", "dcgan", "--along", "class"), "no classes"),
        (("traverse", "dcgan", "--along", "z0", "--values", "some"), "--values 'some'"),
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
