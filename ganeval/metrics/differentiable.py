"""Distances between features as losses: values through which gradients flow back to the generated features.

The generated features are a batch, the real ones are constants. Everything is computed in float64, whatever the dtype
of the features, in which the gradient arrives.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.metrics.arrays import Array, as_vectors, float64_mean
from ganeval.metrics.covariance_factor import factor_of_rows, factor_of_sample
from ganeval.metrics.kernels import CentredRows, Origin, polynomial_kernel
from ganeval.metrics.moments import Moments
from ganeval.wording import counted

#: Singular values below this part of the largest count as 0, per row or column of the matrix.
_RELATIVE_RANK = 4 * torch.finfo(torch.float64).eps


class FrechetLoss:
    """The squared Fréchet distance between fixed real moments and a batch of features.

    ‖μr − μg‖² + tr Σr + tr Σg − 2‖F Gᵀ‖₊, with FᵀF = Σr, GᵀG = Σg and the nuclear norm, as in
    `ganeval.metrics.frechet_distance`, whose plug-in value it is. The norm is the sum of singular values, whose
    gradient with respect to F Gᵀ is U Vᵀ: no root of a covariance is formed and nothing is divided by a singular value,
    so that covariances of any rank will do, as those of batches of fewer images than dimensions must.

    G has N − 1 rows, from a reflection of the centred batch; with N ≤ rank Σr + 1 images in general position F Gᵀ has
    full rank, and the gradient is exact. Where it hasn't (copies in the batch, a real side of lower rank) the norm has
    a kink, and what is given is the subgradient without the directions of singular values that are 0.

    Parameters
    ----------
    real
        Moments, or features [N, D].

    Raises
    ------
    MetricError
        If the features aren't a finite matrix.
    NotEnoughImagesError
        If there are fewer than two real images.
    """

    def __init__(self, real: Moments | Array) -> None:
        if isinstance(real, Moments):
            self._mean, self._factor = real.mean, real.factor()
        else:
            rows = as_vectors("real", real, minimum=2)
            self._mean, self._factor = float64_mean(rows), factor_of_sample(rows)
        self._trace = self._factor.square().sum()

    def __call__(self, generated: Tensor) -> Tensor:
        """The distance, a float64 scalar, of features [n, D], n from 2 on, to the real ones.

        Raises
        ------
        MetricError
            If they don't fit the real ones.
        NotEnoughImagesError
            If there are fewer than two.
        """
        rows = _checked(generated, len(self._mean), self._mean.device)
        factor = factor_of_rows(rows)
        product = factor @ self._factor.T
        values = torch.linalg.svdvals(product)
        resolved = values[values > _RELATIVE_RANK * max(product.shape) * values.max()] if values.numel() else values
        shift = rows.mean(dim=0) - self._mean
        value: Tensor = shift.square().sum() + self._trace + factor.square().sum() - 2 * resolved.sum()
        return value


class KernelLoss:
    """The unbiased squared maximum mean discrepancy between fixed real features and a batch, over all pairs.

    `corrected` of `ganeval.metrics.kernel_distance`: (γ x·y + c)^degree is a polynomial, so that the gradient is
    defined everywhere; see there for the parameters.

    Parameters
    ----------
    real
        [N, D], N from 2 on.

    Raises
    ------
    MetricError
        If the features aren't a finite matrix.
    NotEnoughImagesError
        If there are fewer than two real images.
    OptionError
        If a parameter can't be used.
    """

    def __init__(self, real: Array, *, degree: int = 3, gamma: float | None = None, coef0: float = 1.0) -> None:
        rows = as_vectors("real", real, minimum=2)
        self._kernel = polynomial_kernel(rows.shape[1], degree, gamma, coef0)
        self._origin = Origin(float64_mean(rows), torch.float64)
        self._real: CentredRows = self._origin.rows(rows)
        self._within = self._without_diagonal(self._real)

    def __call__(self, generated: Tensor) -> Tensor:
        """The discrepancy, a float64 scalar, of features [n, D], n from 2 on; raises as `FrechetLoss` does."""
        centre = self._origin.centre
        rows = self._origin.rows(_checked(generated, len(centre), centre.device))
        return self._within + self._without_diagonal(rows) - 2 * self._kernel(rows, self._real).mean()

    def _without_diagonal(self, rows: CentredRows) -> Tensor:
        """Mean kernel value of pairs of different rows."""
        values, count = self._kernel(rows, rows), len(rows.along)
        return (values.sum() - values.diagonal().sum()) / (count * (count - 1))


def frechet_distance_loss(real: Moments | Array, generated: Tensor) -> Tensor:
    """One value of `FrechetLoss`, for when the real side isn't used again."""
    return FrechetLoss(real)(generated)


def kernel_distance_loss(real: Array, generated: Tensor, **parameters: Any) -> Tensor:
    """One value of `KernelLoss`, for when the real side isn't used again."""
    return KernelLoss(real, **parameters)(generated)


def _checked(generated: Tensor, dimension: int, device: torch.device) -> Tensor:
    if generated.ndim != 2 or generated.shape[1] != dimension:
        raise MetricError(
            f"generated must be [n, {dimension}], as many features as the real side has, not {tuple(generated.shape)}"
        )
    if len(generated) < 2:
        raise NotEnoughImagesError(f"a loss takes at least 2 images, and there {_are(len(generated))}")
    rows = generated.to(device).double()
    if not math.isfinite(float(rows.detach().sum())):
        raise MetricError("the features of the batch aren't finite", hint="Look for a network that overflowed.")
    return rows


def _are(count: int) -> str:
    return f"{'is' if count == 1 else 'are'} {counted(count, 'image')}"
