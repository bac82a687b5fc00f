"""Divides the listing of sets that are reached by URL among the processes of a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ganeval.distributed.ranks import Ranks
from ganeval.images.remote.together import in_threads

T = TypeVar("T")


class ListedAcross:
    """A `ganeval.images.remote.together.Looking` of several processes: each looks at its part, and all get the whole.

    Parameters
    ----------
    ranks
        In a group; all open the same sets in the same order.
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks

    def __call__(self, things: Sequence[T], look: Callable[[T], Any]) -> list[Any]:
        own = in_threads(things[self._ranks.rank :: self._ranks.world], look)
        parts = self._ranks.gathered(own)
        return [parts[number % self._ranks.world][number // self._ranks.world] for number in range(len(things))]
