"""Measures of a detector on images of known class, each with an interval; pure functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from ganeval.errors import MetricError

Floats = npt.NDArray[np.float64]

BOOTSTRAP = 1000
BINS = 10


@dataclass(frozen=True)
class Measure:
    """A number with its interval.

    Parameters
    ----------
    value
        NaN where it can't be computed.
    low, high
        Interval; NaN where there is none.
    count
        Images that it rests on.
    """

    value: float
    low: float
    high: float
    count: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self.__dict__)


def _sides(generated: npt.ArrayLike, real: npt.ArrayLike) -> tuple[Floats, Floats]:
    one, other = np.asarray(generated, dtype=np.float64), np.asarray(real, dtype=np.float64)
    for name, values in (("generated", one), ("real", other)):
        if values.ndim != 1 or values.size == 0:
            raise MetricError(f"the {name} scores must be a list of at least one number, not of shape {values.shape}")
        if np.isnan(values).any():
            raise MetricError(f"the {name} scores contain values that are not numbers")
    return one, other


def auc(generated: npt.ArrayLike, real: npt.ArrayLike) -> float:
    """Area under the ROC curve: the probability that a generated image scores above a real one, ties counting half.

    Parameters
    ----------
    generated, real
        float [m] and [n]: scores, larger for more like generated.

    Raises
    ------
    MetricError
        For an empty side or NaN.
    """
    one, other = _sides(generated, real)
    ranks = stats.rankdata(np.concatenate([one, other]))
    return float((ranks[: one.size].sum() - one.size * (one.size + 1) / 2) / (one.size * other.size))


def delong_variance(generated: npt.ArrayLike, real: npt.ArrayLike) -> float:
    """Variance of `auc` (DeLong, DeLong and Clarke-Pearson 1988), by ranks (Sun and Xu 2014); NaN for one image."""
    one, other = _sides(generated, real)
    if min(one.size, other.size) < 2:
        return float("nan")
    together = stats.rankdata(np.concatenate([one, other]))
    of_generated = (together[: one.size] - stats.rankdata(one)) / other.size
    of_real = 1 - (together[one.size :] - stats.rankdata(other)) / one.size
    return float(of_generated.var(ddof=1) / one.size + of_real.var(ddof=1) / other.size)


def auc_interval(generated: npt.ArrayLike, real: npt.ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Interval of the area under the ROC curve.

    DeLong's variance on the logit scale. Where the sides are (almost) perfectly separated that variance is zero and
    would claim certainty: then the score-type interval of Newcombe (2006, method 5), which widens with few images.
    """
    one, other = _sides(generated, real)
    value = auc(one, other)
    variance = delong_variance(one, other)
    fallback = newcombe_interval(value, one.size, other.size, level)
    if not (variance > 0) or value in (0.0, 1.0):
        return fallback
    z = stats.norm.ppf(0.5 + level / 2)
    half = z * np.sqrt(variance) / (value * (1 - value))
    centre = special.logit(value)
    low, high = float(special.expit(centre - half)), float(special.expit(centre + half))
    # With a handful of discordant pairs DeLong's variance itself is hardly known.
    discordant = min(value, 1 - value) * one.size * other.size
    return (min(low, fallback[0]), max(high, fallback[1])) if discordant < 5 else (low, high)


def newcombe_interval(value: float, generated: int, real: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of an area under the ROC curve from its value and the counts alone (Newcombe 2006, method 5).

    Its ends are the areas θ at which the observed one lies z standard errors away, the standard error being that of
    Hanley and McNeil (1982) for exponential scores at θ.
    """
    z = float(stats.norm.ppf(0.5 + level / 2))
    star = (generated + real) / 2 - 1

    def excess(theta: float) -> float:
        spread = theta * (1 - theta) * (1 + star * (1 - theta) / (2 - theta) + star * theta / (1 + theta))
        return abs(value - theta) - z * float(np.sqrt(max(spread, 0.0) / (generated * real)))

    # At the observed value the excess is below 0, but for 0 and 1, which are solutions of their own.
    inside = min(max(value, 1e-9), 1 - 1e-9)
    low = 0.0 if value <= 0 or excess(1e-12) <= 0 else float(optimize.brentq(excess, 1e-12, inside))
    high = 1.0 if value >= 1 or excess(1 - 1e-12) <= 0 else float(optimize.brentq(excess, inside, 1 - 1e-12))
    return low, high


def average_precision(generated: npt.ArrayLike, real: npt.ArrayLike) -> float:
    """Average precision: mean over the distinct thresholds' gains in recall of the precision there, generated positive.

    It depends on the ratio of the two sides' sizes; compare it at one ratio only.
    """
    one, other = _sides(generated, real)
    scores = np.concatenate([one, other])
    positive = np.concatenate([np.ones(one.size), np.zeros(other.size)])
    return float(_average_precision(scores, positive))


def _average_precision(scores: Floats, positive: Floats) -> float:
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(positive[order])
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    hits = hits[last]
    precision = hits / (last + 1)
    gains = np.diff(np.append(0.0, hits)) / hits[-1]
    return float((gains * precision).sum())


def average_precision_interval(
    generated: npt.ArrayLike, real: npt.ArrayLike, level: float = 0.95, *, seed: int = 0
) -> tuple[float, float]:
    """Interval of `average_precision`: bootstrap of each side, percentiles.

    A perfect value doesn't vary over the bootstrap; its lower end is then that of a proportion of m out of m
    (Clopper and Pearson), after Boyd, Eng and Page (2013), who take the generated images' number for that of trials.
    """
    one, other = _sides(generated, real)
    value = average_precision(one, other)
    rng = np.random.default_rng(seed)
    values = [average_precision(rng.choice(one, one.size), rng.choice(other, other.size)) for _ in range(BOOTSTRAP)]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    if value > 1 - 1e-12 or low == high:
        low = min(low, clopper_pearson(one.size, one.size, level)[0])
    return float(min(low, value)), float(max(high, value))


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a proportion (Clopper and Pearson 1934); (NaN, NaN) for no trials."""
    if trials == 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(stats.beta.ppf(1 - tail, successes + 1, trials - successes))
    return low, high


def rate(successes: int, trials: int, level: float = 0.95) -> Measure:
    """A proportion with its exact interval."""
    low, high = clopper_pearson(successes, trials, level)
    return Measure(successes / trials if trials else float("nan"), low, high, trials)


def balanced_weights(generated: int, real: int, prior: float) -> tuple[float, float]:
    """Weight of each generated and of each real image with which the set has the share `prior` of generated ones."""
    return prior / generated, (1 - prior) / real


def calibration_error(generated: npt.ArrayLike, real: npt.ArrayLike, *, prior: float = 0.5, bins: int = BINS) -> float:
    """Expected calibration error: mean distance between stated probability and share of generated images.

    Bins of about equally many images, equal probabilities in one bin. Images are weighted so that the share of
    generated ones is the `prior` for which the probabilities were stated: a set of other composition would make honest
    probabilities look wrong.

    Parameters
    ----------
    generated, real
        float [m], [n]: stated probabilities of being generated, 0..1.

    Notes
    -----
    Above zero by chance even for perfect probabilities: see `calibration_interval`.
    """
    one, other = _sides(generated, real)
    if min(one.min(), other.min()) < 0 or max(one.max(), other.max()) > 1:
        raise MetricError("probabilities must lie between 0 and 1")
    stated = np.concatenate([one, other])
    truth = np.concatenate([np.ones(one.size), np.zeros(other.size)])
    weight_one, weight_other = balanced_weights(one.size, other.size, prior)
    weights = np.concatenate([np.full(one.size, weight_one), np.full(other.size, weight_other)])
    edges = np.unique(np.quantile(stated, np.linspace(0, 1, bins + 1)[1:-1]))
    bin_of = np.searchsorted(edges, stated, side="left")
    gaps = np.bincount(bin_of, weights * (truth - stated), minlength=edges.size + 1)
    return float(np.abs(gaps).sum())


def brier(generated: npt.ArrayLike, real: npt.ArrayLike, *, prior: float = 0.5) -> float:
    """Mean squared distance between stated probability and truth (Brier 1950), at the share `prior` of generated."""
    one, other = _sides(generated, real)
    return float(prior * ((1 - one) ** 2).mean() + (1 - prior) * (other**2).mean())


def bootstrap_interval(
    measure: Callable[[Floats, Floats], float],
    generated: npt.ArrayLike,
    real: npt.ArrayLike,
    level: float = 0.95,
    *,
    seed: int = 0,
    resamples: int = BOOTSTRAP,
) -> tuple[float, float]:
    """Basic bootstrap interval of a measure of both sides, cut at 0 from below.

    The basic form mirrors the resamples at the value: chance adds to a calibration error in each resample as it did in
    the sample, and so is taken off.
    """
    one, other = _sides(generated, real)
    value = measure(one, other)
    rng = np.random.default_rng(seed)
    values = [measure(rng.choice(one, one.size), rng.choice(other, other.size)) for _ in range(resamples)]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return max(0.0, float(2 * value - high)), max(0.0, float(2 * value - low))
