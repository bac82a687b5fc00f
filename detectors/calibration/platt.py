"""Logistic (Platt) calibration: raw score to log-likelihood ratio, with what resampling the references makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_STEPS = 30


@dataclass(frozen=True)
class Platt:
    """``ln p(s | generated) / p(s | camera) = intercept + slope * s``, within plus and minus `bound`.

    Platt 1999, "Probabilistic outputs for support vector machines"; with both classes weighted alike, so that the
    log-odds are a likelihood ratio and no share of generated pictures is assumed.

    Parameters
    ----------
    intercept, slope
        The slope isn't negative: a larger score never speaks more for a camera.
    bound
        The ratio is cut there: n references of a class can't support more than ``ln(n + 1)``.
    """

    intercept: float
    slope: float
    bound: float

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        """Log-likelihood ratios, float64, of raw scores of any shape; NaN stays NaN."""
        return np.clip(self.intercept + self.slope * np.asarray(scores, np.float64), -self.bound, self.bound)


def fit_platt(
    scores: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    toward: Platt | None = None,
    strength: float = 5.0,
    weights: npt.ArrayLike | None = None,
) -> Platt:
    """Fit to raw scores and classes.

    Parameters
    ----------
    scores
        float [n], finite.
    generated
        bool [n].
    toward
        Where few references tell little, the fit stays near this one; a slope of 0 and an intercept of 0 if None.
    strength
        How many references of each class `toward` counts for.
    weights
        float [n], not negative; how often each reference counts.

    Returns
    -------
    Platt
        With `bound` from the smaller class.
    """
    x = np.asarray(scores, np.float64)
    y = np.asarray(generated, bool)
    counted = np.ones((1, len(x))) if weights is None else np.asarray(weights, np.float64)[None]
    return _fitted(x, y, counted, toward, strength)[0]


def bootstrap_platt(
    scores: npt.ArrayLike,
    generated: npt.ArrayLike,
    clusters: npt.ArrayLike,
    *,
    toward: Platt | None = None,
    strength: float = 5.0,
    replicates: int = 200,
    seed: int = 2020,
) -> list[Platt]:
    """Fits to references redrawn by whole clusters, each class for itself.

    Parameters
    ----------
    scores, generated
        As in `fit_platt`.
    clusters
        [n]: what comes and goes together: the source of a photograph, the family of a generator. An unseen generator
        may be as far from these as they are from each other.
    replicates
        Number of fits.

    Returns
    -------
    list of Platt
    """
    x = np.asarray(scores, np.float64)
    y = np.asarray(generated, bool)
    names = np.asarray(clusters)
    rng = np.random.default_rng(seed)
    weights = np.zeros((replicates, len(x)))
    for side in (False, True):
        here = np.flatnonzero(y == side)
        kinds, of = np.unique(names[here], return_inverse=True)
        if len(kinds):
            weights[:, here] = rng.multinomial(len(kinds), np.full(len(kinds), 1 / len(kinds)), replicates)[:, of]
    return _fitted(x, y, weights, toward, strength)


def _fitted(x: Floats, y: npt.NDArray[np.bool_], weights: Floats, toward: Platt | None, strength: float) -> list[Platt]:
    """One fit a row of `weights` [replicates, n], by Newton's method on the penalised likelihood, all rows at once."""
    around = toward if toward is not None else Platt(0.0, 0.0, 0.0)
    spread = float(np.std(x)) or 1.0
    centre = float(np.mean(x)) if len(x) else 0.0
    z = (x - centre) / spread
    # In these units the coefficients are of order one, and the same penalty suits both.
    start = np.array([around.intercept + around.slope * centre, around.slope * spread])
    mass = np.stack([(weights * (y == side)).sum(axis=1) for side in (False, True)], axis=1)
    half = weights.sum(axis=1, keepdims=True) / 2
    balanced = np.where(y, half / np.maximum(mass[:, 1:], 1e-9), half / np.maximum(mass[:, :1], 1e-9)) * weights
    penalty = np.array([strength, strength]) / 4
    beta = np.tile(start, (len(weights), 1))
    for _ in range(_STEPS):
        logits = np.clip(beta[:, :1] + beta[:, 1:] * z, -30, 30)
        p = 1 / (1 + np.exp(-logits))
        error = balanced * (p - y)
        curvature = balanced * p * (1 - p)
        gradient = np.stack([error.sum(axis=1), error @ z], axis=1) + penalty * (beta - start)
        a = curvature.sum(axis=1) + penalty[0]
        b = curvature @ z
        c = curvature @ z**2 + penalty[1]
        determinant = a * c - b**2
        step = (
            np.stack([(c * gradient[:, 0] - b * gradient[:, 1]), (a * gradient[:, 1] - b * gradient[:, 0])], axis=1)
            / determinant[:, None]
        )
        # Half steps of at most 2: separable scores would throw the first Newton step far out.
        step *= np.minimum(1, 2 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
        beta = beta - step
        if np.abs(step).max() < 1e-9:
            break
    slopes = np.maximum(beta[:, 1], 0) / spread
    intercepts = np.where(beta[:, 1] > 0, beta[:, 0], 0) - slopes * centre
    smallest = min(int(y.sum()), int((~y).sum()))
    bound = float(np.log(smallest + 1))
    return [Platt(float(i), float(s), bound) for i, s in zip(intercepts, slopes, strict=True)]
