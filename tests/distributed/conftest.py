"""Processes of a job as threads of one: the same calls, without the seconds that starting a process costs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
import torch

from ganeval.distributed.ranks import Ranks

T = TypeVar("T")


class Meeting:
    """Where threads exchange what they have."""

    def __init__(self, world: int) -> None:
        self.barrier = threading.Barrier(world, timeout=60)
        self.slots: list[Any] = [None] * world

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self.slots[rank] = value
        self.barrier.wait()
        found = list(self.slots)
        self.barrier.wait()
        return found


class ThreadRanks(Ranks):
    """One thread among `world`."""

    meeting: Meeting

    @classmethod
    def of(cls, rank: int, world: int, meeting: Meeting) -> ThreadRanks:
        made = cls(rank, world, rank, world)
        object.__setattr__(made, "meeting", meeting)
        return made

    def gathered_bytes(self, data: bytes) -> list[bytes]:
        assert isinstance(data, bytes)
        return self.meeting.exchange(self.rank, data)

    def broadcast_bytes(self, data: bytes | None, root: int = 0) -> bytes:
        found: bytes = self.meeting.exchange(self.rank, data)[root]
        assert isinstance(found, bytes)
        return found

    def broadcast(self, value: Any, root: int = 0) -> Any:
        return json.loads(self.broadcast_bytes(json.dumps(value).encode(), root))

    def summed_tensor(self, values: torch.Tensor) -> torch.Tensor:
        parts = self.meeting.exchange(self.rank, values.clone())
        assert len({(part.shape, part.dtype) for part in parts}) == 1
        return torch.stack(parts).sum(dim=0)

    def stacked(self, values: torch.Tensor) -> list[torch.Tensor]:
        # A copy, as what travels is: the caller may write into its own.
        parts = self.meeting.exchange(self.rank, values.clone())
        assert len({(part.shape, part.dtype) for part in parts}) == 1
        return parts


def run_ranks(world: int, work: Callable[[Ranks], T]) -> list[T]:
    meeting = Meeting(world)

    def one(rank: int) -> T:
        try:
            return work(ThreadRanks.of(rank, world, meeting))
        except BaseException:
            meeting.barrier.abort()
            raise

    with ThreadPoolExecutor(world) as pool:
        futures = [pool.submit(one, rank) for rank in range(world)]
        errors = [future.exception() for future in futures]
        own = [error for error in errors if error is not None and not isinstance(error, threading.BrokenBarrierError)]
        if own:
            raise own[0]
        return [future.result() for future in futures]


@pytest.fixture
def in_ranks() -> Callable[..., Any]:
    """Runs a function of `Ranks` in that many threads, and gives what each returned."""
    return run_ranks
