"""How often classifiers are right, on the same test images: shares, intervals, and tests of their differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import MetricError
from ganeval.uncertainty.interval import critical_value

Ints = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """What a classifier says of the test images.

    Parameters
    ----------
    predicted
        int64 [M], the class with the highest score; the first of equally high ones.
    rank
        int64 [M], how many classes come before the right one: 0 where it is `predicted`.
    """

    predicted: Ints
    rank: Ints

    @classmethod
    def of(cls, scores: npt.NDArray[np.floating[Any]], truth: npt.NDArray[np.integer[Any]]) -> Answers:
        """From scores [M, C] and the right classes [M].

        Raises
        ------
        MetricError
            If a score is NaN: a classifier that diverged has no opinion.
        """
        rank = np.empty(len(truth), dtype=np.int64)
        predicted = np.empty(len(truth), dtype=np.int64)
        places = np.arange(scores.shape[1])
        for start in range(0, len(truth), 4096):
            some, right = scores[start : start + 4096], np.asarray(truth[start : start + 4096], dtype=np.int64)
            if np.isnan(some).any():
                raise MetricError(
                    "a classifier gives scores that are not numbers", hint="Its training diverged: lower learning rate."
                )
            own = np.take_along_axis(some, right[:, None], axis=1)
            before = (some > own) | ((some == own) & (places < right[:, None]))
            rank[start : start + len(right)] = before.sum(axis=1)
            predicted[start : start + len(right)] = some.argmax(axis=1)
        return cls(predicted, rank)

    def right(self, top: int = 1) -> Truths:
        """bool [M]: whether the right class is among the `top` first."""
        return self.rank < top


def wilson(
    successes: npt.NDArray[np.integer[Any]] | int, trials: npt.NDArray[np.integer[Any]] | int, level: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ends of the score interval of a share (Wilson 1927); 0 and 1 where there were no trials.

    Parameters
    ----------
    successes, trials
        Numbers or arrays of one shape.
    level
        Such as 0.95.
    """
    z = critical_value(level)
    n = np.maximum(np.asarray(trials, dtype=np.float64), 0)
    k = np.asarray(successes, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (k + z**2 / 2) / (n + z**2)
        reach = z / (n + z**2) * np.sqrt(np.where(n > 0, k * (n - k) / np.maximum(n, 1), 0) + z**2 / 4)
    # Rounding must not cut the share itself off where it is 0 or 1.
    low = np.where(k == 0, 0.0, middle - reach)
    high = np.where(k == n, 1.0, middle + reach)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def mcnemar(first: Truths, second: Truths) -> float:
    """One-sided exact p-value that `first` is right less often than `second` (McNemar 1947).

    Of these two classifiers on further images: it says nothing of what others, trained on other images of the same
    kind, would do.

    Parameters
    ----------
    first, second
        bool [M], whether each was right on the same images.
    """
    from scipy.stats import binom

    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    return float(binom.cdf(gained, gained + lost, 0.5))


def paired_score(lost: int, gained: int, count: int, difference: float) -> float:
    """Score statistic of the hypothesis that a share is lower by `difference` (Tango 1998, equation 9).

    Standard normal under the hypothesis; large where more is lost than `difference`.

    Parameters
    ----------
    lost, gained
        Images on which only the second, and only the first classifier is right.
    count
        All images.
    difference
        Second's accuracy less the first's, strictly between -1 and 1.
    """
    excess = lost - gained - count * difference
    if excess == 0:
        return 0.0
    # The restricted maximum-likelihood estimate of the share of images on which only the first is right.
    a, b = 2.0 * count, -lost - gained + (2 * count - lost + gained) * difference
    c = -gained * difference * (1 - difference)
    share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = count * (2 * share + difference * (1 - difference))
    return math.copysign(math.inf, excess) if variance <= 0 else excess / math.sqrt(variance)


def paired_interval(first: Truths, second: Truths, level: float) -> tuple[float, float]:
    """Interval of the second's accuracy less the first's, of these two classifiers on further images (Tango 1998).

    Parameters
    ----------
    first, second
        bool [M], M ≥ 1, whether each was right on the same images.
    level
        Such as 0.95.
    """
    from scipy.optimize import brentq

    lost, gained, count = int((second & ~first).sum()), int((first & ~second).sum()), len(first)
    estimate, z = (lost - gained) / count, critical_value(level)
    edge = 1 - 1e-9

    def end(sign: int) -> float:
        far = -sign * edge
        if abs(estimate - far) < 1e-8:
            return float(-sign)
        # At the estimate the statistic is 0; towards the lower end it rises, towards the upper one it falls.
        if sign * paired_score(lost, gained, count, far) <= z:
            return float(-sign)
        return float(brentq(lambda d: sign * paired_score(lost, gained, count, d) - z, far, estimate, xtol=1e-10))

    return end(1), end(-1)


def loses_more_than(first: Truths, second: Truths, margin: float) -> float:
    """One-sided p-value that the first's accuracy is lower than the second's by more than `margin` (Tango 1998).

    Parameters
    ----------
    first, second
        bool [M], whether each was right on the same images.
    margin
        In [0, 1).
    """
    from statistics import NormalDist

    lost, gained = int((second & ~first).sum()), int((first & ~second).sum())
    return NormalDist().cdf(-paired_score(lost, gained, len(first), margin))


def exchanged(first: Sequence[float], second: Sequence[float]) -> float:
    """One-sided p-value that numbers of `first` are lower than those of `second`, by all exchanges of the two.

    Exact where all numbers are exchangeable under the hypothesis, as accuracies on the same test images are of
    classifiers that were trained on disjoint sets of images of one kind (Pitman 1937). At most ``C(2K, K)`` exchanges
    are looked at, so that K up to 12 is a matter of a second.

    Parameters
    ----------
    first, second
        K numbers each, 1 ≤ K ≤ 12.
    """
    if not 1 <= len(first) <= 12 or len(first) != len(second):
        raise MetricError(f"{len(first)} and {len(second)} numbers can't be exchanged; 1 to 12 of each are needed")
    both = np.asarray([*first, *second], dtype=np.float64)
    places = np.fromiter(
        (place for chosen in combinations(range(len(both)), len(first)) for place in chosen), dtype=np.int64
    ).reshape(-1, len(first))
    sums = both[places].sum(axis=1)
    # Equal sums in another order of addition count as equal.
    return float((sums <= sums[0] + 1e-9 * max(1.0, abs(float(sums[0])))).mean())
