"""Scores and samples in the real loggers, read back from what they wrote."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganeval.errors import ImageRangeError, OptionError
from ganeval.integrations.loggers import log_scores, picture_of, sink_of
from ganeval.integrations.scalars import scalars_of
from ganeval.metrics import Interval, Score

SCORES = {
    "fid": Score("fid", 12.5, 9, 9, higher_is_better=False, interval=Interval(11.0, 14.0, 0.95, "normal")),
    "precision": Score("precision", 0.75, 9, 9, higher_is_better=True, no_interval_reason="few"),
}
VALUES = {"scores/fid": 12.5, "scores/fid_low": 11.0, "scores/fid_high": 14.0, "scores/precision": 0.75}
IMAGES = torch.arange(5 * 3 * 4 * 4, dtype=torch.uint8).reshape(5, 3, 4, 4)


def events_in(folder):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def check_board(folder, step: int = 7) -> None:
    events = events_in(folder)
    found = {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}
    assert {name: found.get(name) for name in VALUES} == {name: [(step, value)] for name, value in VALUES.items()}
    (image,) = events.Images("scores/samples")
    # Five images in a grid of three columns and two rows, with lines of two pixels between and around them.
    assert (image.step, image.width, image.height) == (step, 3 * 6 + 2, 2 * 6 + 2)


def test_scalars() -> None:
    assert scalars_of(SCORES, "scores/") == VALUES
    assert list(scalars_of(SCORES)) == ["fid", "fid_low", "fid_high", "precision"]


def test_picture_holds_every_image() -> None:
    picture = picture_of(IMAGES)
    assert picture.shape == (14, 20, 3)
    assert np.array_equal(picture[2:6, 8:12], IMAGES[1].permute(1, 2, 0))
    assert np.array_equal(picture[8:12, 8:12], IMAGES[4].permute(1, 2, 0))
    symmetric = picture_of(IMAGES[:1].float() / 127.5 - 1, (-1, 1))
    assert np.array_equal(symmetric, picture_of(IMAGES[:1]))
    with pytest.raises(ImageRangeError):
        picture_of(IMAGES.float() / 255)
    with pytest.raises(OptionError, match="no images"):
        picture_of(IMAGES[:0])


def test_tensorboard(tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        log_scores(writer, SCORES, 7, images=IMAGES)
    check_board(tmp_path)


def test_lightning_loggers(tmp_path) -> None:
    loggers = pytest.importorskip("lightning.pytorch.loggers")
    pytest.importorskip("tensorboard")
    board = loggers.TensorBoardLogger(tmp_path, name="board", version="")
    table = loggers.CSVLogger(tmp_path, name="table", version="")
    # A table takes no pictures, which is no reason to keep them from the other.
    log_scores([board, table], SCORES, 7, images=IMAGES)
    board.finalize("success")
    table.save()
    check_board(board.log_dir)
    (row,) = csv.DictReader((tmp_path / "table" / "metrics.csv").open())
    assert {name: float(value) for name, value in row.items()} == {**VALUES, "step": 7}
    assert not sink_of(table).takes_pictures


def test_accelerate(tmp_path) -> None:
    accelerate = pytest.importorskip("accelerate")
    pytest.importorskip("tensorboard")
    accelerator = accelerate.Accelerator(cpu=True, log_with="tensorboard", project_dir=tmp_path)
    accelerator.init_trackers("run")
    log_scores(accelerator, SCORES, 7, images=IMAGES)
    accelerator.end_training()
    check_board(tmp_path / "run")


def test_ignite(tmp_path) -> None:
    handlers = pytest.importorskip("ignite.handlers.tensorboard_logger")
    logger = handlers.TensorboardLogger(log_dir=str(tmp_path))
    log_scores(logger, SCORES, 7, images=IMAGES)
    logger.close()
    check_board(tmp_path)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """W&B without a network, whose own errors and statistics stay here too."""
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    return wandb


def test_wandb_offline(tmp_path, offline) -> None:
    with offline.init(project="test", dir=str(tmp_path)) as run:
        log_scores(run, SCORES, 7, images=IMAGES)
        run.log({"after": 1.0}, step=8)
        summary = dict(run.summary)
        files = run.dir
    assert {name: summary[name] for name in VALUES} == VALUES
    picture = summary["scores/samples"]
    assert (picture["width"], picture["height"]) == (20, 14)
    (path,) = (Path(files) / "media").rglob("*.png")
    assert np.array_equal(np.asarray(Image.open(path)), picture_of(IMAGES))


def test_a_kind_of_its_own() -> None:
    class Printer:
        def __init__(self) -> None:
            self.lines: list[str] = []

    class PrinterSink:
        takes_pictures = False

        def __init__(self, printer: Printer) -> None:
            self.printer = printer

        def write_values(self, values, step) -> None:
            self.printer.lines += [f"{step} {name} {value}" for name, value in values.items()]

    printer = Printer()
    with pytest.raises(OptionError, match="Printer"):
        log_scores(printer, SCORES, 1)
    sink_of.register(Printer, PrinterSink)
    log_scores(printer, SCORES, 1, images=IMAGES)
    assert printer.lines[0] == "1 scores/fid 12.5"
    assert len(printer.lines) == len(VALUES)
