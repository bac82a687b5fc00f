"""What every metric refuses: wrong shapes, dtypes, sizes and values, each with its argument's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import MetricError
from ganeval.metrics import density_coverage, frechet_distance, kernel_distance, precision_recall
from ganeval.metrics.arrays import as_pair, as_vectors, float64_moments

GOOD = np.random.default_rng(0).random((20, 4))
TWO_SIDED = [frechet_distance, kernel_distance, precision_recall, density_coverage]

BAD = [
    (GOOD[0], "must be two-dimensional"),
    (GOOD[None], r"has the shape \(1, 20, 4\)"),
    (GOOD[:, :0], "at least one column"),
    (np.where(GOOD[7, 1] == GOOD, np.nan, GOOD), "must be finite, but row 7 holds"),
    (np.where(GOOD[3, 2] == GOOD, np.inf, GOOD), "must be finite, but row 3 holds"),
    (GOOD.astype(complex), "must hold real numbers, but its dtype is complex128"),
    (torch.from_numpy(GOOD).to(torch.complex64), "must hold real numbers, but its dtype is torch.complex64"),
    (GOOD > 0.5, "must hold real numbers, but its dtype is bool"),
    (GOOD.astype(object), "must hold real numbers, but its dtype is object"),
    (GOOD.astype(str), "must hold real numbers"),
]


@pytest.mark.parametrize("metric", TWO_SIDED, ids=lambda f: f.__name__)
@pytest.mark.parametrize(("bad", "message"), BAD)
def test_bad_sides(metric: Callable[..., Any], bad: Any, message: str) -> None:
    with pytest.raises(MetricError, match=f"^real .*{message}|^real {message}"):
        metric(bad, GOOD)
    with pytest.raises(MetricError, match=f"^generated .*{message}|^generated {message}"):
        metric(GOOD, bad)


@pytest.mark.parametrize("metric", TWO_SIDED, ids=lambda f: f.__name__)
def test_sides_of_different_widths(metric: Callable[..., Any]) -> None:
    with pytest.raises(MetricError, match="same number of columns, not 4 and 3"):
        metric(GOOD, GOOD[:, :3])


@pytest.mark.parametrize("metric", TWO_SIDED, ids=lambda f: f.__name__)
def test_no_images(metric: Callable[..., Any]) -> None:
    with pytest.raises(MetricError, match=r"holds 0 image|there are 0"):
        metric(GOOD, GOOD[:0])


def test_accepts_read_only_strided_byte_swapped_and_whole_numbers() -> None:
    frozen = GOOD.copy()
    frozen.flags.writeable = False
    expected = frechet_distance(GOOD[::2], GOOD[1::2])
    assert frechet_distance(frozen[::2], GOOD[1::2].astype(">f8")) == expected
    assert frechet_distance(np.asfortranarray(GOOD[::2]), GOOD[1::2].astype(np.longdouble)) == expected
    whole = as_vectors("x", np.arange(6).reshape(3, 2))
    assert whole.dtype == torch.float64


def test_shares_memory_where_it_can() -> None:
    real, generated = as_pair(GOOD, GOOD.astype(np.float32))
    assert real.data_ptr() == GOOD.ctypes.data
    assert generated.dtype == torch.float32


@pytest.mark.parametrize("block_rows", [1, 7, 4096])
def test_moments(block_rows: int) -> None:
    mean, covariance = float64_moments(torch.from_numpy(GOOD), block_rows=block_rows)
    np.testing.assert_allclose(mean, GOOD.mean(0), rtol=1e-14)
    np.testing.assert_allclose(covariance, np.cov(GOOD, rowvar=False), rtol=1e-13, atol=1e-16)
