"""Training from scratch: it learns, goes on bit for bit, saves at an interrupt, and agrees over processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.diagnosis.usefulness.classifiers.images import ImageTable, TrainingSet, usual_edge
from ganeval.diagnosis.usefulness.classifiers.recipes import SMALL, Recipe
from ganeval.diagnosis.usefulness.classifiers.running import finish_training, open_run
from ganeval.diagnosis.usefulness.classifiers.training import Training
from ganeval.errors import MetricError, OptionError, WeightsError
from ganeval.features.engine import extract
from ganeval.features.unseen import NoFeatures
from ganeval.images.arrays import ArraySource
from ganeval.images.opening import open_source
from ganeval.interrupts import Terminated

# With dropout and batch normalisation, so that both have to be restored.
MODEL = "mobilenet_v3_small"
RECIPE = replace(SMALL, epochs=2, batch_size=8)


def patches(count: int, seed: int, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Grey images of two classes: a bright upper or lower half, with noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = random.integers(0, 80, (count, size, size, 1))
    for image, label in zip(images, labels, strict=True):
        image[label * size // 2 : (label + 1) * size // 2] += 150
    return images.astype(np.uint8), labels.astype(np.int64)


def table(count: int = 24, seed: int = 0, size: int = 16, **options) -> tuple[ImageTable, np.ndarray]:
    images, labels = patches(count, seed)
    source = ArraySource(images, labels.tolist(), name="patches", kind="array")
    features = extract(source, NoFeatures(), device="cpu").features
    return ImageTable(features, source, size, **options), labels


def training(recipe: Recipe = RECIPE, count: int = 24, seed: int = 1, model: str = MODEL) -> Training:
    images, labels = table(count)
    chosen = TrainingSet(((images, np.arange(count)),), labels)
    return Training(chosen, model, 2, recipe, seed=seed)


def weights(one: Training) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in one.network.state_dict().items()}


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_images_are_cut_to_a_square_and_scaled() -> None:
    wide = np.zeros((1, 16, 32, 3), np.uint8)
    wide[:, :, 8:24] = 200
    source = ArraySource(wide, [0], name="wide", kind="array")
    features = extract(source, NoFeatures(), device="cpu").features
    read = ImageTable(features, source, 8).read(np.asarray([0, 0]))
    assert read.shape == (2, 3, 8, 8)
    assert read.dtype == torch.uint8
    assert bool((read == 200).all())
    assert usual_edge(features) == 16


def test_what_isnt_held_in_memory_is_the_same() -> None:
    held, _ = table(10, size=12)
    read_again, _ = table(10, size=12, memory_limit=0)
    rows = np.asarray([3, 9, 3, 0])
    assert torch.equal(held.read(rows), read_again.read(rows))
    assert held.digest(rows) != held.digest(rows[::-1])


def test_a_set_of_two_tables_keeps_order() -> None:
    first, labels = table(6, seed=0)
    second, _ = table(6, seed=1)
    both = TrainingSet(((first, np.asarray([4, 2])), (second, np.asarray([1, 5]))), labels[:4])
    images, targets = both.read(np.asarray([3, 0, 2]))
    assert torch.equal(images[0], second.read(np.asarray([5]))[0])
    assert torch.equal(images[1], first.read(np.asarray([4]))[0])
    assert targets.tolist() == [labels[3], labels[0], labels[2]]


def test_sources_that_can_be_read_once_only_are_refused() -> None:
    source = open_source(iter([torch.zeros(2, 3, 8, 8, dtype=torch.uint8)]))
    features = extract(source, NoFeatures(), device="cpu").features
    with pytest.raises(MetricError, match="can't be read twice"):
        ImageTable(features, source, 8)


@pytest.mark.slow
def test_it_learns_what_can_be_learnt() -> None:
    # With a rate of .8 and 64 images it hung on the processor's arithmetic: .85 on one, over .9 on others.
    recipe = replace(SMALL, epochs=12, batch_size=16, learning_rate=0.4)
    one = training(recipe, count=128, model="shufflenet_v2_x0_5")
    finish_training(one, "real")
    test, labels = table(40, seed=9)
    scores = one.scores(test, np.arange(40))
    assert scores.dtype == np.float32
    assert (scores.argmax(1) == labels).mean() > 0.9


@pytest.mark.parametrize("crop", ["shifted", "resized"])
def test_it_goes_on_bit_for_bit(tmp_path: Path, crop: str) -> None:
    recipe = replace(RECIPE, crop=crop)
    whole = training(recipe)
    assert whole.steps == 6
    finish_training(whole, "real")
    begun = training(recipe)
    # In the middle of an epoch.
    assert list(begun.run(until=4)) == [1, 2, 3, 4]
    torch.save(begun.state(), tmp_path / "classifier-real.pt")
    other = training(recipe)
    finish_training(other, "real", folder=tmp_path, resume=True)
    assert equal(weights(whole), weights(other))
    # What was finished is read, not trained again.
    again = training(recipe)
    finish_training(again, "real", folder=tmp_path, resume=True)
    assert again.done == 6
    assert equal(weights(whole), weights(again))


@pytest.mark.parametrize("after", [2, 6])
def test_an_interrupt_saves_first(tmp_path: Path, after: int) -> None:
    class Interrupting:
        """Sends the signal after some step: the last of six too, which doesn't end the command."""

        def start(self, label: str, total: int | None, unit: str = "images", done: int = 0):
            self.done = done
            return self

        def advance(self, count: int) -> None:
            self.done += count
            if self.done == after:
                os.kill(os.getpid(), signal.SIGTERM)

        def finish(self) -> None:
            pass

    whole = training()
    finish_training(whole, "real")
    with pytest.raises(Terminated, match=re.escape(f"kept in {tmp_path}, and the same command with --resume")):
        finish_training(training(), "real", folder=tmp_path, progress=Interrupting())
    with pytest.raises(Terminated, match="no classifier is kept"):
        finish_training(training(), "real", progress=Interrupting())
    assert torch.load(tmp_path / "classifier-real.pt", weights_only=True)["done"] in (after, after + 1)
    resumed = training()
    finish_training(resumed, "real", folder=tmp_path, resume=True)
    assert equal(weights(whole), weights(resumed))


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    finish_training(training(), "real", folder=tmp_path)
    with pytest.raises(WeightsError, match="seed was 1 and is 2"):
        finish_training(training(seed=2), "real", folder=tmp_path, resume=True)
    with pytest.raises(WeightsError, match="epochs was 2 and is 3"):
        finish_training(training(replace(RECIPE, epochs=3)), "real", folder=tmp_path, resume=True)
    with pytest.raises(WeightsError, match="the images to train on are others"):
        finish_training(training(count=26), "real", folder=tmp_path, resume=True)
    (tmp_path / "classifier-real.pt").write_bytes(b"PK damaged")
    with pytest.raises(WeightsError, match="no checkpoint"):
        finish_training(training(), "real", folder=tmp_path, resume=True)
    with pytest.raises(OptionError, match="earlier run"):
        open_run(tmp_path, resume=False)


def test_a_diverged_training_is_an_error() -> None:
    one = training(replace(RECIPE, learning_rate=1e30, warm_up=0.0))
    with pytest.raises(MetricError, match="diverged"):
        finish_training(one, "real")


def test_a_batch_too_small_to_normalise_is_refused() -> None:
    from ganeval.diagnosis.usefulness.classifiers.processes import Processes

    images, labels = table(4)
    with pytest.raises(OptionError, match="too small for 3 processes"):
        Training(TrainingSet(((images, np.arange(4)),), labels), MODEL, 2, RECIPE, processes=Processes(0, 3))


def test_lower_precision_learns_too() -> None:
    one = training(replace(RECIPE, precision="bf16"))
    finish_training(one, "real")
    assert all(value.dtype != torch.bfloat16 for value in one.network.state_dict().values())


@pytest.mark.slow
def test_two_processes_agree_and_write_once(tmp_path: Path) -> None:
    for name, seed in (("gen", 1), ("train", 0), ("test", 2)):
        images, labels = patches(48, seed)
        np.savez(tmp_path / f"{name}.npz", arr_0=np.repeat(images, 3, axis=-1), arr_1=labels)
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import json, os, sys
            from pathlib import Path
            from ganeval.diagnosis.usefulness.cas import classification_accuracy_score
            from ganeval.diagnosis.usefulness.from_scratch import FullOptions
            here = Path(sys.argv[1])
            report = classification_accuracy_score(
                str(here / "gen.npz"), str(here / "train.npz"), str(here / "test.npz"), mode="full", cache=False,
                full=FullOptions(model="mobilenet_v3_small", epochs=3, batch_size=16), out=here / "run",
                resume=len(sys.argv) > 2, device="cpu",
            )
            scores = {name: score.value for name, score in report.scores.items()}
            (here / f"scores-{os.environ['RANK']}.json").write_text(json.dumps(scores))
            """
        )
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

    def ran(*options: str) -> list[str]:
        finished = subprocess.run(
            [*command, str(script), str(tmp_path), *options],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert finished.returncode == 0, finished.stderr[-3000:]
        return [(tmp_path / f"scores-{rank}.json").read_text() for rank in (0, 1)]

    first = ran()
    assert first[0] == first[1]
    assert len(list((tmp_path / "run").glob("classifier-*.pt"))) == 3
    assert ran("resume") == first


def test_a_folder_without_a_run_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="misspelt to resume"):
        open_run(tmp_path / "misspelt", resume=True)
    assert not (tmp_path / "misspelt").exists()
    open_run(tmp_path / "new", resume=False)
    (tmp_path / "new" / "classifier-real.pt").write_bytes(b"")
    open_run(tmp_path / "new", resume=True)
    with pytest.raises(OptionError, match="earlier run"):
        open_run(tmp_path / "new", resume=False)
