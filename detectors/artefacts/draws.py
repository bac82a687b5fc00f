"""Random numbers as simulators draw them."""

from __future__ import annotations

import numpy as np


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Even over the logarithm: as likely between 1 and 2 as between 2 and 4. `low` and `high` above 0."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
