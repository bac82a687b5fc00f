"""Scores in an engine of ignite: a handler that evaluates a generator, and a metric over an engine's output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganeval.integrations.early_stopping import StoppingInCheckpoints, StopWhenNotImproving
from ganeval.integrations.evaluation import LoopEvaluation
from ganeval.integrations.loggers import log_scores
from ganeval.integrations.scalars import scalars_of
from ganeval.streaming.metric import StreamingMetric
from ganeval.streaming.plan import Scores
from ganeval.streaming.suite import MetricSuite

try:
    from ignite.engine import Engine, Events
    from ignite.metrics import Metric
except ImportError as error:
    raise ImportError("ignite isn't installed: pip install 'ganeval[ignite]'") from error


class EvaluateGenerator(StoppingInCheckpoints):
    """A handler that scores a generator at the events to which it is attached.

    Values and interval ends (``fid``, ``fid_low``, ``fid_high``) go into ``engine.state.metrics``, where ignite's own
    `Checkpoint` and loggers find them. With several processes each makes its share of the images, and all have the same
    scores. The training's random states and the modes of all modules stay as they were.

    Parameters
    ----------
    suite
        The metrics, with the real side.
    generator
        What is scored, see `ganeval.metrics.MetricSuite.evaluate`.
    n, seed, batch_size, latent, autocast
        See there, too.
    samples
        Images of the grid, 0 for none.
    logger
        Where scores and samples are logged, see `ganeval.integrations.loggers.log_scores`; None for nowhere.
    prefix
        Before every name.
    stop
        Terminates the engine when the generator no longer improves.

    Raises
    ------
    OptionError
        For a number that can't be used.
    """

    def __init__(
        self,
        suite: MetricSuite,
        generator: Any,
        *,
        n: int = 10_000,
        seed: int = 0,
        batch_size: int = 64,
        latent: int | tuple[int, ...] | None = None,
        autocast: torch.dtype | None = None,
        samples: int = 64,
        logger: Any = None,
        prefix: str = "",
        stop: StopWhenNotImproving | None = None,
    ) -> None:
        self.evaluation = LoopEvaluation(suite, n, seed, batch_size, latent, autocast, samples)
        self.generator, self.logger, self.prefix, self.stop = generator, logger, prefix, stop
        #: Of the last evaluation, with intervals and all; None before the first.
        self.scores: Scores | None = None

    def attach(self, engine: Engine, event: Any = Events.EPOCH_COMPLETED) -> EvaluateGenerator:
        """Evaluate at that event of `engine`, such as ``Events.ITERATION_COMPLETED(every=1000)``."""
        engine.add_event_handler(event, self)
        return self

    def __call__(self, engine: Engine) -> None:
        """Evaluate now."""
        self.scores = self.evaluation.scores(self.generator)
        engine.state.metrics.update(scalars_of(self.scores, self.prefix))
        if self.logger is not None:
            images = self.evaluation.pictures(self.generator)
            log_scores(self.logger, self.scores, engine.state.iteration, images=images, prefix=self.prefix)
        if self.stop is not None and self.stop(engine.state.iteration, self.scores):
            engine.terminate()


class GeneratedImages(Metric):
    """A streaming metric over the output of an engine, as ignite's metrics are.

    Parameters
    ----------
    metric
        Such as ``FrechetDistance(real=...)``. It gathers across processes by itself.
    output_transform
        From the engine's output to generated images [N, C, H, W], or to a pair of generated and real ones.

    Raises
    ------
    GanevalError
        As `ganeval.streaming.metric.StreamingMetric.update` and ``compute`` do.
    """

    def __init__(self, metric: StreamingMetric, output_transform: Callable[[Any], Any] = lambda output: output) -> None:
        self.metric = metric
        super().__init__(output_transform)

    def reset(self) -> None:
        """Forget the generated images."""
        self.metric.reset()

    def update(self, output: Tensor | tuple[Tensor, Tensor]) -> None:
        """Take a batch."""
        generated, real = (output, None) if isinstance(output, Tensor) else output
        self.metric.update(generated)
        if real is not None:
            self.metric.update(real, real=True)

    def compute(self) -> float | dict[str, float]:
        """The value, or several by name, which ignite files under their names."""
        value = self.metric.compute()
        return float(value) if isinstance(value, Tensor) else {name: float(one) for name, one in value.items()}
