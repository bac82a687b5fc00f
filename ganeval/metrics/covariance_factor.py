"""Factors of covariance matrices, and the trace of the square root of a product from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ganeval.errors import MetricError
from ganeval.metrics.arrays import float64_moments
from ganeval.metrics.matrix_products import gram_of_rows, product_with_triangle, symmetric_eigenvalues

#: Below this size singular values are cheap enough that no shorter way is worth its error.
_ALWAYS_EXACT = 256
#: Largest estimated error of the nuclear norm, relative to it, that the shorter way may have.
_RELATIVE_ERROR = 1e-8
#: Singular values below this part of the largest are not told from rounding by a Gram matrix.
_RESOLVED = 1e-6
_EPSILON = torch.finfo(torch.float64).eps


def factor_of_rows(rows: torch.Tensor) -> torch.Tensor:
    """F of shape [N−1, D] with FᵀF the unbiased covariance of the N rows, in float64.

    A Householder reflection that turns the vector of ones into the first axis takes the mean out of the rows and leaves
    N−1 of them, so that F has full rank where the data allow it; centred rows never have.
    """
    count = len(rows)
    centred = rows.double()
    centred = centred - centred.mean(dim=0)
    root = math.sqrt(count)
    # v = 1/√N·ones − e₁; the reflection I − 2vvᵀ/vᵀv maps centred rows to ones whose first is zero.
    along = (centred.sum(dim=0) / root - centred[0]) / (1 - 1 / root) / root
    return (centred[1:] - along) / math.sqrt(count - 1)


def factor_of_sample(rows: torch.Tensor) -> torch.Tensor:
    """F with FᵀF the unbiased covariance of the rows [N, D]: of the rows where N ≤ D + 1, else of the covariance."""
    if len(rows) - 1 <= rows.shape[1]:
        return factor_of_rows(rows)
    return factor_of_covariance(float64_moments(rows)[1])


def factor_of_covariance(sigma: torch.Tensor) -> torch.Tensor:
    """F of shape [R, D] with FᵀF = `sigma`, R its numerical rank.

    Parameters
    ----------
    sigma
        float64 [D, D], symmetric, positive semi-definite up to rounding.

    Raises
    ------
    MetricError
        If `sigma` has an eigenvalue that is negative beyond rounding, or isn't finite.
    """
    _reject_overflow(sigma)
    variances = sigma.diagonal()
    _reject_negative(float(variances.min()), float(variances.max()), "variance")
    live = variances > 0
    if bool(live.all()):
        return _factor_of_live(sigma)
    if not bool(live.any()):
        return sigma.new_zeros(0, len(sigma))
    narrow = _factor_of_live(sigma[live][:, live])
    factor = sigma.new_zeros(len(narrow), len(sigma))
    factor[:, live] = narrow
    return factor


def _factor_of_live(sigma: torch.Tensor) -> torch.Tensor:
    """The factor of a covariance whose variances are all above 0: triangular where it isn't nearly singular."""
    lower, failed = torch.linalg.cholesky_ex(sigma)
    pivots = lower.diagonal().square()
    if int(failed) == 0 and float((pivots / sigma.diagonal()).min()) > 100 * len(sigma) * _EPSILON:
        upper: torch.Tensor = lower.T
        return upper
    return _truncated_factor(sigma)


def _truncated_factor(sigma: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(sigma)
    noise = 4 * len(values) * _EPSILON * float(values[-1])
    _reject_negative(float(values[0]), float(values[-1]), "eigenvalue")
    kept = values > noise
    factor: torch.Tensor = values[kept].sqrt()[:, None] * vectors[:, kept].T
    return factor


def _reject_negative(smallest: float, largest: float, what: str) -> None:
    # A covariance that went through float32 on its way has negative eigenvalues of about this size.
    if smallest < -1e-5 * abs(largest):
        raise MetricError(
            f"the covariance has the {what} {smallest:.3g}, and a covariance has none below 0",
            hint="Check that the matrix is the covariance of the features.",
        )


def _reject_overflow(matrix: torch.Tensor) -> None:
    # A finite sum, which comes faster, means finite entries; one that isn't may only be too large itself.
    if not math.isfinite(float(matrix.sum())) and not bool(torch.isfinite(matrix).all()):
        raise MetricError(
            "the features are so large that the Fréchet distance overflows", hint="Scale both sides down alike."
        )


def nuclear_norm_of_product(factor_1: torch.Tensor, factor_2: torch.Tensor) -> float:
    """Sum of the singular values of F₁·F₂ᵀ, which is tr((Σ₁Σ₂)^½) for Σ = FᵀF.

    The eigenvalues of the smaller Gram matrix are many times faster than singular values, but know each squared
    singular value only to the rounding of the largest one. They serve where the error that this makes is negligible,
    as it is unless the product is (nearly) singular; then its null space is taken out first; singular values
    themselves are the last resort.

    Parameters
    ----------
    factor_1, factor_2
        float64 [R₁, D] and [R₂, D].
    """
    product = product_with_triangle(factor_1, factor_2)
    _reject_overflow(product)
    if product.shape[0] > product.shape[1]:
        product = product.T
    if len(product) == 0:
        return 0.0
    if len(product) > _ALWAYS_EXACT:
        total = _from_gram(product)
        if total is not None:
            return total
        product = _without_null_space(product)
        total = _from_gram(product)
        if total is not None:
            return total
    return float(torch.linalg.svdvals(product).sum())


@dataclass(frozen=True)
class SingularSystem:
    """What the product F₁·F₂ᵀ of two sides' factors knows of them.

    Parameters
    ----------
    values
        float64 [r], its singular values that are above rounding, the largest first.
    first, second
        [D, r]: the centred rows of a side times these are, over √(N−1), orthonormal columns, the side's coordinates
        along the singular vectors.
    nuclear_norm
        Sum of all singular values, as `nuclear_norm_of_product` gives it.
    """

    values: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    nuclear_norm: float


def singular_system(factor_1: torch.Tensor, factor_2: torch.Tensor) -> SingularSystem:
    """Singular values and vectors of F₁·F₂ᵀ from the smaller Gram matrix, see `SingularSystem`.

    Parameters
    ----------
    factor_1, factor_2
        float64 [R₁, D] and [R₂, D].
    """
    if len(factor_1) > len(factor_2):
        turned = singular_system(factor_2, factor_1)
        return SingularSystem(turned.values, turned.second, turned.first, turned.nuclear_norm)
    product = product_with_triangle(factor_1, factor_2)
    if product.numel() == 0 or not bool(product.any()):
        empty = factor_1.new_zeros(factor_1.shape[1], 0)
        return SingularSystem(factor_1.new_zeros(0), empty, empty, 0.0)
    gram = gram_of_rows(product)
    _reject_overflow(gram)
    squares, vectors = torch.linalg.eigh(gram)
    total = _total_of_squares(squares) if len(product) > _ALWAYS_EXACT else None
    total = nuclear_norm_of_product(factor_1, factor_2) if total is None else total
    kept = int((squares > _RESOLVED**2 * squares[-1]).sum())
    values = squares[-kept:].flip(0).sqrt()
    left = vectors[:, -kept:].flip(1)
    across = product.T @ (left / values)
    return SingularSystem(values, factor_2.T @ (across / values), factor_1.T @ (left / values), total)


def _from_gram(matrix: torch.Tensor) -> float | None:
    """Nuclear norm of a wide matrix from the eigenvalues of its Gram matrix; None if that isn't accurate."""
    return _total_of_squares(symmetric_eigenvalues(gram_of_rows(matrix)))


def _total_of_squares(squares: torch.Tensor) -> float | None:
    """Sum of the roots of a Gram matrix's eigenvalues; None if rounding spoils it."""
    values = squares.clamp(min=0).sqrt()
    total = float(values.sum())
    noise = _EPSILON * float(squares[-1])
    drowned = squares <= noise
    # Values in the noise are all too large; the errors of the others are of either sign, and average out.
    error = int(drowned.sum()) * math.sqrt(max(noise, 0.0)) + float((noise / (2 * values[~drowned])).norm())
    return total if error <= _RELATIVE_ERROR * total else None


def _without_null_space(matrix: torch.Tensor) -> torch.Tensor:
    """A matrix [R, M] with the non-zero singular values of `matrix` [N, M], R its numerical rank.

    Mixing the columns at random makes the first R of them span the range, which QR then shows on its diagonal
    (Halko et al. 2011, section 4).
    """
    random = torch.Generator().manual_seed(0)
    mixing = torch.randn(matrix.shape[1], len(matrix), dtype=matrix.dtype, generator=random).to(matrix.device)
    basis, triangle = torch.linalg.qr(matrix @ mixing)
    sizes = triangle.diagonal().abs()
    rank = int((sizes > 1e-14 * len(matrix) ** 0.5 * sizes.max()).sum())
    reduced: torch.Tensor = basis[:, :rank].T @ matrix
    return reduced
