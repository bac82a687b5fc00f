"""Scores and samples into whatever a training loop logs to: TensorBoard, W&B, and the wrappers around them.

A logger is known by what it can do, not by its class's name or module, so that none of their libraries has to be there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.integrations.scalars import scalars_of
from ganeval.metrics.score import Score
from ganeval.streaming.image_batches import as_image_batch, require_value_range

#: uint8 [H, W, 3].
Picture = npt.NDArray[np.uint8]


def log_scores(
    logger: Any,
    scores: Mapping[str, Score],
    step: int,
    *,
    images: Tensor | None = None,
    value_range: tuple[float, float] | None = None,
    prefix: str = "scores/",
) -> None:
    """Log values with the ends of their intervals, and a grid of samples.

    Parameters
    ----------
    logger
        TensorBoard's `SummaryWriter`, a run of W&B, a logger of Lightning or ignite, a tracker of Accelerate, an
        `Accelerator` with its trackers, or a list of such; others after ``sink_of.register``.
    scores
        By name, such as `ganeval.metrics.MetricSuite.evaluate` gives them.
    step
        Of the training.
    images
        Samples [N, C, H, W], see `ganeval.streaming.image_batches.as_image_batch`; loggers that take none go without.
    value_range
        Of float images, ``(0, 1)`` or ``(-1, 1)``.
    prefix
        Before every name.

    Raises
    ------
    OptionError
        For a logger that isn't known.
    ImageRangeError
        For images of another form or range.
    """
    sink = sink_of(logger)
    sink.write_values(scalars_of(scores, prefix), step)
    if images is not None and sink.takes_pictures:
        sink.write_picture(f"{prefix}samples", picture_of(images, value_range), step)


def picture_of(images: Tensor, value_range: tuple[float, float] | None = None) -> Picture:
    """Images [N, C, H, W] as one, in about as many rows as columns; parameters and errors are those of `log_scores`."""
    from torchvision.utils import make_grid

    batch = as_image_batch(images, require_value_range(value_range)).cpu()
    if not len(batch):
        raise OptionError("there are no images to log")
    tiled: Tensor = make_grid(batch, nrow=math.ceil(math.sqrt(len(batch))))
    picture: Picture = tiled.permute(1, 2, 0).contiguous().numpy()
    return picture


class Sink(Protocol):
    """What a logger has to be able to do."""

    @property
    def takes_pictures(self) -> bool:
        """Whether `write_picture` does anything."""
        ...

    def write_values(self, values: Mapping[str, float], step: int) -> None:
        """Log numbers by name."""
        ...

    def write_picture(self, name: str, picture: Picture, step: int) -> None:
        """Log an image."""
        ...


@singledispatch
def sink_of(logger: Any) -> Sink:
    """The sink that writes to `logger`; ``@sink_of.register(MyLogger)`` adds a kind.

    Raises
    ------
    OptionError
        For a logger that isn't known.
    """
    raise OptionError(
        f"scores can't be logged to {type(logger).__name__}",
        hint="Give a SummaryWriter, a run of W&B, a logger of Lightning or ignite, a tracker of Accelerate or an "
        "Accelerator, or register yours with ganeval.integrations.loggers.sink_of.register.",
    )


@runtime_checkable
class _Board(Protocol):
    """TensorBoard's `SummaryWriter`."""

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int) -> Any: ...
    def add_image(self, tag: str, img_tensor: Any, global_step: int, *, dataformats: str) -> Any: ...


@dataclass(frozen=True)
class _BoardSink:
    board: _Board
    takes_pictures: bool = True

    def write_values(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.board.add_scalar(name, value, step)

    def write_picture(self, name: str, picture: Picture, step: int) -> None:
        self.board.add_image(name, picture, step, dataformats="HWC")


@runtime_checkable
class _Run(Protocol):
    """A run of W&B."""

    def log(self, data: dict[str, Any], step: int | None = None) -> Any: ...
    def define_metric(self, name: str) -> Any: ...


@dataclass(frozen=True)
class _RunSink:
    run: _Run
    takes_pictures: bool = True

    def write_values(self, values: Mapping[str, float], step: int) -> None:
        self.run.log(dict(values), step=step)

    def write_picture(self, name: str, picture: Picture, step: int) -> None:
        import wandb

        self.run.log({name: wandb.Image(picture)}, step=step)


@runtime_checkable
class _LightningLogger(Protocol):
    """A logger of Lightning, whose ``experiment`` is what it writes to, or stands for it where it mustn't write."""

    def log_metrics(self, metrics: Any, step: int | None = None) -> Any: ...
    def log_hyperparams(self, params: Any) -> Any: ...


@dataclass(frozen=True)
class _LightningSink:
    logger: Any

    @property
    def takes_pictures(self) -> bool:
        return hasattr(self.logger, "log_image") or isinstance(self.logger.experiment, _Board)

    def write_values(self, values: Mapping[str, float], step: int) -> None:
        self.logger.log_metrics(dict(values), step=step)

    def write_picture(self, name: str, picture: Picture, step: int) -> None:
        # Lightning counts W&B's steps by itself, so that its own method has to be used where there is one.
        if hasattr(self.logger, "log_image"):
            self.logger.log_image(name, [picture], step=step)
        else:
            sink_of(self.logger.experiment).write_picture(name, picture, step)


@runtime_checkable
class _Tracker(Protocol):
    """A tracker of Accelerate, whose ``tracker`` is what it writes to, in the main process."""

    def log(self, values: dict[str, Any], step: int | None) -> Any: ...
    def store_init_configuration(self, values: dict[str, Any]) -> Any: ...


@dataclass(frozen=True)
class _TrackerSink:
    tracker: Any

    @property
    def takes_pictures(self) -> bool:
        return isinstance(getattr(self.tracker, "tracker", None), _Board | _Run)

    def write_values(self, values: Mapping[str, float], step: int) -> None:
        self.tracker.log(dict(values), step=step)

    def write_picture(self, name: str, picture: Picture, step: int) -> None:
        sink_of(self.tracker.tracker).write_picture(name, picture, step)


@dataclass(frozen=True)
class _ManySinks:
    sinks: tuple[Sink, ...]

    @property
    def takes_pictures(self) -> bool:
        return any(sink.takes_pictures for sink in self.sinks)

    def write_values(self, values: Mapping[str, float], step: int) -> None:
        for sink in self.sinks:
            sink.write_values(values, step)

    def write_picture(self, name: str, picture: Picture, step: int) -> None:
        for sink in self.sinks:
            if sink.takes_pictures:
                sink.write_picture(name, picture, step)


@runtime_checkable
class _Accelerator(Protocol):
    """Accelerate's `Accelerator`, which has ``trackers``."""

    def init_trackers(self, project_name: str) -> Any: ...
    def get_tracker(self, name: str) -> Any: ...


@runtime_checkable
class _IgniteLogger(Protocol):
    """A logger of ignite: ``writer`` or ``run`` is what it writes to."""

    def attach_output_handler(self, engine: Any, event_name: Any) -> Any: ...
    def attach_opt_params_handler(self, engine: Any, event_name: Any) -> Any: ...


def _many(loggers: Sequence[Any]) -> Sink:
    return _ManySinks(tuple(sink_of(logger) for logger in loggers))


def _of_ignite(logger: Any) -> Sink:
    inner = getattr(logger, "writer", None) or getattr(logger, "run", None)
    if inner is None:
        raise OptionError(f"ignite's {type(logger).__name__} writes to nothing that scores can be logged to")
    return sink_of(inner)


sink_of.register(_Board, _BoardSink)
sink_of.register(_Run, _RunSink)
sink_of.register(_LightningLogger, _LightningSink)
sink_of.register(_Tracker, _TrackerSink)
sink_of.register(_Accelerator, lambda accelerator: _many(accelerator.trackers))
sink_of.register(_IgniteLogger, _of_ignite)
sink_of.register(list, _many)
sink_of.register(tuple, _many)
