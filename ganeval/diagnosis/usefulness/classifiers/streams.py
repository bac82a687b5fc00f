"""Random streams: every use of randomness has its own, so that a training that goes on draws what it would have."""

from __future__ import annotations

import numpy as np
import torch

#: First number of the key of each use.
WEIGHTS, ORDER, AUGMENTATION, DROPOUT = range(4)


def stream_seed(seed: int, *key: int) -> int:
    """A seed below 2**63 that follows from `seed` and the numbers of `key` alone, all of them 0 or more."""
    state = np.random.SeedSequence([seed, *key]).generate_state(1, np.uint64)
    return int(state[0]) >> 1


def random_stream(seed: int, *key: int) -> torch.Generator:
    """A generator on the CPU that depends on `seed` and the numbers of `key` alone."""
    return torch.Generator().manual_seed(stream_seed(seed, *key))
