"""Features that look like real ones, for the tests of the metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

MakeFeatures = Callable[..., npt.NDArray[np.float32]]


@pytest.fixture(scope="session")
def make_features() -> MakeFeatures:
    """Non-negative float32 features with a decaying spectrum; `offset` moves a set away from those with another."""

    def make(n: int, d: int, *, seed: int, offset: float = 0.0) -> npt.NDArray[np.float32]:
        random = np.random.default_rng(seed)
        mixing = np.random.default_rng(12345).standard_normal((d, d)) / np.sqrt(d)
        scales = (1 + np.arange(d)) ** -0.5
        hidden = (random.standard_normal((n, d)) * scales) @ mixing
        return np.maximum(3 * (1 + offset) * hidden + 0.2 + offset, 0).astype(np.float32)

    return make
