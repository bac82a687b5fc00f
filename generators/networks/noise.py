"""Dropout whose masks are drawn from a given generator, where chance is part of what a network makes."""

from __future__ import annotations

import torch
from torch import Tensor


def drawn_dropout(maps: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Set values to 0 with probability `share`, each for itself, and scale the rest up by 1 / (1 − `share`).

    The same in training and evaluation: it is noise that a generator takes as input (Isola et al. 2017, section 3.2.1).

    Parameters
    ----------
    maps
        [N, C, H, W] on any device.
    share
        From 0 to below 1.
    random
        On the CPU.
    """
    if share == 0:
        return maps
    kept = torch.rand(maps.shape, generator=random) >= share
    return maps * kept.to(maps.device, maps.dtype) / (1 - share)
