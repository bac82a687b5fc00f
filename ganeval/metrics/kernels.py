"""Kernels: how alike two feature vectors are, for all pairs of two blocks of rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch

from ganeval.metrics.arrays import float64_mean
from ganeval.metrics.options import require_count, require_number

#: Images a side from which the median distance is taken.
_MEDIAN_IMAGES = 1000


#: Sizes of centred features between which float32 neither overflows nor underflows in a product of two.
_SAFE_FOR_FLOAT32 = (1e-12, 1e12)
#: Fewest images a side whose pairs are so many that float32's rounding, of either sign, averages out.
_ENOUGH_FOR_FLOAT32 = 1000


@dataclass(frozen=True)
class Origin:
    """A point between both sides, around which rows are taken, and the precision of their inner products.

    Around the middle products are small, so that rounding is: with many features in float32 their inner products are
    taken in float32, for half the time, and what the centre adds in float64. In simulations (near-equal to far apart,
    features around 0 and 100, 2,000 images) a squared MMD was within 3e-7 of itself of that in float64.

    Parameters
    ----------
    centre
        float64 [D].
    dtype
        Of the inner products.
    """

    centre: torch.Tensor
    dtype: torch.dtype

    @classmethod
    def between(cls, real: torch.Tensor, generated: torch.Tensor, averaged: int | None = None) -> Origin:
        """In the middle of both sides; float64 unless both are narrower, of usual size, and many are averaged.

        Parameters
        ----------
        real, generated
            [N, D] and [M, D].
        averaged
            Over how many images of a side, with as many of the other, the kernel's mean is taken; None: over all.
        """
        centre = (float64_mean(real) + float64_mean(generated)) / 2
        many = (averaged or min(len(real), len(generated))) >= _ENOUGH_FOR_FLOAT32
        narrow = torch.float64 not in (real.dtype, generated.dtype)
        if many and narrow and torch.get_float32_matmul_precision() == "highest":
            largest = max(float(torch.stack(side.aminmax()).abs().max()) for side in (real, generated))
            if _SAFE_FOR_FLOAT32[0] < largest < _SAFE_FOR_FLOAT32[1]:
                return cls(centre, torch.float32)
        return cls(centre, torch.float64)

    def rows(self, rows: torch.Tensor) -> CentredRows:
        """Rows [n, D] around the centre."""
        centred = rows.double() - self.centre
        along = (centred @ self.centre).add_(self.centre.square().sum() / 2)
        return CentredRows(centred.to(self.dtype), along, centred.square().sum(dim=1))


@dataclass(frozen=True)
class CentredRows:
    """Rows x less a centre c.

    Parameters
    ----------
    centred
        x − c, float32 or float64 [n, D].
    along
        (x − c)·c + ‖c‖²/2, float64 [n]: two rows' inner product is that of their centred rows plus both of these.
    squared
        ‖x − c‖², float64 [n].
    """

    centred: torch.Tensor
    along: torch.Tensor
    squared: torch.Tensor

    def products(self, other: CentredRows) -> torch.Tensor:
        """Inner products of the centred rows [n, m], in their dtype."""
        return self.centred @ other.centred.T


class Kernel(Protocol):
    """A symmetric positive definite function of two rows, up to a constant that squared MMDs don't see."""

    def __call__(self, x: CentredRows, y: CentredRows) -> torch.Tensor:
        """Its values float64 [n, m], a new array, for rows around one centre."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class PolynomialKernel:
    """(γ x·y + c)^degree."""

    degree: int
    gamma: float
    coef0: float

    def __call__(self, x: CentredRows, y: CentredRows) -> torch.Tensor:
        of_x = self.gamma * x.along + self.coef0
        inner = torch.add(of_x[:, None], x.products(y), alpha=self.gamma)
        return inner.add_(self.gamma * y.along).pow_(self.degree)


@dataclass(frozen=True)
class RbfKernel:
    """exp(−‖x − y‖² / 2σ²) − 1: without the 1 because a large σ makes all values nearly 1, and the MMD is the rest."""

    sigma: float

    def __call__(self, x: CentredRows, y: CentredRows) -> torch.Tensor:
        squared = torch.add(x.squared[:, None], x.products(y), alpha=-2.0)
        squared.add_(y.squared).clamp_(min=0.0)
        return squared.mul_(-0.5 / self.sigma**2).expm1_()


def polynomial_kernel(dimension: int, degree: Any, gamma: Any, coef0: Any) -> PolynomialKernel:
    """The kernel with checked parameters; a `gamma` of None is 1/`dimension`; raises `OptionError`."""
    return PolynomialKernel(
        degree=require_count("degree", degree),
        gamma=1.0 / dimension if gamma is None else require_number("gamma", gamma, positive=True),
        coef0=require_number("coef0", coef0),
    )


def median_distance(real: torch.Tensor, generated: torch.Tensor, *, seed: int) -> float:
    """Median distance between different rows of both sides together (Gretton et al. 2012, section 8).

    Parameters
    ----------
    real, generated
        [N, D] and [M, D]; from 1000 rows of each where there are more.
    seed
        Of the choice of rows.
    """
    random = torch.Generator().manual_seed(seed)
    chosen = [
        side[torch.randperm(len(side), generator=random)[:_MEDIAN_IMAGES].to(side.device)].double()
        for side in (real, generated)
    ]
    return float(torch.pdist(torch.cat(chosen)).median())
