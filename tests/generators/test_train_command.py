"""``python -m ganeval.generators.train_dcgan`` trains, resumes, and tells what it can't do in words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from ganeval.generators import train_dcgan
from ganeval.generators.training.checkpoint import load_checkpoint
from ganeval.generators.weights_file import load_generator, read_header


def run(monkeypatch: pytest.MonkeyPatch, out: Path, *options: str) -> int:
    command = ["train_dcgan", "--data", "digits", "--out", str(out), "--width", "8", "--latent", "8"]
    monkeypatch.setattr(sys, "argv", [*command, *options])
    threads = torch.get_num_threads()
    try:
        train_dcgan.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        torch.set_num_threads(threads)
    return 0


def test_train_then_resume_gives_the_bytes_of_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    assert run(monkeypatch, whole, "--steps", "12", "--threads", "1") == 0
    assert run(monkeypatch, parts, "--steps", "5", "--threads", "1", "--checkpoint-every", "3") == 0
    assert load_checkpoint(tmp_path / "parts.safetensors.checkpoint")["step"] == 5
    assert run(monkeypatch, parts, "--steps", "12", "--threads", "1", "--resume") == 0
    assert parts.read_bytes() == whole.read_bytes()
    made = read_header(whole.read_bytes())["made"]
    assert (made["data"], made["images"], made["steps"]) == ("digits", 1797, 12)
    assert load_generator(whole)(torch.zeros(2, 8)).shape == (2, 1, 8, 8)


def test_progress_is_told_and_quiet_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "a", "--steps", "2") == 0
    told = capfd.readouterr().err
    assert "step 2/2" in told
    assert "0 s left" in told
    assert run(monkeypatch, tmp_path / "b", "--steps", "2", "--quiet") == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume"], "can't read the checkpoint"),
        (["--device", "abacus"], "--device abacus can't be used here"),
        (["--channels", "2"], "channels is 2"),
        (["--batch-size", "5000"], "1797 training images are fewer than one batch of 5000"),
        (["--learning-rate", "-1"], "learning_rate of the training is -1"),
        (["--checkpoint", "/missing/folder/c"], "there is no folder /missing/folder"),
    ],
)
def test_bad_options_are_told_in_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert run(monkeypatch, tmp_path / "out", "--steps", "2", *options) == 2
    told = capfd.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()


def test_an_older_checkpoint_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "out", "--steps", "2", "--quiet") == 0
    before = (tmp_path / "out.checkpoint").read_bytes()
    assert run(monkeypatch, tmp_path / "out", "--steps", "3") == 2
    assert "--resume" in capfd.readouterr().err
    assert (tmp_path / "out.checkpoint").read_bytes() == before
    assert run(monkeypatch, tmp_path / "out", "--steps", "1", "--resume") == 2
    assert "the checkpoint is at step 2" in capfd.readouterr().err
