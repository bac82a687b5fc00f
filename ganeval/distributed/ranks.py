"""The processes of one job: this one's rank among them, and what they tell each other."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import GanevalError, OptionError

if TYPE_CHECKING:
    import torch

#: How long processes wait for all of them to come together at the start.
JOINING = timedelta(minutes=5)
#: How long they wait for one that works alone. It is this long because a slow process isn't a dead one: those are
#: noticed by their lifeline (`ganeval.distributed.lifeline`), not by a clock.
WORKING = timedelta(hours=12)
# Numbers the groups that this process joins, in the same order as all others do.
_groups = itertools.count()
# Bytes that are sent in one go.
_PIECE = 1 << 26


class ContactLostError(GanevalError):
    """Another process of the job ended, or can't be reached."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of its job; by default a job of one, in which nothing needs torch.distributed.

    All processes must call the same methods in the same order, whatever they return.

    Parameters
    ----------
    rank, world
        Which process this is, from 0, of how many.
    local_rank, local_world
        The same among those on this machine.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    @classmethod
    def current(cls) -> Ranks:
        """What the environment says: ``RANK`` and ``WORLD_SIZE``, as torchrun sets them, else one process.

        ``LOCAL_RANK`` and ``LOCAL_WORLD_SIZE`` come from torchrun, or from Slurm's names for them.

        Raises
        ------
        OptionError
            If they contradict each other, or there is no ``MASTER_ADDR`` to meet at.
        """
        world = _number("WORLD_SIZE", default=1)
        if world == 1:
            return cls()
        rank = _number("RANK", default=-1)
        local_world = _number("LOCAL_WORLD_SIZE", "SLURM_NTASKS_PER_NODE", default=1)
        local_rank = _number("LOCAL_RANK", "SLURM_LOCALID", default=0)
        if world < 1 or not 0 <= rank < world:
            raise OptionError(
                f"WORLD_SIZE is {world} and RANK is {rank if rank >= 0 else 'not set'}",
                hint="Start the processes with torchrun, or set both, RANK from 0 to WORLD_SIZE - 1.",
            )
        absent = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
        if absent:
            raise OptionError(
                f"WORLD_SIZE is {world}, but {' and '.join(absent)} isn't set",
                hint="Start the processes with torchrun, or name the machine of rank 0 and a free port of it.",
            )
        return cls(rank, world, local_rank, max(1, local_world))

    @property
    def is_first(self) -> bool:
        """Whether this process reports, and writes files."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.world == 1

    def device(self, device: torch.device) -> torch.device:
        """``cuda`` without a number becomes this process's own GPU of its machine; all others are as they are."""
        import torch

        numbered = getattr(device, "index", None) is not None
        if self.alone or device.type != "cuda" or numbered:
            return device
        return torch.device("cuda", self.local_rank % torch.cuda.device_count())

    def barrier(self) -> None:
        """Wait until all are here."""
        if not self.alone:
            self.summed(np.zeros(1))

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """The block runs in the first process, then in the others, which find what the first has fetched."""
        if not self.is_first:
            self.barrier()
        yield
        if self.is_first:
            self.barrier()

    def gathered(self, value: Any) -> list[Any]:
        """What each process gave, by rank, known to all; it travels as JSON (tuples become lists)."""
        if self.alone:
            return [value]
        return [json.loads(data) for data in self.gathered_bytes(json.dumps(value).encode())]

    def gathered_bytes(self, data: bytes) -> list[bytes]:
        """The bytes that each process gave, by rank, known to all."""
        if self.alone:
            return [data]
        import torch
        from torch import distributed

        with _contact():
            lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world)]
            distributed.all_gather(lengths, torch.tensor([len(data)]))
            most = max(int(length) for length in lengths)
            padded = torch.zeros(most, dtype=torch.uint8)
            padded[: len(data)] = torch.from_numpy(np.frombuffer(data, np.uint8).copy())
            parts = [torch.zeros_like(padded) for _ in range(self.world)]
            if most:
                distributed.all_gather(parts, padded)
        return [part[: int(length)].numpy().tobytes() for part, length in zip(parts, lengths, strict=True)]

    def broadcast(self, value: Any, root: int = 0) -> Any:
        """What the process `root` gave, known to all; it travels as JSON."""
        if self.alone:
            return value
        sent = json.dumps(value).encode() if self.rank == root else None
        return json.loads(self.broadcast_bytes(sent, root))

    def broadcast_bytes(self, data: bytes | None, root: int = 0) -> bytes:
        """The bytes that the process `root` gave, known to all; the others' are ignored."""
        if self.alone:
            return data or b""
        import torch
        from torch import distributed

        own = data or b""
        with _contact():
            length = torch.tensor([len(own)])
            distributed.broadcast(length, src=root)
            held = np.empty(int(length), np.uint8)
            if self.rank == root:
                held[:] = np.frombuffer(own, np.uint8)
            for start in range(0, len(held), _PIECE):
                distributed.broadcast(torch.from_numpy(held[start : start + _PIECE]), src=root)
        return own if self.rank == root else held.tobytes()

    def summed(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sum over the processes, of arrays of one shape: the same bits in all of them."""
        if self.alone:
            return values
        import torch

        return self.summed_tensor(torch.from_numpy(np.array(values, np.float64))).numpy()

    def summed_tensor(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over the processes, of tensors of one shape and dtype: the same bits in all of them."""
        if self.alone:
            return values
        from torch import distributed

        total = values.detach().to("cpu", copy=True).contiguous()
        with _contact():
            distributed.all_reduce(total)
        return total.to(values.device)

    def stacked(self, values: torch.Tensor) -> list[torch.Tensor]:
        """The tensor that each process gave, by rank, known to all; all of one shape and dtype."""
        if self.alone:
            return [values]
        import torch
        from torch import distributed

        own = values.detach().cpu().contiguous()
        parts = [torch.empty_like(own) for _ in range(self.world)]
        with _contact():
            distributed.all_gather(parts, own)
        return [part.to(values.device) for part in parts]


def _number(*names: str, default: int) -> int:
    for name in names:
        text = os.environ.get(name)
        if text:
            try:
                return int(text)
            except ValueError as error:
                raise OptionError(
                    f"the environment variable {name} is {text!r}, which is no whole number",
                    hint="torchrun sets it; otherwise unset it.",
                ) from error
    return default


@contextmanager
def _contact() -> Iterator[None]:
    """What torch says of a broken connection, as an error that can be told from a defect."""
    try:
        yield
    except RuntimeError as error:
        said: Sequence[str] = str(error).splitlines() or [type(error).__name__]
        raise ContactLostError(f"another process of the job can't be reached: {said[0]}") from error


@contextmanager
def joined(ranks: Ranks, device: torch.device | None = None, *, longest_wait: timedelta = WORKING) -> Iterator[None]:
    """Within the block the processes are in one group, the one that is open already if there is one.

    What lies on the CPU travels by gloo, what lies on a GPU by nccl.

    Parameters
    ----------
    ranks
        From `Ranks.current`.
    device
        On which tensors are exchanged, besides the CPU.
    longest_wait
        How long processes wait for one that works alone.

    Raises
    ------
    ContactLostError
        If they don't come together.
    """
    if ranks.alone:
        yield
        return
    from torch import distributed

    if not distributed.is_available():
        raise OptionError(f"WORLD_SIZE is {ranks.world}, but this build of torch has no torch.distributed")
    if distributed.is_initialized():
        yield
        return
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    on_gpu = device is not None and device.type == "cuda"
    try:
        # Coming together has a bound of its own: a process that never started has no lifeline.
        store, rank, world = next(rendezvous("env://", timeout=JOINING))
        # The store outlives the group, and a second one must not find the addresses of the first.
        store = PrefixStore(f"ganeval-{next(_groups)}", store)
        backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
        distributed.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=longest_wait)
    except RuntimeError as error:
        raise ContactLostError(
            f"the {ranks.world} processes didn't come together: {str(error).splitlines()[0]}",
            hint="Start them within 5 minutes of one another, and check MASTER_ADDR and MASTER_PORT.",
        ) from error
    try:
        yield
    except BaseException:
        # Others may be gone, and taking leave of them would mean waiting for them.
        raise
    else:
        distributed.destroy_process_group()


@contextmanager
def joined_group(device: torch.device, *, longest_wait: timedelta) -> Iterator[torch.device]:
    """Within the block this process is in a group with the others, if there are any; gives its own device.

    Parameters
    ----------
    device
        ``cuda`` becomes each process's own GPU of its machine; all others are shared.
    longest_wait
        How long processes wait for one that works alone.
    """
    ranks = Ranks.current()
    own = ranks.device(device)
    if own.type == "cuda" and not ranks.alone:
        import torch

        torch.cuda.set_device(own)
    with joined(ranks, own, longest_wait=longest_wait):
        yield own
