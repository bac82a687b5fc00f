"""Training a DCGAN: it is repeatable, resumes without a trace, and refuses what can't be trained on."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.datasets import load_digits

from ganeval.errors import ImageRangeError, OptionError, OutputError, WeightsError
from ganeval.generators.models.dcgan import DCGANConfig
from ganeval.generators.training.checkpoint import load_checkpoint, save_checkpoint
from ganeval.generators.training.dcgan import DCGANTrainer, StepLosses, TrainingConfig, draw_latents, random_stream
from ganeval.generators.weights_file import load_generator, read_header, save_generator

MODEL = DCGANConfig(resolution=8, channels=1, latent=8, width=8)
TRAINING = TrainingConfig(batch_size=64, seed=5)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits() -> npt.NDArray[np.uint8]:
    images: npt.NDArray[np.float64] = load_digits().images
    return np.round(images * 255 / 16).astype(np.uint8)[:, np.newaxis]


def digest_after_saving(trainer: DCGANTrainer, path: Path) -> str:
    save_generator(path, trainer.finished_generator(), trainer.made_of("digits"))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_losses_are_finite_and_weights_move(digits: npt.NDArray[np.uint8]) -> None:
    trainer = DCGANTrainer(digits, MODEL, TRAINING)
    before = copy.deepcopy(trainer.generator.state_dict())
    seen: list[StepLosses] = []
    trainer.run(5, seen.append)
    assert [losses.step for losses in seen] == [1, 2, 3, 4, 5]
    assert np.isfinite([(losses.discriminator, losses.generator) for losses in seen]).all()
    # An untrained discriminator is undecided: ln 2 for each of its two terms, and for the generator's one.
    assert seen[0].discriminator == pytest.approx(2 * np.log(2), abs=0.3)
    assert seen[0].generator == pytest.approx(np.log(2), abs=0.3)
    assert any(not torch.equal(before[name], value) for name, value in trainer.generator.named_parameters())


def test_training_brings_samples_nearer_to_the_data(digits: npt.NDArray[np.uint8]) -> None:
    def distance(trainer: DCGANTrainer) -> float:
        with torch.no_grad():
            samples = trainer.finished_generator()(draw_latents(500, MODEL.latent, random_stream(0)))
        real = digits.reshape(-1, 64) / 127.5 - 1
        return float(np.linalg.norm(samples.reshape(-1, 64).mean(0).numpy() - real.mean(0)))

    fast = TrainingConfig(batch_size=64, seed=5, learning_rate=2e-3, average_decay=0.95)
    trainer = DCGANTrainer(digits, MODEL, fast)
    untrained = distance(trainer)
    trainer.run(150)
    assert distance(trainer) < untrained / 3


def test_a_resumed_run_gives_the_bytes_of_an_uninterrupted_one(digits: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    # 1,797 digits make 28 batches: the resumed part crosses into another epoch.
    whole = DCGANTrainer(digits, MODEL, TRAINING)
    whole.run(33)
    first = DCGANTrainer(digits, MODEL, TRAINING)
    first.run(20)
    save_checkpoint(tmp_path / "c", first.state())
    torch.manual_seed(99)
    second = DCGANTrainer(digits, MODEL, TRAINING)
    second.restore(load_checkpoint(tmp_path / "c"))
    assert second.step == 20
    second.run(33)
    assert torch.equal(torch.get_rng_state(), torch.manual_seed(99).get_state()), "global randomness was drawn from"
    expected = digest_after_saving(whole, tmp_path / "whole")
    assert digest_after_saving(second, tmp_path / "second") == expected
    assert digest_after_saving(first, tmp_path / "first") != expected
    other_seed = DCGANTrainer(digits, MODEL, TrainingConfig(batch_size=64, seed=6))
    other_seed.run(33)
    assert digest_after_saving(other_seed, tmp_path / "other") != expected


def test_each_epoch_sees_each_image_once(digits: npt.NDArray[np.uint8]) -> None:
    numbered = np.zeros((12, 1, 8, 8), np.uint8)
    numbered[:, 0, 0, 0] = np.arange(12)
    trainer = DCGANTrainer(numbered, MODEL, TrainingConfig(batch_size=4))
    epochs = []
    for epoch in range(2):
        seen: list[int] = []
        for position in range(trainer.steps_per_epoch):
            trainer.step = epoch * trainer.steps_per_epoch + position
            seen += ((trainer._real_batch()[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()
        assert sorted(seen) == list(range(12))
        epochs.append(seen)
    assert epochs[0] != epochs[1]


def test_average_follows_its_definition(digits: npt.NDArray[np.uint8]) -> None:
    trainer = DCGANTrainer(digits, MODEL, TrainingConfig(batch_size=64, average_decay=0.3))
    expected = [value.detach().double().clone() for value in trainer.generator.parameters()]
    for step in range(4):
        trainer.train_step()
        decay = min(0.3, (1 + step) / (10 + step))
        for kept, current in zip(expected, trainer.generator.parameters(), strict=True):
            kept.mul_(decay).add_(current.detach().double(), alpha=1 - decay)
    for kept, average in zip(expected, trainer.average.parameters(), strict=True):
        torch.testing.assert_close(average.double(), kept, rtol=1e-5, atol=1e-7)


def test_finished_generator_has_the_statistics_of_its_own_activations(digits: npt.NDArray[np.uint8]) -> None:
    trainer = DCGANTrainer(digits, MODEL, TRAINING)
    trainer.run(10)
    generator = trainer.finished_generator()
    assert not generator.training
    norm = generator.layers[2]
    z = draw_latents(20_000, MODEL.latent, random_stream(77))
    with torch.no_grad():
        before_norm = generator.layers[1](generator.layers[0](z))
    mean, variance = before_norm.mean((0, 2, 3)), before_norm.var((0, 2, 3))
    torch.testing.assert_close(norm.running_mean, mean, atol=0.02 * variance.max().sqrt().item(), rtol=0)
    torch.testing.assert_close(norm.running_var, variance, rtol=0.05, atol=0)


@pytest.mark.parametrize("shape", [(100, 1, 8, 9), (100, 3, 8, 8), (100, 8, 8), (63, 1, 8, 8)])
def test_images_of_another_shape_or_too_few(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageRangeError, match=re.escape(str(shape[0] if shape[0] < 64 else shape[1:]))):
        DCGANTrainer(np.zeros(shape, np.uint8), MODEL, TRAINING)


def test_a_checkpoint_of_another_run_is_refused(digits: npt.NDArray[np.uint8]) -> None:
    state = DCGANTrainer(digits, MODEL, TRAINING).state()
    others = {
        "data": DCGANTrainer(255 - digits, MODEL, TRAINING),
        "model": DCGANTrainer(digits, DCGANConfig(8, 1, 8, 9), TRAINING),
        "training": DCGANTrainer(digits, MODEL, TrainingConfig(batch_size=64, seed=6)),
    }
    for part, trainer in others.items():
        with pytest.raises(WeightsError, match=f"another {part}"):
            trainer.restore(state)
    del state["discriminator"]
    with pytest.raises(WeightsError, match="not complete"):
        DCGANTrainer(digits, MODEL, TRAINING).restore(state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 1),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("average_decay", 1.0),
        ("seed", -1),
    ],
)
def test_impossible_hyper_parameters_are_named(name: str, value: float) -> None:
    with pytest.raises(OptionError, match=f"{name} of the training is {value}"):
        TrainingConfig(**{name: value})  # type: ignore[arg-type]


def test_divergence_is_told(digits: npt.NDArray[np.uint8]) -> None:
    trainer = DCGANTrainer(digits, MODEL, TrainingConfig(batch_size=64, learning_rate=1e30))
    with pytest.raises(WeightsError, match=r"diverged at step \d: .* inf"):
        trainer.run(5)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04rest"])
def test_damaged_checkpoint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="no checkpoint of a training run"):
        load_checkpoint(path)


def test_a_checkpoint_never_runs_code(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"step": Payload()}, tmp_path / "c")
    with pytest.raises(WeightsError):
        load_checkpoint(tmp_path / "c")
    assert not (tmp_path / "ran").exists()


def test_results_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        save_checkpoint(tmp_path / "missing" / "c", {})
    with pytest.raises(WeightsError, match="missing"):
        load_checkpoint(tmp_path / "missing" / "c")


def test_weights_come_back_and_say_what_they_are(digits: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    trainer = DCGANTrainer(digits, MODEL, TRAINING)
    trainer.run(3)
    generator = trainer.finished_generator()
    save_generator(tmp_path / "g", generator, trainer.made_of("digits"))
    z = draw_latents(7, MODEL.latent, random_stream(1))
    torch.testing.assert_close(load_generator(tmp_path / "g")(z), generator(z), rtol=0, atol=0)
    header = read_header((tmp_path / "g").read_bytes())
    assert header["made"]["steps"] == 3
    assert header["made"]["images"] == len(digits)
    assert header["model"] == {"resolution": 8, "channels": 1, "latent": 8, "width": 8}


def test_weights_of_something_else_are_refused(digits: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "g"
    save_generator(path, DCGANTrainer(digits, MODEL, TRAINING).finished_generator(), {})
    good = path.read_bytes()
    length = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + length])
    inner = json.loads(header["__metadata__"]["ganeval"])
    inner["model"]["width"] = 9
    header["__metadata__"]["ganeval"] = json.dumps(inner)
    text = json.dumps(header).encode()
    resized = len(text).to_bytes(8, "little") + text + good[8 + length :]
    for content in (b"", b"x" * 100, good[:50], good[:-1], resized):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=str(path)):
            load_generator(path)
    with pytest.raises(WeightsError, match="missing"):
        load_generator(tmp_path / "missing")
