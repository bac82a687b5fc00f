"""Products for less work against plain products, at sizes that strips divide and that they don't, by BLAS or not."""

from __future__ import annotations

import pytest
import torch

from ganeval.metrics.arrays import float64_moments
from ganeval.metrics.matrix_products import (
    gram_of_columns,
    gram_of_rows,
    product_with_transpose,
    product_with_triangle,
    symmetric_eigenvalues,
)


@pytest.fixture(params=[0, 1e9], ids=["blas", "strips"])
def least_for_blas(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setitem(gram_of_rows.__globals__, "_LARGE", request.param)
    return request.param


@pytest.mark.usefixtures("least_for_blas")
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 3), (50, 191), (40, 192), (33, 193), (300, 1700)])
def test_grams_are_the_plain_products_and_symmetric_to_the_bit(rows: int, columns: int) -> None:
    matrix = torch.randn(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    by_columns = gram_of_columns(iter(matrix.split(17)), columns, matrix)
    torch.testing.assert_close(by_columns, matrix.T @ matrix, rtol=1e-12, atol=1e-12)
    assert torch.equal(by_columns, by_columns.T)
    by_rows = gram_of_rows(matrix.T)
    torch.testing.assert_close(by_rows, matrix.T @ matrix, rtol=1e-12, atol=1e-12)
    assert torch.equal(by_rows, by_rows.T)


@pytest.mark.usefixtures("least_for_blas")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("contiguous", [True, False])
def test_products_are_the_plain_ones_whatever_the_layout(dtype: torch.dtype, contiguous: bool) -> None:
    random = torch.Generator().manual_seed(1)
    first, second = (torch.randn(40, 70, dtype=torch.float64, generator=random).to(dtype) for _ in range(2))
    triangle = torch.randn(70, 70, dtype=torch.float64, generator=random).to(dtype).triu()
    if not contiguous:
        first, second, triangle = first.T.contiguous().T, second.T.contiguous().T, triangle.T.contiguous().T
    tolerance = {"rtol": 1e-5, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-12, "atol": 1e-12}
    torch.testing.assert_close(product_with_transpose(first, second), first @ second.T, **tolerance)
    torch.testing.assert_close(product_with_triangle(first, triangle), first @ triangle.T, **tolerance)
    # One that isn't triangular is no other thing for that.
    full = triangle + 1
    torch.testing.assert_close(product_with_triangle(first, full), first @ full.T, **tolerance)
    torch.testing.assert_close(gram_of_rows(first), first @ first.T, **tolerance)


@pytest.mark.usefixtures("least_for_blas")
def test_eigenvalues_are_those_that_the_matrix_was_made_of() -> None:
    known = torch.linspace(-3, 40, 50, dtype=torch.float64).exp()
    basis = torch.linalg.qr(torch.randn(50, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(2)))[0]
    matrix = basis * known @ basis.T
    torch.testing.assert_close(symmetric_eigenvalues((matrix + matrix.T) / 2)[-5:], known[-5:], rtol=1e-12, atol=0)
    assert symmetric_eigenvalues(torch.eye(50).double()).tolist() == pytest.approx([1.0] * 50)


def test_moments_are_those_of_torch() -> None:
    rows = torch.randn(5000, 300, generator=torch.Generator().manual_seed(1)) * 3 + 100
    mean, covariance = float64_moments(rows)
    torch.testing.assert_close(mean, rows.double().mean(dim=0))
    torch.testing.assert_close(covariance, torch.cov(rows.double().T), rtol=1e-10, atol=1e-10)
