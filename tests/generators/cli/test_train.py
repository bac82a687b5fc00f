"""``ganeval train`` as users type it: it resumes to the bit, saves when it is stopped, and refuses in words."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ganeval.generators.sampling.blocks import Blocks, Drawing
from ganeval.generators.training.run_folder import RunFolder, weights_of
from ganeval.generators.training.trainer import Trainer
from ganeval.generators.weights_file import load_model, read_header

TINY = ("-o", "width=4", "-o", "latent=6", "--batch-size", "32", "--device", "cpu")
Command = Callable[..., Any]


def train(ganeval: Command, out: Path, *options: str, steps: int = 12) -> Any:
    return ganeval("train", "dcgan", "--data", "digits", "--out", out, "--steps", str(steps), *TINY, *options)


def weights(run: Path) -> bytes:
    return (run / "generator.safetensors").read_bytes()


def log(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_run_folder_holds_all_that_it_promises(ganeval: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    told = train(ganeval, out, "--checkpoint-every", "4", "--samples-every", "6", "--log-every", "5", "--keep", "1")
    assert told.code == 0
    assert "step 12/12" in told.err
    assert "1,797 images of digits" in told.err
    assert sorted(path.name for path in out.iterdir()) == [
        "checkpoints",
        "config.yaml",
        "generator.safetensors",
        "log.jsonl",
        "samples",
        "tensorboard",
    ]
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step-00000012"]
    assert weights_of(out).read_bytes() == (out / "checkpoints/step-00000012/generator.safetensors").read_bytes()
    assert [line["step"] for line in log(out)] == [5, 10, 12]
    assert set(log(out)[0]["losses"]) == {"discriminator/adversarial", "generator/adversarial"}
    assert sorted(path.name for path in (out / "samples").iterdir()) == ["step-00000006.png", "step-00000012.png"]
    # Eight by eight samples of 8×8 pixels, two pixels apart.
    assert Image.open(out / "samples/step-00000012.png").size == (82, 82)
    assert any(path.name.startswith("events") for path in (out / "tensorboard").iterdir())
    made = read_header(weights(out))["made"]
    assert (made["data"], made["images"], made["steps"], made["training"]["batch_size"]) == ("digits", 1797, 12, 32)
    model = load_model(weights_of(out))
    assert Blocks(model, Drawing()).image(0)[0].shape == (1, 8, 8)  # type: ignore[arg-type]


def test_straight_equals_resumed_to_the_bit(ganeval: Command, tmp_path: Path) -> None:
    whole, parts, other = tmp_path / "whole", tmp_path / "parts", tmp_path / "other"
    assert train(ganeval, whole, steps=100).code == 0
    assert train(ganeval, parts, "--log-every", "7", steps=50).code == 0
    assert weights(parts) != weights(whole)
    # All that isn't said is as it was; torch's global state plays no part.
    torch.manual_seed(99)
    resumed = ganeval("train", "--out", parts, "--resume", "--steps", "100")
    assert resumed.code == 0
    assert "going on at step 50" in resumed.err
    assert weights(parts) == weights(whole)
    for name in ("networks", "averages", "optimisers"):
        states = [
            torch.load(run / "checkpoints/step-00000100/state.pt", weights_only=True)[name] for run in (whole, parts)
        ]
        assert _equal(*states)
    assert [line["step"] for line in log(parts)] == [*range(7, 50, 7), 50, *range(56, 100, 7), 100]
    assert train(ganeval, other, "--seed", "1", steps=100).code == 0
    assert weights(other) != weights(whole)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


def test_what_is_watched_changes_nothing(ganeval: Command, tmp_path: Path) -> None:
    plain, watched = tmp_path / "plain", tmp_path / "watched"
    assert train(ganeval, plain, "--samples-every", "0", "--no-alarms").code == 0
    options = ("--eval-every", "4", "--eval-images", "40", "--eval-extractor", "pixels", "--eval-metrics", "fd,kid")
    config = tmp_path / "alarms.yaml"
    config.write_text("alarms: {first: 0, every: 3, narrowest: 0.0}\nplan: {samples_every: 1, checkpoint_every: 5}\n")
    told = train(ganeval, watched, *options, "--config", str(config))
    assert told.code == 0
    assert weights(watched) == weights(plain)


def test_samples_are_scored_and_the_best_checkpoint_kept(ganeval: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--eval-every", "5", "--eval-images", "60", "--eval-extractor", "pixels", "--eval-metrics", "kid,fd")
    told = train(ganeval, out, *options, "--keep", "1", "-o", "generator_rate=0.01", steps=20)
    assert told.code == 0
    assert "the best so far" in told.err
    scores = {line["step"]: line["scores"] for line in log(out) if "scores" in line}
    assert list(scores) == [5, 10, 15, 20]
    assert all(list(values) == ["kd_pixels", "fd_pixels"] for values in scores.values())
    best = json.loads((out / "best.json").read_text())
    first = min(scores, key=lambda step: scores[step]["kd_pixels"])
    assert (best["step"], best["metric"], best["value"]) == (first, "kd_pixels", scores[first]["kd_pixels"])
    kept = sorted(path.name for path in (out / "checkpoints").iterdir())
    assert kept == sorted({f"step-{step:08d}" for step in (first, 20)})
    assert weights_of(out / "best") == out / "checkpoints" / f"step-{first:08d}" / "generator.safetensors"
    # The same number as `ganeval score` gives for the same samples.
    model = load_model(weights_of(out))
    blocks = Blocks(model, Drawing(0))  # type: ignore[arg-type]
    np.save(tmp_path / "samples.npy", np.stack([blocks.image(i)[0].numpy()[0] for i in range(60)]))
    scored = ganeval(
        "score", tmp_path / "samples.npy", "--real", "digits", "-m", "fd", "-e", "pixels", "--seed", "0", "--json", "-"
    )
    assert scored.json["scores"]["fd_pixels"]["value"] == pytest.approx(scores[20]["fd_pixels"], rel=1e-6)


def test_a_yaml_file_says_it_all_and_options_win(ganeval: Command, tmp_path: Path) -> None:
    out, again = tmp_path / "run", tmp_path / "again"
    config = tmp_path / "run.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "model": "dcgan",
                "config": {"width": 4, "latent": 6, "loss": "hinge", "betas": [0.0, 0.9]},
                "settings": {"batch_size": 16, "seed": 3},
                "data": {"data": "digits"},
                "plan": {"steps": 9},
            }
        )
    )
    assert (
        ganeval("train", "--config", config, "--out", out, "--steps", "4", "--penalty", "r1", "-o", "flip=true").code
        == 0
    )
    written = yaml.safe_load((out / "config.yaml").read_text())
    assert written["config"]["loss"] == "hinge"
    assert written["config"]["penalty"] == "r1"
    assert written["config"]["size"] == [8, 8]
    assert written["config"]["channels"] == 1
    assert written["settings"] | {"flip": True, "batch_size": 16, "seed": 3} == written["settings"]
    assert written["plan"]["steps"] == 4
    # A run's own configuration makes it again.
    assert ganeval("train", "--config", out / "config.yaml", "--out", again, "-q").code == 0
    assert weights(again) == weights(out)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("settngs: {seed: 1}", "unknown key 'settngs' Did you mean 'settings'?"),
        ("settings: {sed: 1}", "the training has no option 'sed' Did you mean 'seed'?"),
        ("config: {widht: 1}", "dcgan has no option 'widht' Did you mean 'width'?"),
        ("plan: {keep: many}", "keep of the plan is 'many' It has to be a whole number"),
        ("settings: 3", "settings in --config"),
        ("- 3", "is no mapping"),
        ("{", "can't read --config"),
        ("format: else", "another format"),
        ("alarms: {patience: 0}", "patience of the alarms is 0"),
        ("config: {3: 1}", "dcgan has no option 3"),
        ("data: {other_channels: 0}", "other_channels of the data is 0"),
    ],
)
def test_bad_configurations_are_told_in_words(ganeval: Command, tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(text)
    told = train(ganeval, tmp_path / "run", "--config", str(config))
    assert told.code == 2
    assert message in told.text
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "widht=3"], "has an option 'widht' Did you mean 'width'?"),
        (["-o", "width"], "-o width has no value"),
        (["--loss", "hing"], "unknown adversarial loss 'hing' Did you mean 'hinge'?"),
        (["--penalty", "r3"], "unknown penalty 'r3'"),
        (["--batch-size", "5000"], "1797 training images are fewer than one batch of 5000"),
        (["--accumulate", "5"], "accumulate of the training is 5 It has to divide the batch of 32"),
        (["--seed", "-1"], "seed of the training is -1"),
        (["--precision", "int4"], "precision of the training is int4"),
        (["--steps", "0"], "--steps is 0"),
        (["--keep", "0"], "--keep is 0"),
        (["--device", "abacus"], "unknown device 'abacus'"),
        (["--eval-every", "5", "--eval-metrics", "fdd"], "'fdd'"),
        (["--eval-every", "5", "--eval-images", "1"], "--eval-images is 1"),
        (["-o", "size=16"], "16"),
        (["--size", "-16"], "--size is -16x-16"),
        (["--size", "0"], "--size is 0x0"),
        (["--channels", "0"], "channels of the data is 0"),
        (["-o", "generator_rate=fast"], "generator_rate of dcgan is 'fast' It has to be a number"),
    ],
)
def test_bad_options_are_told_in_words_and_leave_nothing(
    ganeval: Command, tmp_path: Path, options: list[str], message: str
) -> None:
    told = train(ganeval, tmp_path / "run", *options)
    assert told.code == 2
    assert message in told.text
    assert "Traceback" not in told.text
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("model", ["3", "[dcgan]", "{name: dcgan}"])
def test_a_model_that_is_no_name(ganeval: Command, tmp_path: Path, model: str) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"model: {model}")
    told = ganeval("train", "--data", "digits", "--out", tmp_path / "run", "--config", config)
    assert (told.code, "It has to be the name of one model" in told.text) == (2, True)


def test_a_run_whose_configuration_was_edited_badly(ganeval: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("format: ganeval/run@1\nmodel: dcgan\nsettings: 3\n")
    told = ganeval("train", "--out", run, "--resume")
    assert (told.code, "settings of the configuration is 3" in told.text) == (2, True)


def test_networks_beyond_the_memory_are_told_in_words(ganeval: Command, tmp_path: Path) -> None:
    told = train(ganeval, tmp_path / "run", "-o", "latent=100000000000000")
    assert told.code == 2
    assert "there isn't enough memory" in told.text


def test_models_and_data_that_do_not_fit(ganeval: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert "Did you mean 'dcgan'?" in ganeval("train", "dgcan", "--data", "digits", "--out", out).text
    assert "no model is named" in ganeval("train", "--data", "digits", "--out", out).text
    assert "--data" in ganeval("train", "dcgan", "--out", out).text
    assert "classes" in train(ganeval, out, "-o", "classes=-1").text
    labelled = ganeval("train", "cgan", "--data", "digits", "--out", out, "-o", "classes=3", "--steps", "1")
    assert "the model has 3 classes and the training images 10" in labelled.text
    assert not out.exists()


def test_an_older_run_is_neither_overwritten_nor_resumed_under_other_parameters(
    ganeval: Command, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert train(ganeval, out, "-q", steps=3).text == ""
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    refused = {
        "holds a training run already Go on with it by --resume": (),
        "width was 4 and is 5": ("--resume", "-o", "width=5"),
        "seed was 0 and is 7": ("--resume", "--seed", "7"),
        "has done 3 steps, and --steps is 2": ("--resume", "--steps", "2"),
    }
    for message, options in refused.items():
        told = train(ganeval, out, *options)
        assert (told.code, message in told.text) == (2, True), told.text
    other_data = ganeval("train", "--out", out, "--resume", "--steps", "9", "--data", "fashion-mnist")
    assert other_data.code == 2
    several = ganeval("train", "--out", out, "--resume", "--steps", "9", "-o", "width=5", "--seed", "7")
    assert "width was 4 and is 5; seed was 0 and is 7" in several.text
    assert "model was 'dcgan' and is 'gan'" in ganeval("train", "gan", "--out", out, "--resume").text
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    done = train(ganeval, out, "--resume", steps=3)
    assert (done.code, "give a larger --steps" in done.text) == (0, True)
    assert "no training run" in train(ganeval, tmp_path / "other", "--resume").text
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.png").touch()
    assert "exists and is no training run" in train(ganeval, tmp_path / "full").text


def test_a_run_stopped_before_its_first_checkpoint_begins_again(ganeval: Command, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert train(ganeval, whole, steps=4).code == 0
    stopped.mkdir()
    (stopped / "config.yaml").write_bytes((whole / "config.yaml").read_bytes())
    (stopped / "log.jsonl").write_text('{"step": 3, "losses": {}}\n{"st')
    assert ganeval("train", "--out", stopped, "--resume").code == 0
    assert weights(stopped) == weights(whole)
    assert [line["step"] for line in log(stopped)] == [4]


def test_sigterm_and_ctrl_c_finish_the_step_and_save(
    ganeval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    assert train(ganeval, whole, steps=14).code == 0
    honest = Trainer.step
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        out = tmp_path / f"stopped-{code}"

        def step_and_signal(trainer: Trainer, number: int = number) -> dict[str, float]:
            if trainer.steps == 5:
                os.kill(os.getpid(), number)
            return honest(trainer)

        handler = signal.getsignal(number)
        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "step", step_and_signal)
            told = train(ganeval, out, steps=14)
        assert told.code == code
        assert "after 6 steps of 14; all is saved" in told.text
        assert f"Go on with: ganeval train --out {out} --resume" in told.err
        assert signal.getsignal(number) is handler
        assert [path.name for path in (out / "checkpoints").iterdir()] == ["step-00000006"]
        assert ganeval("train", "--out", out, "--resume").code == 0
        assert weights(out) == weights(whole)


@pytest.mark.slow
def test_a_process_that_is_told_to_end_saves(ganeval: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "ganeval", "train", "dcgan", "--data", "digits", "--out", out, *TINY]
    process = subprocess.Popen([*command, "--steps", "1000000", "--log-every", "1"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "log.jsonl").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "--resume" in told
    (checkpoint,) = (out / "checkpoints").iterdir()
    step = int(checkpoint.name.removeprefix("step-"))
    assert log(out)[-1]["step"] == step
    whole = tmp_path / "whole"
    assert train(ganeval, whole, steps=step + 3).code == 0
    assert ganeval("train", "--out", out, "--resume", "--steps", str(step + 3)).code == 0
    assert weights(out) == weights(whole)


def test_a_full_disk_leaves_the_checkpoint_before(
    ganeval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "run", tmp_path / "whole"
    assert train(ganeval, whole, steps=9).code == 0
    honest, written = os.fsync, 0

    def fill(descriptor: int) -> None:
        # The configuration, three files of the first checkpoint, one of the second; its state no longer fits.
        nonlocal written
        written += 1
        if written > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fill)
        told = train(ganeval, out, "--checkpoint-every", "3", "--samples-every", "0", steps=9)
    assert told.code == 2
    assert "can't save the training run" in told.text
    assert "the disk is full" in told.text
    assert "The checkpoint of step 3 is whole" in told.text
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step-00000003"]
    assert weights(out) == (out / "checkpoints/step-00000003/generator.safetensors").read_bytes()
    assert ganeval("train", "--out", out, "--resume").code == 0
    assert weights(out) == weights(whole)


def test_a_loss_that_is_not_finite_stops_with_a_checkpoint(ganeval: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    told = train(ganeval, out, "-o", "discriminator_rate=1e18", "--checkpoint-every", "1", steps=40)
    assert told.code == 2
    assert "training diverged at step" in told.text
    assert "lower learning rates" in told.text
    newest = max((out / "checkpoints").iterdir())
    assert f"is in {newest}" in told.text
    assert load_model(weights_of(out)) is not None


def test_a_collapsed_generator_stops_the_run(ganeval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Trainer.step

    def step_and_flatten(trainer: Trainer) -> dict[str, float]:
        losses = honest(trainer)
        with torch.no_grad():
            last = [*trainer.averages["generator"].modules()][-2]
            last.weight.zero_()  # type: ignore[operator, union-attr]
        return losses

    config = tmp_path / "alarms.yaml"
    config.write_text("alarms: {first: 4, every: 2, patience: 2}\n")
    monkeypatch.setattr(Trainer, "step", step_and_flatten)
    out = tmp_path / "run"
    told = train(ganeval, out, "--config", str(config), steps=20)
    assert told.code == 2
    assert "samples have collapsed at step 6: they are nearly identical, 0.0% as far apart as real images" in told.text
    assert "--no-alarms" in told.text
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step-00000006"]
    # The same again: what was seen is part of the checkpoint.
    assert "collapsed at step 8" in ganeval("train", "--out", out, "--resume").text
    assert ganeval("train", "--out", out, "--resume", "--no-alarms").code == 0


@pytest.mark.parametrize(
    "options", [("--precision", "bf16"), ("--accumulate", "2", "-o", "flip=true"), ("--channels-last",)]
)
def test_ways_to_train_resume_too(ganeval: Command, tmp_path: Path, options: tuple[str, ...]) -> None:
    out = tmp_path / "run"
    assert train(ganeval, out, *options, steps=3).code == 0
    whole = weights(out)
    assert train(ganeval, tmp_path / "parts", *options, steps=2).code == 0
    assert ganeval("train", "--out", tmp_path / "parts", "--resume", "--steps", "3").code == 0
    assert weights(tmp_path / "parts") == whole


def test_without_tensorboard_the_log_is_there_and_one_sentence(
    ganeval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    told = train(ganeval, tmp_path / "run", steps=2)
    assert told.code == 0
    assert told.err.count("TensorBoard") == 1
    assert "ganeval[train]" in told.err
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert log(tmp_path / "run")[-1]["step"] == 2


def test_conditional_models_show_a_class_a_row(ganeval: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    told = ganeval("train", "cgan", "--data", "digits", "--out", out, "--steps", "2", "--batch-size", "16")
    assert told.code == 0, told.text
    assert yaml.safe_load((out / "config.yaml").read_text())["config"]["classes"] == 10
    assert Image.open(out / "samples/step-00000002.png").size == (8 * 10 + 2, 10 * 10 + 2)
    assert read_header(weights(out))["made"]["class_names"] == [str(digit) for digit in range(10)]


def test_what_compiling_cannot_do_is_told(ganeval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(trainer: Trainer) -> dict[str, float]:
        raise RuntimeError("torch.compile with aot_autograd does not currently support double backward")

    monkeypatch.setattr(Trainer, "step", fail)
    told = train(ganeval, tmp_path / "run", "--compile")
    assert told.code == 2
    assert "can't be trained with --compile" in told.text


def test_a_folder_that_cannot_be_made_is_told_before_the_data_is_read(
    ganeval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    done = ganeval("train", "dcgan", "--data", "no-such-set", "--out", tmp_path / "file" / "run", *TINY)
    assert (done.code, f"{tmp_path / 'file'} is no folder" in done.text) == (2, True), done.text
    assert train(ganeval, tmp_path / "run", "-q", "--samples-every", "0", steps=1).code == 0
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    done = ganeval("train", "--out", tmp_path / "run", "--resume", "--steps", "2")
    assert (done.code, "no permission" in done.text) == (2, True), done.text


def test_a_schedule_goes_on_to_the_bit_and_ends_where_it_was_to(ganeval: Command, tmp_path: Path) -> None:
    how = ("-o", "schedule=cosine", "-o", "warm_up=2", "--samples-every", "0", "-q")
    plain, whole, parts = tmp_path / "plain", tmp_path / "whole", tmp_path / "parts"
    assert train(ganeval, plain, "--samples-every", "0", "-q", steps=6).code == 0
    assert train(ganeval, whole, *how, steps=6).code == 0
    assert train(ganeval, parts, *how, "-o", "schedule_steps=6", steps=3).code == 0
    assert ganeval("train", "--out", parts, "--resume", "--steps", 6, "-q").code == 0
    assert weights(parts) == weights(whole) != weights(plain)
    assert "schedule" not in read_header(weights(plain))["made"]["training"]
    assert read_header(weights(whole))["made"]["training"]["schedule_steps"] == 6
    told = ganeval("train", "--out", whole, "--resume", "--steps", 7)
    assert (told.code, "learning rates are 0 from step 6 on" in told.text) == (2, True), told.text
    told = ganeval("train", "--out", plain, "--resume", "--steps", 7, "-o", "schedule=linear")
    assert (told.code, "schedule was None and is 'linear'" in told.text) == (2, True), told.text


def test_a_checkpoint_from_before_schedules_goes_on(ganeval: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train(ganeval, run, "--samples-every", "0", "-q", steps=2).code == 0
    config = yaml.safe_load((run / "config.yaml").read_text())
    for name in ("schedule", "schedule_steps", "warm_up"):
        del config["settings"][name]
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    assert not set(RunFolder(run).state(2)["settings"]) & {"schedule", "schedule_steps", "warm_up"}
    assert ganeval("train", "--out", run, "--resume", "--steps", 3, "-q").code == 0
