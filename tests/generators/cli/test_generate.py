"""``ganeval generate`` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganeval as package
from ganeval.generators.configuration import configured
from ganeval.generators.registry import MODELS
from ganeval.generators.weights_file import save_model
from ganeval.images.source import SourceOptions


@pytest.fixture
def biggan(tmp_path: Path) -> Path:
    kind = MODELS.get("biggan")
    config = configured(kind.Config, {"size": [16, 16], "channels": 1, "width": 4, "classes": 3})
    path = tmp_path / "biggan.safetensors"
    save_model(path, "biggan", kind.initialised(config, seed=0), {"steps": 0})
    return path


def test_a_folder_of_pngs_is_what_the_source_gives(ganeval: Callable[..., Any], tmp_path: Path) -> None:
    done = ganeval("generate", "dcgan", "-n", 12, "--seed", 4, "--out", tmp_path / "s", "--batch-size", 5)
    assert done.code == 0, done.err
    assert "12 images" in done.text
    written = package.open_source(str(tmp_path / "s"))
    made = package.open_source("generator:dcgan", SourceOptions(count=12, seed=4))
    for here, there in zip(written, made, strict=True):
        np.testing.assert_array_equal(here.load().pixels, there.load().pixels)
    record = json.loads((tmp_path / "s" / "provenance.json").read_text())
    assert (record["samples"]["model"], record["samples"]["seed"], record["count"]) == ("dcgan", 4, 12)


def test_class_truncation_npz_and_grid(ganeval: Callable[..., Any], biggan: Path, tmp_path: Path) -> None:
    done = ganeval(
        *("generate", biggan, "-n", 70, "--class", 2, "--truncation", 0.5, "--out", tmp_path / "s.npz"),
        *("--grid", tmp_path / "grid.png", "--quiet"),
    )
    assert (done.code, done.out) == (0, "")
    with np.load(tmp_path / "s.npz") as found:
        assert found["arr_0"].shape == (70, 16, 16, 3)
        assert set(found["arr_1"].tolist()) == {2}
    record = json.loads((tmp_path / "s.provenance.json").read_text())
    assert record["samples"]["truncation"] == {"method": "threshold", "value": 0.5}
    with Image.open(tmp_path / "grid.png") as picture:
        # 64 pictures of 16 pixels, 4 times enlarged.
        assert picture.size == (8 * 66 + 2, 8 * 66 + 2)
    named = f"generator:{biggan}?class=2&truncation=0.5"
    again = ganeval("generate", named, "-n", 70, "--out", tmp_path / "other.npz", "-q")
    assert again.code == 0
    with np.load(tmp_path / "s.npz") as here, np.load(tmp_path / "other.npz") as there:
        np.testing.assert_array_equal(here["arr_0"], there["arr_0"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dcgam",), "unknown generator 'dcgam' Did you mean 'dcgan'"),
        (("dcgan", "-n", 0), "the number of images to generate is 0"),
        (("dcgan", "-n", -3), "the number of images to generate is -3"),
        (("dcgan", "--class", 1), "no classes"),
        (("dcgan", "--truncation", 0.5), "no truncation"),
        (("dcgan", "--format", "jpeg"), "unknown format 'jpeg'"),
        (("dcgan", "--batch-size", 0), "batch size 0"),
        (("dcgan", "--device", "abacus"), "unknown device 'abacus'"),
        (("missing/run",), "no run, checkpoint or weights file missing/run"),
        (("dcgan?colour=1",), "no option 'colour'"),
    ],
)
def test_what_cannot_be_is_told_in_words(
    ganeval: Callable[..., Any], tmp_path: Path, arguments: tuple[Any, ...], message: str
) -> None:
    done = ganeval("generate", *arguments, "--out", tmp_path / "s")
    assert done.code == 2
    assert message in done.text
    assert not (tmp_path / "s").exists()


def test_code_runs_only_with_trust(ganeval: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "g.pkl").write_bytes(b"no pickle")
    done = ganeval("generate", tmp_path / "g.pkl", "--out", tmp_path / "s")
    assert (done.code, "--trust" in done.text) == (2, True)
    done = ganeval("generate", tmp_path / "g.pkl", "--out", tmp_path / "s", "--trust")
    assert (done.code, "can't be unpickled" in done.text) == (2, True)
    for command in ("score", "compare"):
        sets = [f"generator:{tmp_path / 'g.pkl'}"] * (1 if command == "score" else 2)
        done = ganeval(command, *sets, "--real", "digits")
        assert (done.code, "--trust" in done.text) == (2, True)
        done = ganeval(command, *sets, "--real", "digits", "--trust")
        assert "can't be unpickled" in done.text


def test_other_samples_are_refused_and_overwritten(ganeval: Callable[..., Any], tmp_path: Path) -> None:
    run = ("generate", "dcgan", "-n", 3, "--out", tmp_path / "s")
    assert ganeval(*run).code == 0
    refused = ganeval(*run, "--seed", 1)
    assert refused.code == 2
    assert "seed was 0 and is 1" in refused.text
    assert "--overwrite" in refused.text
    assert ganeval(*run, "--seed", 1, "--overwrite").code == 0


def test_codes_can_be_fixed(ganeval: Callable[..., Any], infogan: Path, tmp_path: Path) -> None:
    fixed = ganeval("generate", infogan, "-n", 9, "--fix", "c1=2", "--fix", "c2=-0.5", "--out", tmp_path / "a.npz")
    assert fixed.code == 0, fixed.err
    record = json.loads((tmp_path / "a.provenance.json").read_text())
    assert record["samples"]["fixed"] == ["c1=2", "c2=-0.5"]
    named = ganeval("generate", f"{infogan}?fix.c1=2&fix.c2=-0.5", "-n", 9, "--out", tmp_path / "b.npz", "-q")
    plain = ganeval("generate", infogan, "-n", 9, "--out", tmp_path / "c.npz", "-q")
    assert named.code == plain.code == 0
    a, b, c = (np.load(tmp_path / f"{name}.npz")["arr_0"] for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    # Samples without the codes, or with one of them, are other samples.
    for options in ((), ("--fix", "c1=2")):
        mixed = ganeval("generate", infogan, "-n", 9, *options, "--out", tmp_path / "a.npz")
        assert (mixed.code, "another provenance: samples fixed was" in mixed.text) == (2, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fix", "c1=3"), "c1 is to be 3"),
        (("--fix", "c4=0"), "no 'c4' that could be fixed"),
        (("--fix", "c2=much"), "c2 is to be fixed at 'much'"),
        (("--fix", "c2=0", "--fix", "c2=1"), "comes twice"),
    ],
)
def test_codes_that_cannot_be(
    ganeval: Callable[..., Any], infogan: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = ganeval("generate", infogan, "-n", 2, *options, "--out", tmp_path / "s")
    assert (done.code, message in done.text) == (2, True), done.text
    assert not (tmp_path / "s").exists()


def test_a_place_that_cannot_be_written_is_told_before_any_work(
    ganeval: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*arguments: Any, **options: Any) -> None:
        raise AssertionError("work was done")

    monkeypatch.setattr("ganeval.generators.cli.choosing.chosen_source", work)
    (tmp_path / "file").write_text("")
    for options in (
        ("--out", tmp_path / "file" / "s"),
        ("--out", tmp_path / "file" / "s.npz"),
        ("--out", tmp_path / "s", "--grid", tmp_path / "file" / "g.png"),
    ):
        done = ganeval("generate", "dcgan", "-n", 2, *options)
        assert (done.code, "file is no folder" in done.text) == (2, True), done.text
