"""Exponential averages of networks' weights, from which samples are made."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganeval.generators.model import GenerativeModel


@torch.no_grad()
def update_averages(averages: nn.ModuleDict, model: GenerativeModel, decay: float) -> None:
    """Move the averaged weights towards the model's by the share 1 − `decay`; buffers are copied."""
    for name, average in averages.items():
        network = model.get_submodule(name)
        mine: list[Tensor] = [*average.parameters()]
        current: list[Tensor] = [p.detach() for p in network.parameters()]
        if mine:
            torch._foreach_lerp_(mine, current, 1 - decay)
        for kept, buffer in zip(average.buffers(), network.buffers(), strict=True):
            kept.copy_(buffer)


@torch.no_grad()
def settle_batch_norms(network: nn.Module, render: Callable[[int], Tensor], batches: int) -> None:
    """Measure batch norms' statistics anew: those gathered during training belong to weights that moved on.

    Parameters
    ----------
    network
        Whose batch norms become the mean over the batches; in evaluation mode afterwards.
    render
        Runs the network on batch number i (0 to `batches` − 1).
    batches
        How many.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        network.eval()
        return
    momenta = [norm.momentum for norm in norms]
    network.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    for batch in range(batches):
        render(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
