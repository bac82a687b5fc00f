"""Pairs of sides to simulate: which distributions the real and the generated features come from, and how far apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from coverage_simulation.distributions import Distribution, HeavyTailed, Mixture, Sparse, Turn, Vector
from ganeval.features.features import Features


@dataclass(frozen=True)
class Apart:
    """How the generated side differs: a shift (as a share of the total variance), a stretch, a rotation."""

    shift: float
    stretch: float
    angle: float


#: From no difference at all to one that nobody needs a metric for.
DISTANCES: Mapping[str, Apart] = {
    "same": Apart(0.0, 1.0, 0.0),
    "near": Apart(0.01, 1.03, 0.1),
    "far": Apart(0.25, 1.4, 1.5),
}


@dataclass(frozen=True)
class Scene:
    """What is drawn in one replicate.

    Parameters
    ----------
    real, generated
        Distributions of the pooled features (or, for a metric of logits, of the logits).
    as_logits
        Whether the rows are handed over as logits too.
    """

    real: Distribution
    generated: Distribution
    as_logits: bool = False

    def draw(self, n_real: int, n_generated: int, rng: np.random.Generator) -> tuple[Features, Features]:
        """Features of both sides; with labels where the distribution is a mixture of several components."""
        return self._side(self.real, n_real, rng), self._side(self.generated, n_generated, rng)

    def _side(self, distribution: Distribution, count: int, rng: np.random.Generator) -> Features:
        labels = None
        if isinstance(distribution, Mixture) and len(distribution.weights) > 1:
            rows, component = distribution.draw_labelled(count, rng)
            labels = tuple(int(number) for number in component)
        else:
            rows = distribution.draw(count, rng)
        ids = tuple(map(str, range(count)))
        return Features(pooled=rows, logits=rows if self.as_logits else None, ids=ids, labels=labels)


def scales_of(dimension: int, decay: float) -> Vector:
    """Standard deviations with the spectrum i^−decay, normalised to a total variance of D."""
    variances = np.arange(1.0, dimension + 1) ** -decay
    return np.sqrt(variances * dimension / variances.sum())


def shift_of(dimension: int, share: float) -> Vector:
    """A vector whose squared length is `share` of a total variance of D, in a direction without preferred axes."""
    direction = np.random.default_rng(11).standard_normal(dimension)
    return direction / np.linalg.norm(direction) * np.sqrt(share * dimension)


def gaussian(dimension: int, decay: float, distance: str) -> Scene:
    """Two Gaussians."""
    apart, scales = DISTANCES[distance], scales_of(dimension, decay)
    return Scene(
        Mixture(np.ones(1), np.zeros((1, dimension)), scales[None]),
        Mixture(
            np.ones(1),
            shift_of(dimension, apart.shift)[None],
            apart.stretch * scales[None],
            Turn.random(dimension, apart.angle) if apart.angle else None,
        ),
    )


def mixture(dimension: int, decay: float, distance: str, *, components: int = 5) -> Scene:
    """Two mixtures of separate clusters of unequal weight and width; the generated side has lost weight in one."""
    apart, scales = DISTANCES[distance], scales_of(dimension, decay)
    rng = np.random.default_rng(3)
    means = rng.standard_normal((components, dimension)) * scales
    widths = rng.uniform(0.4, 0.9, (components, 1)) * scales
    weights = np.arange(components, 0, -1.0) / np.arange(1, components + 1).sum()
    lost = {"same": 0.0, "near": 0.05, "far": 0.5}[distance]
    others = weights.copy()
    others[0] *= 1 - lost
    return Scene(
        Mixture(weights, means, widths),
        Mixture(
            others / others.sum(),
            means + shift_of(dimension, apart.shift),
            apart.stretch * widths,
            Turn.random(dimension, apart.angle) if apart.angle else None,
        ),
    )


def heavy(dimension: int, decay: float, distance: str, *, freedom: float = 8.0) -> Scene:
    """Two multivariate t distributions."""
    apart, scales = DISTANCES[distance], scales_of(dimension, decay)
    return Scene(
        HeavyTailed(np.zeros(dimension), scales, freedom),
        HeavyTailed(
            shift_of(dimension, apart.shift),
            apart.stretch * scales,
            freedom,
            Turn.random(dimension, apart.angle) if apart.angle else None,
        ),
    )


def sparse(dimension: int, decay: float, distance: str) -> Scene:
    """Two sides of non-negative features, about two thirds of them zero."""
    apart, scales = DISTANCES[distance], scales_of(dimension, decay)
    moved = np.abs(shift_of(dimension, apart.shift))
    return Scene(Sparse(-0.4 * scales, scales, 0.25), Sparse(-0.4 * scales + moved, apart.stretch * scales, 0.25))


def logits(dimension: int, decay: float, distance: str) -> Scene:
    """Logits of a classifier with D classes that is sure of some images and unsure of others.

    `decay` is that of the classes' frequencies on the real side; the generated side is less sure the farther it is.
    """
    weights = np.arange(1.0, dimension + 1) ** -decay
    weights /= weights.sum()
    sure = {"same": 6.0, "near": 5.0, "far": 2.0}[distance]
    noise = np.full((dimension, dimension), 1.5)
    return Scene(
        Mixture(weights, 6.0 * np.eye(dimension), noise),
        Mixture(weights, sure * np.eye(dimension), noise),
        as_logits=True,
    )
