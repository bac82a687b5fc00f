"""The processes that train a classifier together: one, or those that ``torchrun`` started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from ganeval.distributed.ranks import joined_group

#: Longest that processes wait for one that decodes or writes.
_LONGEST_WAIT = timedelta(hours=2)


@dataclass(frozen=True)
class Processes:
    """This process among all: `rank` of `count`."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def any(self, value: bool, device: torch.device) -> bool:
        """Whether it is true in any process, known to all."""
        if self.count == 1:
            return value
        held = torch.tensor([int(value)], device=_place(device))
        distributed.all_reduce(held, op=distributed.ReduceOp.MAX)
        return bool(held.item())

    def total(self, values: Tensor) -> Tensor:
        """Sum over the processes, in place."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            distributed.barrier()


def _place(device: torch.device) -> torch.device:
    return device if distributed.get_backend() == "nccl" else torch.device("cpu")


@contextmanager
def open_processes(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """This process among those that ``torchrun`` started, if it did, and its own device.

    Parameters
    ----------
    device
        ``cuda`` becomes each process's own GPU of its machine.
    """
    with joined_group(device, longest_wait=_LONGEST_WAIT) as own:
        grouped = distributed.is_available() and distributed.is_initialized()
        yield Processes(distributed.get_rank(), distributed.get_world_size()) if grouped else Processes(), own
