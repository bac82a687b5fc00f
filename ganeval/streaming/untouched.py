"""A training's surroundings left as they were: random states, and whether modules train or evaluate."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from ganeval.random_streams import stream_seed


@contextmanager
def untouched_randomness(device: torch.device) -> Iterator[None]:
    """After the block the global generators of torch, NumPy and Python are in the states that they had before it.

    Libraries draw from them where nobody would expect it, scikit-learn when it is imported; so does the order in which
    a user's `DataLoader` gives real images.

    Parameters
    ----------
    device
        Whose generator is put back beside the CPU's.
    """
    # The old interface on purpose: its one generator is what users' code draws from.
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    of_mps = torch.mps.get_rng_state() if device.type == "mps" else None
    devices = [device.index or 0] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
        if of_mps is not None:
            torch.mps.set_rng_state(of_mps)


@contextmanager
def own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Within the block the global generators of torch, NumPy and Python follow from `seed`; then they are as before.

    Parameters
    ----------
    seed
        0 or more.
    device
        Whose generator is put back too.
    """
    with untouched_randomness(device):
        torch.manual_seed(stream_seed(seed))
        np.random.seed(stream_seed(seed) % 2**32)  # noqa: NPY002
        random.seed(stream_seed(seed))
        yield


@contextmanager
def evaluating(module: nn.Module | None) -> Iterator[None]:
    """Within the block a module and all in it are in evaluation mode; then each is in its own mode again."""
    modes = [] if module is None else [(part, part.training) for part in module.modules()]
    try:
        if module is not None:
            module.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training
