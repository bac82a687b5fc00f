"""Distributions of features whose moments are known exactly, cheap to draw from in thousands of dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Turn:
    """Rotation by `angle` in the plane of the orthonormal vectors `first` and `second` [D].

    It makes covariances of two sides that don't commute, at the cost of two columns a row.
    """

    first: Vector
    second: Vector
    angle: float

    @classmethod
    def random(cls, dimension: int, angle: float, *, seed: int = 7) -> Turn:
        """In a plane that has no preferred axes, the same for the same `seed`."""
        basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((dimension, 2)))
        return cls(basis[:, 0].copy(), basis[:, 1].copy(), angle)

    def rows(self, rows: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Each row of [n, D] turned; the dtype stays."""
        plane = np.stack([self.first, self.second]).astype(rows.dtype)
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        change = np.array([[cosine - 1, -sine], [sine, cosine - 1]], rows.dtype)
        return rows + (rows @ plane.T) @ change.T @ plane

    def covariance(self, matrix: Matrix) -> Matrix:
        """R·matrix·Rᵀ for the rotation R."""
        half = self.rows(np.asarray(matrix).T).T
        return self.rows(half)


class Distribution(Protocol):
    """Something that features can be drawn from and whose first two moments are known."""

    @property
    def dimension(self) -> int:
        """D."""

    def draw(self, count: int, rng: np.random.Generator) -> Rows:
        """`count` independent rows, float32 [count, D]."""

    def mean(self) -> Vector:
        """[D]."""

    def covariance(self) -> Matrix:
        """[D, D]."""


@dataclass(frozen=True)
class Mixture:
    """Mixture of Gaussians N(means[k], diag(scales[k]²)), turned; a Gaussian where there is one component.

    Parameters
    ----------
    weights
        [K], adding up to 1.
    means, scales
        [K, D].
    turn
        Applied to every row; None for none.
    """

    weights: Vector
    means: Matrix
    scales: Matrix
    turn: Turn | None = None

    @property
    def dimension(self) -> int:
        return self.means.shape[1]

    def draw(self, count: int, rng: np.random.Generator) -> Rows:
        return self.draw_labelled(count, rng)[0]

    def draw_labelled(self, count: int, rng: np.random.Generator) -> tuple[Rows, npt.NDArray[np.int64]]:
        """Rows as `draw` gives them, and the component of each."""
        component = rng.choice(len(self.weights), size=count, p=self.weights)
        rows = rng.standard_normal((count, self.dimension), dtype=np.float32)
        if len(self.weights) == 1:
            rows *= self.scales[0].astype(np.float32)
            rows += self.means[0].astype(np.float32)
        else:
            rows *= self.scales.astype(np.float32)[component]
            rows += self.means.astype(np.float32)[component]
        return (rows if self.turn is None else self.turn.rows(rows).astype(np.float32)), component

    def mean(self) -> Vector:
        return self._turned(self.weights @ self.means)

    def covariance(self) -> Matrix:
        mean = self.weights @ self.means
        centred = self.means - mean
        matrix = np.diag(self.weights @ self.scales**2) + (centred * self.weights[:, None]).T @ centred
        return matrix if self.turn is None else self.turn.covariance(matrix)

    def component(self, number: int) -> Mixture:
        """One component as a distribution of its own."""
        return Mixture(np.ones(1), self.means[[number]], self.scales[[number]], self.turn)

    def _turned(self, vector: Vector) -> Vector:
        return vector if self.turn is None else self.turn.rows(vector[None])[0].astype(np.float64)


@dataclass(frozen=True)
class HeavyTailed:
    """Multivariate t: a Gaussian row divided by a common random factor, so that whole images are outliers.

    Parameters
    ----------
    centre, scales
        [D]; the covariance is diag(scales²), turned.
    freedom
        Degrees of freedom, above 4 so that influences have a variance.
    """

    centre: Vector
    scales: Vector
    freedom: float
    turn: Turn | None = None

    @property
    def dimension(self) -> int:
        return len(self.centre)

    def draw(self, count: int, rng: np.random.Generator) -> Rows:
        rows = rng.standard_normal((count, self.dimension), dtype=np.float32)
        factor = np.sqrt((self.freedom - 2) / rng.chisquare(self.freedom, (count, 1)))
        rows *= factor.astype(np.float32)
        rows *= self.scales.astype(np.float32)
        rows += self.centre.astype(np.float32)
        return rows if self.turn is None else self.turn.rows(rows).astype(np.float32)

    def mean(self) -> Vector:
        return self.centre if self.turn is None else self.turn.rows(self.centre[None])[0].astype(np.float64)

    def covariance(self) -> Matrix:
        matrix = np.diag(self.scales**2)
        return matrix if self.turn is None else self.turn.covariance(matrix)


@dataclass(frozen=True)
class Sparse:
    """Non-negative features with many zeros, as networks have them: g·max(0, location + scale·normal).

    The factor g of each image is log-normal with mean 1 and ties its features to each other.

    Parameters
    ----------
    locations, scales
        [D], before the rectification.
    spread
        Standard deviation of log g.
    """

    locations: Vector
    scales: Vector
    spread: float

    @property
    def dimension(self) -> int:
        return len(self.locations)

    def draw(self, count: int, rng: np.random.Generator) -> Rows:
        rows = rng.standard_normal((count, self.dimension), dtype=np.float32)
        rows *= self.scales.astype(np.float32)
        rows += self.locations.astype(np.float32)
        np.maximum(rows, 0, out=rows)
        rows *= np.exp(self.spread * rng.standard_normal((count, 1)) - self.spread**2 / 2).astype(np.float32)
        return rows

    def mean(self) -> Vector:
        return self._rectified_moments()[0]

    def covariance(self) -> Matrix:
        mean, second = self._rectified_moments()
        factor = np.exp(self.spread**2)
        matrix = (factor - 1) * np.outer(mean, mean)
        matrix[np.diag_indices_from(matrix)] = factor * second - mean**2
        return matrix

    def _rectified_moments(self) -> tuple[Vector, Vector]:
        ratio = self.locations / self.scales
        below, height = ndtr(ratio), np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
        mean = self.locations * below + self.scales * height
        return mean, (self.locations**2 + self.scales**2) * below + self.locations * self.scales * height


def second_moment(distribution: Distribution) -> Matrix:
    """E[x xᵀ], [D, D]."""
    mean = distribution.mean()
    return distribution.covariance() + np.outer(mean, mean)
