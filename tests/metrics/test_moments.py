"""Streaming moments against numpy's on all rows at once, however they are divided and ordered."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.metrics.moments import Moments


def rows_of(count: int, dimension: int = 5, offset: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(offset, 1.0, (count, dimension))


def gathered(parts: list[np.ndarray], dimension: int = 5) -> Moments:
    moments = Moments.none(dimension)
    for part in parts:
        moments = moments.updated(part)
    return moments


@settings(deadline=None, max_examples=50)
@given(cuts=st.lists(st.integers(0, 60), max_size=8), seed=st.integers(0, 1000))
def test_any_division_gives_the_moments_of_the_whole(cuts: list[int], seed: int) -> None:
    rows = rows_of(60, seed=seed)
    moments = gathered(np.split(rows, sorted(cuts)))
    assert moments.count == 60
    np.testing.assert_allclose(moments.mean.numpy(), rows.mean(axis=0), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(moments.covariance().numpy(), np.cov(rows, rowvar=False), rtol=1e-11, atol=1e-13)


def test_merging_in_another_order_changes_rounding_alone() -> None:
    parts = [Moments.of(rows_of(n, seed=n)) for n in (1, 7, 30)]
    forth = parts[0].merged(parts[1]).merged(parts[2])
    back = parts[2].merged(parts[0].merged(parts[1]))
    torch.testing.assert_close(forth.mean, back.mean, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(forth.scatter, back.scatter, rtol=1e-13, atol=1e-12)


def test_a_mean_far_from_zero_costs_no_digits() -> None:
    # Raw second moments of these would keep no digit of the variance: 1e16 + 1 is 1e16 in float64.
    rows = rows_of(200, offset=1e8)
    truth = np.cov(rows - 1e8, rowvar=False)
    np.testing.assert_allclose(gathered(np.array_split(rows, 9)).covariance().numpy(), truth, rtol=1e-6, atol=1e-7)


def test_from_covariance_goes_on_where_another_run_ended() -> None:
    rows = rows_of(40)
    begun = Moments.from_covariance(25, rows[:25].mean(axis=0), np.cov(rows[:25], rowvar=False))
    np.testing.assert_allclose(begun.updated(rows[25:]).covariance(), np.cov(rows, rowvar=False), rtol=1e-11)


def test_the_factor_squares_to_the_covariance() -> None:
    moments = Moments.of(rows_of(30))
    torch.testing.assert_close(moments.factor().T @ moments.factor(), moments.covariance())


def test_half_precision_rows_are_summed_in_float64() -> None:
    rows = torch.full((3000, 2), 1.0, dtype=torch.float16)
    assert Moments.of(rows).mean.tolist() == [1.0, 1.0]


def test_bad_rows_and_too_few_of_them_are_refused() -> None:
    with pytest.raises(MetricError, match="finite"):
        Moments.none(2).updated(np.array([[0.0, np.nan]]))
    with pytest.raises(MetricError, match="can't be merged"):
        Moments.none(2).merged(Moments.of(rows_of(3)))
    with pytest.raises(NotEnoughImagesError, match="at least 2"):
        Moments.of(rows_of(1)).covariance()
