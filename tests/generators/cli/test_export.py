"""``ganeval export``: the same pictures from half the bytes, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ganeval.errors import OptionError, OutputError, WeightsError
from ganeval.generators.exporting import difference, export_weights, run_weights
from ganeval.generators.model import Sampler
from ganeval.generators.sampling.blocks import levels
from ganeval.generators.streams import random_stream
from ganeval.generators.weights_file import load_model, read_header, save_model

Command = Callable[..., Any]
Weights = Callable[..., Path]


def test_a_run_in_half_precision(ganeval: Command, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "g.safetensors"
    tiny = ("-o", "width=4", "-o", "latent=6", "--batch-size", "32", "--device", "cpu", "-q", "--samples-every", 0)
    assert ganeval("train", "dcgan", "--data", "digits", "--out", run, "--steps", 4, *tiny).code == 0
    done = ganeval("export", run, "--half", "--out", out)
    assert done.code == 0, done.err
    whole, half = (path.read_bytes() for path in (run / "generator.safetensors", out))
    assert read_header(half) == read_header(whole)
    assert read_header(half)["made"]["steps"] == 4
    assert len(half) < len(whole)
    # What is said of the pictures is so.
    model, exported = load_model(run / "generator.safetensors"), load_model(out)
    assert isinstance(model, Sampler)
    assert isinstance(exported, Sampler)
    latents = model.draw(64, random_stream(0, 3))
    apart = (levels(model, latents) - levels(exported, latents)).abs()
    assert 0 < apart.max() < 1
    assert f"{float(apart.max()):.3g} grey levels of 255 at most, {float(apart.mean()):.2g} on average" in done.text
    quiet = ganeval("export", run, "--half", "-q", "--out", tmp_path / "again.safetensors")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert (tmp_path / "again.safetensors").read_bytes() == half
    assert ganeval("generate", out, "-n", 2, "--out", tmp_path / "s").code == 0


def test_whole_precision_changes_nothing(weights: Weights, tmp_path: Path) -> None:
    path = weights("gan", width=8, units=4, latent=4)
    done = export_weights(path, tmp_path / "out.safetensors")
    assert (tmp_path / "out.safetensors").read_bytes() == path.read_bytes()
    assert (done.largest, done.mean, done.size) == (0, 0, path.stat().st_size)


def test_a_translator_goes_both_ways(weights: Weights, tmp_path: Path) -> None:
    path = weights("cyclegan", size=[12, 12], width=2, blocks=1, other_channels=3)
    done = export_weights(path, tmp_path / "out.safetensors", half=True)
    assert done.pictures == 32
    assert 0 < done.largest < 1
    assert load_model(tmp_path / "out.safetensors").config.other_channels == 3


def test_the_best_checkpoint(ganeval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    (run / "checkpoints" / "step-00000002").mkdir(parents=True)
    (run / "config.yaml").write_text("")
    best = run / "checkpoints" / "step-00000002" / "generator.safetensors"
    for path in (best, run / "generator.safetensors"):
        path.write_bytes(b"")
    (run / "best.json").write_text('{"step": 2}')
    assert run_weights(run, "best") == best
    assert run_weights(run) == run / "generator.safetensors"
    (run / "best.json").unlink()
    done = ganeval("export", run, "--checkpoint", "best", "--out", tmp_path / "g.safetensors")
    assert (done.code, "has no best checkpoint" in done.text) == (2, True)
    with pytest.raises(OptionError, match="'worst'"):
        run_weights(run, "worst")


@pytest.mark.parametrize("factor", [1.0, 1e30])
def test_pictures_that_move_too_far_are_not_written(weights: Weights, tmp_path: Path, factor: float) -> None:
    path, out = weights("dcgan", width=4, latent=6), tmp_path / "out.safetensors"
    model = load_model(path)
    for parameter in model.parameters():
        # Beyond the largest number of half precision in one case.
        parameter.mul_(factor)
    save_model(path, "dcgan", model, {})
    with pytest.raises(WeightsError, match="of 255 grey levels"):
        export_weights(path, out, half=True, tolerance=0)
    assert not out.exists()


def test_a_difference_that_is_no_number_stays_one(weights: Weights) -> None:
    model, other = (load_model(weights("dcgan", width=4, latent=6)) for _ in range(2))
    assert difference(model, other) == (64, 0, 0)
    for parameter in other.parameters():
        parameter.fill_(torch.nan)
    _, largest, _ = difference(model, other)
    assert largest != largest


def test_what_cannot_be_is_told_in_words(ganeval: Command, weights: Weights, tmp_path: Path) -> None:
    path = weights("dcgan", width=4, latent=6)
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"doesn't end in \.safetensors"):
        export_weights(path, tmp_path / "g.pt")
    with pytest.raises(OutputError, match="that are to be exported"):
        export_weights(path, path)
    with pytest.raises(OptionError, match="tolerance"):
        export_weights(path, tmp_path / "g.safetensors", tolerance=float("nan"))
    done = ganeval("export", path, "--out", path / "g.safetensors")
    assert (done.code, f"{path} is no folder" in done.text) == (2, True)
    done = ganeval("export", tmp_path / "none", "--out", tmp_path / "g.safetensors")
    assert (done.code, "there is no run" in done.text) == (2, True)
    (tmp_path / "broken.safetensors").write_bytes(before[:100])
    done = ganeval("export", tmp_path / "broken.safetensors", "--out", tmp_path / "g.safetensors")
    assert (done.code, "holds no weights" in done.text) == (2, True)
    assert path.read_bytes() == before
    assert not (tmp_path / "g.safetensors").exists()
