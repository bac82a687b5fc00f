"""The processes of a training run: one, or those that ``torchrun`` started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ganeval.distributed.ranks import joined_group


class Processes:
    """This process among all: their number, and sums over them.

    A run of one process needs no group. Under ``torchrun``, `open_processes` opens one first.
    """

    def __init__(self) -> None:
        grouped = distributed.is_available() and distributed.is_initialized()
        self.count = distributed.get_world_size() if grouped else 1
        self.rank = distributed.get_rank() if grouped else 0

    @property
    def first(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0

    @torch.no_grad()
    def share_weights(self, module: nn.Module) -> None:
        """Give every process the first one's weights and buffers."""
        if self.count > 1:
            for values in module.state_dict().values():
                distributed.broadcast(values, src=0)

    @torch.no_grad()
    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace gradients by their means over all processes; a missing one counts as 0."""
        if self.count == 1:
            return
        gradients = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        if gradients:
            together = parameters_to_vector(gradients)
            distributed.all_reduce(together)
            vector_to_parameters(together.div_(self.count), gradients)

    @torch.no_grad()
    def average_buffers(self, module: nn.Module) -> None:
        """Replace floating-point buffers (running statistics) by their means over all processes."""
        if self.count == 1:
            return
        buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
        if buffers:
            together = torch.cat([buffer.float().flatten() for buffer in buffers])
            distributed.all_reduce(together)
            means = torch.split(together.div_(self.count), [buffer.numel() for buffer in buffers])
            for buffer, mean in zip(buffers, means, strict=True):
                buffer.copy_(mean.view_as(buffer))

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the processes."""
        if self.count > 1:
            distributed.all_reduce(values)
            values /= self.count
        return values

    def largest(self, value: int) -> int:
        """The largest of the processes' values, known to all of them."""
        if self.count == 1:
            return value
        held = torch.tensor([value])
        if distributed.get_backend() == "nccl":
            held = held.cuda()
        distributed.all_reduce(held, op=distributed.ReduceOp.MAX)
        return int(held.item())


#: Longest that one process works while the others wait: the first one scores samples.
_LONGEST_WAIT = timedelta(hours=12)


@contextmanager
def open_processes(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """This process among those that ``torchrun`` started, if it did, and its own device.

    Parameters
    ----------
    device
        ``cuda`` becomes each process's own GPU of its machine; all others are shared.
    """
    with joined_group(device, longest_wait=_LONGEST_WAIT) as own:
        yield Processes(), own
