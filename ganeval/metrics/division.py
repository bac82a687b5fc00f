"""How metrics divide long work among processes, of which they know nothing but this.

A metric is a pure function, and stays one: by default there is one process, and it does all of it. Whoever runs metrics
in several processes, all with the same arguments, says so with `divided`; loops over blocks then take only their part,
and bring the parts together with `summed` or `stacked`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")


class Division(Protocol):
    """The processes among which work is divided."""

    @property
    def parts(self) -> int:
        """How many there are."""

    def mine(self, pieces: Sequence[T]) -> Sequence[T]:
        """Those of the pieces that this process works on: in turn, so that pieces that shrink are divided evenly."""

    def my_stretch(self, pieces: Sequence[T]) -> Sequence[T]:
        """As `mine`, but consecutive ones: what processes find, one after the other, is then in order."""

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over the processes, of tensors of one shape: the same bits in all of them."""

    def stacked(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each process has, one after the other; tensors may differ in their first dimension."""


class Undivided:
    """One process, which does everything."""

    parts = 1

    def mine(self, pieces: Sequence[T]) -> Sequence[T]:
        return pieces

    def my_stretch(self, pieces: Sequence[T]) -> Sequence[T]:
        return pieces

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        return values

    def stacked(self, values: torch.Tensor) -> list[torch.Tensor]:
        return [values]


_UNDIVIDED = Undivided()
_present: ContextVar[Division] = ContextVar("division of work", default=_UNDIVIDED)


def division() -> Division:
    """How work is divided at present; in threads of a pool it isn't."""
    return _present.get()


@contextmanager
def divided(among: Division) -> Iterator[None]:
    """Within the block, all processes compute the same metrics with the same arguments, and share the work."""
    token = _present.set(among)
    try:
        yield
    finally:
        _present.reset(token)


@contextmanager
def undivided() -> Iterator[None]:
    """Within the block, this process does everything: for work that is itself a part of what is divided."""
    with divided(_UNDIVIDED):
        yield
