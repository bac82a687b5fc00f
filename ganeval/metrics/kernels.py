"""Kernels: how alike two feature vectors are, for all pairs of two blocks of rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch

from ganeval.metrics.options import require_count, require_number

#: Images a side from which the median distance is taken.
_MEDIAN_IMAGES = 1000


class Kernel(Protocol):
    """A symmetric positive definite function of two rows, up to a constant that squared MMDs don't see."""

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Its values float64 [n, m], a new array, for float64 blocks [n, D] and [m, D]."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class PolynomialKernel:
    """(γ x·y + c)^degree."""

    degree: int
    gamma: float
    coef0: float

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x @ y.T).mul_(self.gamma).add_(self.coef0).pow_(self.degree)


@dataclass(frozen=True)
class RbfKernel:
    """exp(−‖x − y‖² / 2σ²) − 1: without the 1 because a large σ makes all values nearly 1, and the MMD is the rest."""

    sigma: float

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        # Distances don't change with the origin, and rounding is least around the middle.
        centre = (x[:1] + y[:1]) / 2
        x, y = x - centre, y - centre
        squared = torch.addmm(y.square().sum(dim=1)[None, :], x, y.T, alpha=-2.0)
        squared.add_(x.square().sum(dim=1)[:, None]).clamp_(min=0.0)
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
