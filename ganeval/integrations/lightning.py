"""A callback of Lightning, `lightning.pytorch` and `pytorch_lightning` alike, that scores a generator as it trains."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ganeval.integrations.early_stopping import StoppingInCheckpoints, StopWhenNotImproving
from ganeval.integrations.evaluation import LoopEvaluation
from ganeval.integrations.loggers import picture_of, sink_of
from ganeval.integrations.scalars import scalars_of
from ganeval.metrics.options import require_count
from ganeval.streaming.plan import Scores
from ganeval.streaming.suite import MetricSuite

if TYPE_CHECKING:
    from lightning.pytorch import Callback, LightningModule, Trainer
else:
    # One library under two names, each of which brings a class of its own.
    _found = [name for name in ("lightning", "pytorch_lightning") if find_spec(name) is not None]
    if not _found:
        raise ImportError("Lightning isn't installed: pip install 'ganeval[lightning]'")
    _modules = [import_module({"lightning": "lightning.pytorch"}.get(name, name)) for name in _found]
    Callback = type("Callback", tuple(module.Callback for module in _modules), {})


class EvaluateGenerator(StoppingInCheckpoints, Callback):
    """Scores the generator of a `LightningModule` in the midst of its training.

    It does so after each validation of every `every_n_epochs`-th epoch, at the end of such an epoch where there was no
    validation, and in ``trainer.validate`` and ``trainer.test``. Values and interval ends (``fid``, ``fid_low``,
    ``fid_high``) are logged by the module, so that `ModelCheckpoint` and `EarlyStopping` can monitor them; samples go
    to those of the trainer's loggers that take images. With several processes each makes its share of the images, and
    all have the same scores. The training's random states and the modes of all modules stay as they were.

    Parameters
    ----------
    suite
        The metrics, with the real side.
    generator
        Of the module: the name of an attribute (``"generator"``, ``"ema.module"``), a function of the module that gives
        what is scored, or the `torch.nn.Module` to score itself.
    every_n_epochs
        1 or more.
    n, seed, batch_size, latent, autocast
        See `ganeval.metrics.MetricSuite.evaluate`.
    samples
        Images of the grid, 0 for none.
    prefix
        Before every logged name. `monitor` must have it too.
    stop
        Ends the training when it no longer improves; its state is saved in checkpoints.

    Raises
    ------
    OptionError
        For a number that can't be used.
    """

    def __init__(
        self,
        suite: MetricSuite,
        generator: str | Callable[[LightningModule], Any] = "generator",
        *,
        every_n_epochs: int = 1,
        n: int = 10_000,
        seed: int = 0,
        batch_size: int = 64,
        latent: int | tuple[int, ...] | None = None,
        autocast: torch.dtype | None = None,
        samples: int = 64,
        prefix: str = "",
        stop: StopWhenNotImproving | None = None,
    ) -> None:
        super().__init__()
        self.evaluation = LoopEvaluation(suite, n, seed, batch_size, latent, autocast, samples)
        self.generator = generator
        self.every_n_epochs = require_count("every_n_epochs", every_n_epochs)
        self.prefix, self.stop = prefix, stop
        #: Of the last evaluation, with intervals and all; None before the first.
        self.scores: Scores | None = None
        self._last_epoch: int | None = None

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluate after a validation."""
        if not trainer.sanity_checking and (trainer.state.fn != "fit" or self._due(trainer)):
            self._evaluate(trainer, pl_module)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluate after a test."""
        self._evaluate(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluate after an epoch without validation."""
        if self._due(trainer) and self._last_epoch != trainer.current_epoch:
            self._evaluate(trainer, pl_module)

    def _due(self, trainer: Trainer) -> bool:
        return (trainer.current_epoch + 1) % self.every_n_epochs == 0

    def _evaluate(self, trainer: Trainer, pl_module: LightningModule) -> None:
        generator = self._generator_of(pl_module)
        self.scores = self.evaluation.scores(generator)
        # All processes have the same, so that their mean changes nothing; without it, Lightning would warn.
        pl_module.log_dict(scalars_of(self.scores, self.prefix), on_step=False, on_epoch=True, sync_dist=True)
        self._log_samples(trainer, generator)
        if trainer.state.fn == "fit":
            self._last_epoch = trainer.current_epoch
            if self.stop is not None and self.stop(trainer.global_step, self.scores):
                trainer.should_stop = True

    def _generator_of(self, module: LightningModule) -> Any:
        if isinstance(self.generator, str):
            return attrgetter(self.generator)(module)
        return self.generator if isinstance(self.generator, nn.Module) else self.generator(module)

    def _log_samples(self, trainer: Trainer, generator: Any) -> None:
        # Made in all processes, since a generator may be spread over them.
        images = self.evaluation.pictures(generator) if self.evaluation.samples and trainer.loggers else None
        if images is None or not trainer.is_global_zero:
            return
        for sink in map(sink_of, trainer.loggers):
            if sink.takes_pictures:
                sink.write_picture(f"{self.prefix}samples", picture_of(images), trainer.global_step)
