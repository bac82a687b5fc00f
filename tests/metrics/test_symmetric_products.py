"""Products with the own transpose against plain products, at sizes that strips divide and that they don't."""

from __future__ import annotations

import pytest
import torch

from ganeval.metrics.arrays import float64_moments
from ganeval.metrics.symmetric_products import gram_of_columns, gram_of_rows


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 3), (50, 191), (40, 192), (33, 193), (300, 1700)])
def test_grams_are_the_plain_products_and_symmetric_to_the_bit(rows: int, columns: int) -> None:
    matrix = torch.randn(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    by_columns = gram_of_columns(iter(matrix.split(17)), columns, matrix)
    torch.testing.assert_close(by_columns, matrix.T @ matrix, rtol=1e-12, atol=1e-12)
    assert torch.equal(by_columns, by_columns.T)
    by_rows = gram_of_rows(matrix.T)
    torch.testing.assert_close(by_rows, matrix.T @ matrix, rtol=1e-12, atol=1e-12)
    assert torch.equal(by_rows, by_rows.T)


def test_moments_are_those_of_torch() -> None:
    rows = torch.randn(5000, 300, generator=torch.Generator().manual_seed(1)) * 3 + 100
    mean, covariance = float64_moments(rows)
    torch.testing.assert_close(mean, rows.double().mean(dim=0))
    torch.testing.assert_close(covariance, torch.cov(rows.double().T), rtol=1e-10, atol=1e-10)
