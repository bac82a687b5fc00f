"""Random streams: every use of randomness has its own, so that none depends on how often another was drawn from."""

from __future__ import annotations

import numpy as np
import torch

#: First number of the key of samples that are drawn of a finished model. Training has the numbers below: latents out of
#: the stream of the first weights would be these weights again, and meet them in the first layer.
DRAWINGS = 6


def stream_seed(seed: int, *key: int) -> int:
    """A seed below 2**63, as torch takes it, that follows from `seed` and `key` alone, all of them 0 or more."""
    state = np.random.SeedSequence([seed, *key]).generate_state(1, np.uint64)
    return int(state[0]) >> 1


def random_stream(seed: int, *key: int) -> torch.Generator:
    """A generator on the CPU that depends on `seed` and the numbers of `key` alone, all of them 0 or more."""
    return torch.Generator().manual_seed(stream_seed(seed, *key))
