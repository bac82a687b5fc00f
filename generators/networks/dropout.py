"""Dropout whose masks come from a generator that is handed in, so that a resumed run draws the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zeroes activations with a probability and divides the rest by its complement (Srivastava et al. 2014).

    In training mode it works within `drawing_masks` alone; otherwise it passes on what it gets.

    Parameters
    ----------
    probability
        Of being zeroed, from 0 to below 1.
    always
        Whether it also works in evaluation mode, within `drawing_masks`: noise as pix2pix has it.
    """

    def __init__(self, probability: float, always: bool = False) -> None:
        super().__init__()
        self.probability, self.always = probability, always
        self._random: torch.Generator | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape [N, ...]."""
        if self._random is None or not (self.training or self.always) or self.probability == 0:
            return features
        kept = torch.rand(features.shape, generator=self._random) >= self.probability
        return features * kept.to(features.device) / (1 - self.probability)

    def extra_repr(self) -> str:
        """The parameters."""
        return f"probability={self.probability}, always={self.always}"


@contextmanager
def drawing_masks(network: nn.Module, random: torch.Generator) -> Iterator[None]:
    """Within it all `Dropout` layers of `network` draw their masks from `random`, on the CPU."""
    layers = [module for module in network.modules() if isinstance(module, Dropout)]
    for layer in layers:
        layer._random = random
    try:
        yield
    finally:
        for layer in layers:
            layer._random = None
