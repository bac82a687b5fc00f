"""Moments of features, gathered a block at a time and merged exactly: count, mean and scatter in float64."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.metrics.arrays import Array, as_vectors, float64_mean, float64_moments
from ganeval.metrics.covariance_factor import factor_of_covariance
from ganeval.wording import counted


@dataclass(frozen=True)
class Moments:
    """How many rows there were, their mean, and the sum of squares about it.

    Merging carries deviations from means, never raw second moments, so that a mean far from 0 costs no digits (Chan,
    Golub & LeVeque 1979, equations 2.1). However rows are divided and in whatever order the parts are merged, the
    result is the same up to float64's rounding.

    Parameters
    ----------
    count
        N, from 0 on.
    mean
        float64 [D]; zeros where `count` is 0.
    scatter
        float64 [D, D], Σ (x − mean)(x − mean)ᵀ, symmetric.
    """

    count: int
    mean: torch.Tensor
    scatter: torch.Tensor

    @classmethod
    def none(cls, dimension: int, device: torch.device | str = "cpu") -> Moments:
        """Those of no rows of `dimension` columns."""
        zeros = torch.zeros(dimension, dtype=torch.float64, device=device)
        return cls(0, zeros, torch.outer(zeros, zeros))

    @classmethod
    def of(cls, rows: Array) -> Moments:
        """Those of rows [N, D] of any real dtype, one or more; raises `MetricError` if they aren't finite."""
        checked = as_vectors("features", rows, minimum=1)
        if len(checked) == 1:
            return cls(1, checked[0].double(), torch.zeros_like(cls.none(checked.shape[1], checked.device).scatter))
        covariance = float64_moments(checked)[1]
        return cls(len(checked), float64_mean(checked), covariance * (len(checked) - 1))

    @classmethod
    def from_covariance(cls, count: int, mean: Array, covariance: Array) -> Moments:
        """Those behind a mean [D] and an unbiased covariance [D, D] of `count` rows."""
        centre = torch.as_tensor(mean).detach().double()
        return cls(count, centre, torch.as_tensor(covariance).detach().double().to(centre.device) * (count - 1))

    @property
    def dimension(self) -> int:
        """D."""
        return len(self.mean)

    def merged(self, other: Moments) -> Moments:
        """Those of both sides' rows together; raises `MetricError` for another number of columns."""
        if other.dimension != self.dimension:
            raise MetricError(
                f"moments of {counted(self.dimension, 'dimension')} can't be merged with those of {other.dimension}",
                hint="Both must come from one extractor.",
            )
        if not (self.count and other.count):
            return self if self.count else other
        count = self.count + other.count
        shift = other.mean.to(self.mean.device) - self.mean
        # In place on a fresh tensor: at 2048 dimensions each temporary is 32 MiB.
        scatter = self.scatter + other.scatter.to(self.mean.device)
        scatter.addr_(shift, shift, alpha=self.count * other.count / count)
        return Moments(count, self.mean + shift * (other.count / count), scatter)

    def updated(self, rows: Array) -> Moments:
        """Those with further rows [n, D], none included; raises `MetricError` if they don't fit or aren't finite."""
        return self.merged(Moments.of(rows)) if len(rows) else self

    def to(self, device: torch.device | str) -> Moments:
        """The same on another device."""
        return Moments(self.count, self.mean.to(device), self.scatter.to(device))

    def covariance(self) -> torch.Tensor:
        """Unbiased (ddof=1), float64 [D, D]; raises `NotEnoughImagesError` with fewer than two rows."""
        if self.count < 2:
            raise NotEnoughImagesError(
                f"a covariance needs at least 2 images, and there {'is' if self.count == 1 else 'are'} {self.count}",
                hint="Add images.",
            )
        return self.scatter / (self.count - 1)

    def factor(self) -> torch.Tensor:
        """F [R, D] with FᵀF the covariance, R its numerical rank."""
        return factor_of_covariance(self.covariance())
