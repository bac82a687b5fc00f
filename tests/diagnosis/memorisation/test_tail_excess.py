"""The share of values that are too low: right where it is known, and not claimed where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeval.diagnosis.memorisation.tail_excess import tail_excess

REPLICATES = 300


def _draws(share: float, shift: float, n: int, m: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of samples: fresh values are standard normal, and so are the others but for a shifted share."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(REPLICATES):
        generated = random.standard_normal(n)
        generated[: random.binomial(n, share)] -= shift
        pairs.append((generated, random.standard_normal(m)))
    return pairs


@pytest.mark.parametrize(("n", "m"), [(500, 500), (3000, 300), (300, 3000)])
@pytest.mark.parametrize(("share", "shift"), [(0.0, 0.0), (0.05, 6.0), (0.3, 2.0), (1.0, 1.0)])
def test_the_lower_end_holds(n: int, m: int, share: float, shift: float) -> None:
    found = [tail_excess(*pair) for pair in _draws(share, shift, n, m, 0)]
    # One-sided at 2.5 %; 300 replicates at 97.5 % fall below 95 % once in 300.
    assert np.mean([one.low <= share for one in found]) >= 0.95
    assert all(one.low <= one.share <= one.high for one in found)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_shares_that_stand_apart_are_found_whole(share: float) -> None:
    found = [tail_excess(*pair) for pair in _draws(share, 20.0, 2000, 2000, 1)]
    # The depth that shows most is chosen, which favours the estimate, by less than its standard error.
    standard_error = np.mean([one.high - one.low for one in found]) / 4
    assert -standard_error / 4 < np.mean([one.share for one in found]) - share < standard_error
    assert np.mean([one.low <= share <= one.high for one in found]) >= 0.95
    assert np.median([one.low for one in found]) > share / 2


def test_all_of_them_and_none() -> None:
    random = np.random.default_rng(2)
    fresh = random.standard_normal(400)
    assert tail_excess(fresh - 20, fresh).share == 1.0
    assert tail_excess(fresh - 20, fresh).low > 0.97
    assert tail_excess(fresh + 20, fresh).share == 0.0
    assert tail_excess(fresh + 20, fresh).high < 0.1


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 1000), st.sampled_from([0.9, 0.95, 0.99]))
def test_any_sizes_and_ties(n: int, m: int, seed: int, level: float) -> None:
    random = np.random.default_rng(seed)
    generated, fresh = random.integers(0, 5, n).astype(float), random.integers(0, 5, m).astype(float)
    found = tail_excess(generated, fresh, level)
    assert 0 <= found.low <= found.share <= found.high <= 1
    again = tail_excess(np.exp(generated), np.exp(fresh), level)
    assert again == found
