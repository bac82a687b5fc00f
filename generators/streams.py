"""Random streams: every use of randomness has its own, so that none depends on how often another was drawn from."""

from __future__ import annotations

import numpy as np
import torch

#: First number of the key of each use.
WEIGHTS, ORDER, TRAINING, SAMPLES, STATISTICS, AUGMENTATION = range(6)


def random_stream(seed: int, *key: int) -> torch.Generator:
    """A generator on the CPU that depends on `seed` and the numbers of `key` alone, all of them 0 or more."""
    state = np.random.SeedSequence([seed, *key]).generate_state(2, np.uint64)
    # torch takes seeds below 2**63 from Python's integers.
    return torch.Generator().manual_seed(int(state[0]) >> 1)
