"""One evaluation of a generator in the midst of its training, as the callbacks of all libraries make it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganeval.metrics.options import require_count
from ganeval.streaming.generating import generated_batches
from ganeval.streaming.image_batches import as_image_batch
from ganeval.streaming.plan import Scores
from ganeval.streaming.suite import MetricSuite


@dataclass(frozen=True)
class LoopEvaluation:
    """What every evaluation of a loop has alike.

    Parameters
    ----------
    suite
        The metrics, with the real side.
    n, seed, batch_size, latent, autocast
        See `ganeval.metrics.MetricSuite.evaluate`.
    samples
        Images of a grid, 0 for none; the first of those that are scored.

    Raises
    ------
    OptionError
        For a number that can't be used.
    """

    suite: MetricSuite
    n: int = 10_000
    seed: int = 0
    batch_size: int = 64
    latent: int | tuple[int, ...] | None = None
    autocast: torch.dtype | None = None
    samples: int = 64

    def __post_init__(self) -> None:
        for name, minimum in (("n", 2), ("seed", 0), ("batch_size", 1), ("samples", 0)):
            require_count(name, getattr(self, name), minimum=minimum)

    def scores(self, generator: Any) -> Scores:
        """Scores, the same in all processes; what the training has is left as it is, and its modes."""
        # Loops validate in inference mode, and what is made in it, such as kept real features, is of no use outside.
        with torch.inference_mode(False):
            return self.suite.evaluate(
                generator,
                self.n,
                seed=self.seed,
                batch_size=self.batch_size,
                latent=self.latent,
                autocast=self.autocast,
            )

    def pictures(self, generator: Any) -> Tensor | None:
        """The samples, uint8 [N, 3, H, W]; None where none are wanted or `generator` is a set of images."""
        if not self.samples or not callable(generator):
            return None
        with torch.inference_mode(False):
            batches = generated_batches(
                generator,
                min(self.samples, self.n),
                seed=self.seed,
                batch_size=self.batch_size,
                latent=self.latent,
                autocast=self.autocast,
            )
            value_range = self.suite.metric.plan.value_range
            return torch.cat([as_image_batch(images, value_range).cpu() for images in batches])
