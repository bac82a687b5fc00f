"""Divides the block loops of metrics among the processes of a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch

from ganeval.distributed.ranks import Ranks
from ganeval.distributed.sharding import cuts

T = TypeVar("T")


class AcrossRanks:
    """A `ganeval.metrics.division.Division` among the processes of a job.

    Parameters
    ----------
    ranks
        In a group; all compute the same metrics in the same order.
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self.parts = ranks.world

    def mine(self, pieces: Sequence[T]) -> Sequence[T]:
        """Every `parts`-th piece."""
        return pieces[self._ranks.rank :: self._ranks.world]

    def my_stretch(self, pieces: Sequence[T]) -> Sequence[T]:
        """Consecutive pieces."""
        bounds = cuts(len(pieces), self._ranks.world)
        return pieces[bounds[self._ranks.rank] : bounds[self._ranks.rank + 1]]

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over the processes."""
        return self._ranks.summed_tensor(values)

    def stacked(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each process has, by rank."""
        lengths = [int(length) for length in self._ranks.stacked(torch.tensor([len(values)]))]
        if len(set(lengths)) == 1:
            return self._ranks.stacked(values)
        padded = values.new_zeros(max(lengths), *values.shape[1:])
        padded[: len(values)] = values
        return [part[:length] for part, length in zip(self._ranks.stacked(padded), lengths, strict=True)]
