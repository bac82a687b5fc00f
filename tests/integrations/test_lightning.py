"""Real trainers of Lightning: what the callback logs can be monitored, and the training doesn't notice it."""

# The training's random numbers are those of the old interface, which is what is tested.
# ruff: noqa: NPY002

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchmetrics import MetricCollection

from ganeval.errors import OptionError
from ganeval.integrations.early_stopping import StopWhenNotImproving
from ganeval.metrics import PRDC, FrechetDistance, KernelDistance

pytest.importorskip("lightning")
pytestmark = pytest.mark.filterwarnings("ignore")

LIBRARIES = ("lightning.pytorch", "pytorch_lightning")


def make_module(generator, library="lightning.pytorch", **hooks):
    pl = pytest.importorskip(library)

    class Module(pl.LightningModule):
        """Draws from every global generator; every loss is remembered."""

        def __init__(self) -> None:
            super().__init__()
            self.generator = generator
            self.frozen = torch.nn.BatchNorm1d(4)
            self.losses: list[float] = []
            self.modes: list[bool] = []

        def training_step(self, batch, index):
            self.modes += [self.training, self.generator.training, self.frozen.training]
            noise = random.random() + np.random.rand()
            z = torch.randn(len(batch), 4) + noise
            loss = (self.generator(z) - batch).square().mean() + 0 * self.frozen(z).sum()
            self.losses.append(float(loss))
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.3)

    for name, hook in hooks.items():
        setattr(Module, name, hook)
    return Module()


def trainer_for(folder, library="lightning.pytorch", **options):
    settings = {
        "accelerator": "cpu",
        "max_epochs": 2,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "default_root_dir": folder,
    }
    return import_module(library).Trainer(**{**settings, **options})


def callback_for(suite, *arguments, **options):
    from ganeval.integrations.lightning import EvaluateGenerator

    return EvaluateGenerator(suite, *arguments, **{"n": 60, **options})


def loader(images, **options) -> DataLoader:
    return DataLoader(images, batch_size=20, **options)


def validated(module, batch, index):
    return None


@pytest.mark.parametrize("library", LIBRARIES)
def test_values_are_logged_and_monitored(library, suite, generator, real_images, tmp_path) -> None:
    pl = pytest.importorskip(library)
    callbacks = import_module(f"{library}.callbacks")
    checkpoint = callbacks.ModelCheckpoint(tmp_path, monitor="fd_features", filename="{fd_features:.3f}")
    # Of an untrained, collapsing generator no evaluation is better by 10: two in a row end it.
    stopping = callbacks.EarlyStopping("fd_features", min_delta=10.0, patience=2)
    callback = callback_for(suite)
    trainer = trainer_for(
        tmp_path, library, max_epochs=8, enable_checkpointing=True, callbacks=[callback, stopping, checkpoint]
    )
    trainer.fit(make_module(generator, library), loader(real_images))
    assert isinstance(callback, pl.Callback)
    assert trainer.current_epoch == 3
    score = suite.evaluate(generator, n=60)["fid"]
    assert callback.scores["fid"].value == score.value
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert logged == pytest.approx(
        {
            "fd_features": score.value,
            "fd_features_low": score.interval.low,
            "fd_features_high": score.interval.high,
        },
        rel=1e-6,
    )
    assert float(checkpoint.best_model_score) <= logged["fd_features"]
    assert Path(checkpoint.best_model_path).name.startswith("fd_features=")


@pytest.mark.parametrize("with_validation", [False, True])
def test_training_does_not_notice(with_validation, suite, make_generator, real_images, tmp_path) -> None:
    from lightning.pytorch import seed_everything
    from lightning.pytorch.callbacks import Callback

    class Freeze(Callback):
        # A module that the user keeps in evaluation mode has to stay in it.
        def on_train_epoch_start(self, trainer, module) -> None:
            module.frozen.eval()

    def losses(evaluated: bool):
        seed_everything(5, verbose=False)
        module = make_module(make_generator(), **({"validation_step": validated} if with_validation else {}))
        callbacks = [Freeze(), *([callback_for(suite)] if evaluated else [])]
        trainer = trainer_for(tmp_path, max_epochs=3, callbacks=callbacks)
        trainer.fit(module, loader(real_images, shuffle=True), loader(real_images) if with_validation else None)
        states = random.random(), float(np.random.rand()), float(torch.rand(1))
        return module.losses, module.modes, states, [p.tolist() for p in module.parameters()]

    with_callback, without = losses(True), losses(False)
    assert len(without[0]) == 12
    assert without[1] == [True, True, False] * 12
    assert with_callback == without


def test_when_it_evaluates(suite, generator, real_images, tmp_path, monkeypatch) -> None:
    callback = callback_for(suite, "generator", every_n_epochs=2)
    seen: list[tuple[str, int]] = []

    def noting(trainer, module) -> None:
        seen.append((str(trainer.state.fn.value), trainer.current_epoch))
        original(trainer, module)

    original = callback._evaluate
    monkeypatch.setattr(callback, "_evaluate", noting)
    trainer = trainer_for(tmp_path, max_epochs=5, callbacks=[callback], num_sanity_val_steps=2)
    plain = make_module(generator)
    trainer.fit(plain, loader(real_images))
    assert seen == [("fit", 1), ("fit", 3)]
    seen.clear()
    module = make_module(generator, validation_step=validated, test_step=validated)
    trainer = trainer_for(tmp_path, max_epochs=4, callbacks=[callback], val_check_interval=0.5, num_sanity_val_steps=2)
    trainer.fit(module, loader(real_images), loader(real_images))
    assert seen == [("fit", 1), ("fit", 1), ("fit", 3), ("fit", 3)]
    seen.clear()
    (found,) = trainer.validate(module, loader(real_images), verbose=False)
    assert "fd_features" in found
    (found,) = trainer.test(module, loader(real_images), verbose=False)
    assert "fd_features_low" in found
    assert [name for name, _ in seen] == ["validate", "test"]


def test_what_is_scored(suite, generator, real_images, tmp_path) -> None:
    expected = suite.evaluate(generator, n=60)["fid"].value
    ways = ["generator", generator, lambda module: module.generator]
    for way in ways:
        callback = callback_for(suite, way)
        # Without steps of training the generator is as it was.
        trainer_for(tmp_path, callbacks=[callback]).validate(
            make_module(generator, validation_step=validated), loader(real_images), verbose=False
        )
        assert callback.scores["fid"].value == expected
    trainer = trainer_for(tmp_path, callbacks=[callback_for(suite, "no_such")])
    with pytest.raises(AttributeError, match="no_such"):
        trainer.fit(make_module(generator), loader(real_images))
    with pytest.raises(OptionError, match="every_n_epochs"):
        callback_for(suite, every_n_epochs=0)
    with pytest.raises(OptionError, match="samples"):
        callback_for(suite, samples=-1)


def test_samples_go_to_loggers_that_take_them(suite, generator, real_images, tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoardLogger(tmp_path, name="board", version="")
    trainer = trainer_for(
        tmp_path, logger=[CSVLogger(tmp_path), board], callbacks=[callback_for(suite, samples=9)], log_every_n_steps=1
    )
    trainer.fit(make_module(generator), loader(real_images))
    events = EventAccumulator(board.log_dir)
    events.Reload()
    assert [(image.step, image.width) for image in events.Images("samples")] == [(4, 26), (8, 26)]
    assert [event.value for event in events.Scalars("fd_features")][-1] == pytest.approx(
        float(trainer.callback_metrics["fd_features"])
    )


def test_stopping_by_noise_goes_on_after_a_checkpoint(suite, generator, real_images, tmp_path) -> None:
    def fit(epochs: int, path=None):
        stop = StopWhenNotImproving("fid", patience=4)
        callback = callback_for(suite, stop=stop)
        trainer = trainer_for(tmp_path, max_epochs=epochs, callbacks=[callback])
        module = make_module(generator)
        # Nothing is learnt, so that nothing improves.
        module.configure_optimizers = lambda: torch.optim.SGD(module.parameters(), lr=0.0)
        trainer.fit(module, loader(real_images), ckpt_path=path)
        trainer.save_checkpoint(tmp_path / "last.ckpt")
        return stop, trainer.current_epoch

    generator.layers[1].momentum = 0.0
    stop, epochs = fit(3)
    assert (epochs, stop.waited, stop.best.step) == (3, 2, 4)
    stop, epochs = fit(20, tmp_path / "last.ckpt")
    assert (epochs, stop.waited, stop.best.step) == (5, 4, 4)


def test_metric_classes_in_validation_steps(generator, tiny_features, real_images, tmp_path) -> None:
    settings = {"extractor": tiny_features, "real": real_images, "value_range": (-1, 1), "cache": False}

    def setup(module, stage) -> None:
        module.fid = FrechetDistance(**settings)
        module.several = MetricCollection(
            {"kid": KernelDistance(subset_size=20, **settings), "prdc": PRDC(**settings)}, prefix="val/"
        )

    def validation_step(module, batch, index) -> None:
        images = module.generator(torch.linspace(-2, 2, 80).reshape(20, 4) + index)
        module.fid.update(images)
        module.several.update(images)
        module.log("fid", module.fid, on_epoch=True)

    def on_validation_epoch_end(module) -> None:
        # Metrics with several values can't be logged as objects.
        module.log_dict(module.several.compute())
        module.several.reset()

    module = make_module(
        generator, setup=setup, validation_step=validation_step, on_validation_epoch_end=on_validation_epoch_end
    )
    trainer = trainer_for(tmp_path, max_epochs=2, num_sanity_val_steps=1)
    trainer.fit(module, loader(real_images), loader(real_images))
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert set(logged) == {
        "fid",
        "val/kid",
        *(f"val/{name}" for name in ("precision", "recall", "density", "coverage")),
    }
    # The last validation alone: sanity checks and the first epoch were forgotten.
    alone = FrechetDistance(**settings)
    generator.eval()
    with torch.no_grad():
        for index in range(4):
            alone.update(generator(torch.linspace(-2, 2, 80).reshape(20, 4) + index))
    assert logged["fid"] == pytest.approx(float(alone.compute()), rel=1e-5)


def test_fast_dev_run(suite, generator, real_images, tmp_path) -> None:
    from lightning.pytorch.loggers import TensorBoardLogger

    callback = callback_for(suite)
    module = make_module(generator, validation_step=validated)
    trainer = trainer_for(
        tmp_path, fast_dev_run=True, callbacks=[callback], logger=TensorBoardLogger(tmp_path, name="none")
    )
    trainer.fit(module, loader(real_images), loader(real_images))
    assert callback.scores["fid"].n_generated == 60
    assert not (tmp_path / "none").exists()


def test_one_of_the_two_libraries_suffices(monkeypatch) -> None:
    real_find = importlib.util.find_spec
    name = "ganeval.integrations.lightning"
    for missing, bases in (({"lightning"}, ["pytorch_lightning"]), ({"pytorch_lightning"}, ["lightning.pytorch"])):
        monkeypatch.setattr(
            "importlib.util.find_spec", lambda wanted, gone=missing: None if wanted in gone else real_find(wanted)
        )
        monkeypatch.delitem(sys.modules, name, raising=False)
        callback = import_module(name).EvaluateGenerator
        assert [issubclass(callback, import_module(library).Callback) for library in LIBRARIES] == [
            library in bases for library in LIBRARIES
        ]
    monkeypatch.setattr("importlib.util.find_spec", lambda wanted: None)
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ImportError, match=r"ganeval\[lightning\]"):
        import_module(name)


@pytest.mark.long
def test_two_processes_log_what_one_logs(tmp_path) -> None:
    job = Path(__file__).with_name("lightning_job.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for devices in (1, 2):
        subprocess.run(
            [sys.executable, str(job), str(devices), str(tmp_path / f"{devices}")],
            check=True,
            env=environment,
            timeout=180,
            capture_output=True,
        )
    one, first, second = (json.loads((tmp_path / name).read_text()) for name in ("1-0", "2-0", "2-1"))
    assert one["images"] == 61
    # Every image once: each process makes its share, and has all of the scores.
    assert sorted([first["images"], second["images"]]) == [30, 31]
    assert first["scores"] == second["scores"]
    assert first["scores"] == pytest.approx(one["scores"], rel=1e-6)
