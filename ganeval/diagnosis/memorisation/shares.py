"""Differences between shares of two independent samples, and the smallest that a test could have seen."""

from __future__ import annotations

import math
from statistics import NormalDist

from scipy.stats import beta

#: Two-sided level at which the verdicts take a single diagnostic for significant, about: 5 % over all of them (Holm).
SINGLE_LEVEL = 0.05 / 14
_POWER = 0.8


def clopper_pearson(successes: int, total: int, level: float) -> tuple[float, float]:
    """Exact interval for a binomial share (Clopper & Pearson 1934); 0 to 1 of nothing."""
    if total == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, successes, total - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, total - successes)) if successes < total else 1.0
    return low, high


def difference_of_shares(
    first: float, first_ends: tuple[float, float], second: float, second_ends: tuple[float, float]
) -> tuple[float, float]:
    """Interval for `first` less `second` from an interval of each (Newcombe 1998, method 10; Zou & Donner 2008)."""
    difference = first - second
    low = difference - math.hypot(first - first_ends[0], second_ends[1] - second)
    high = difference + math.hypot(first_ends[1] - first, second - second_ends[0])
    return max(low, -1.0), min(high, 1.0)


def smallest_difference(share: float, n: int, m: int) -> float:
    """Difference from `share` that a one-sided test between samples of `n` and `m` sees in four of five cases."""
    reach = NormalDist().inv_cdf(1 - SINGLE_LEVEL) + NormalDist().inv_cdf(_POWER)
    # A share of exactly 0 or 1 isn't known so exactly.
    share = (share * m + 1) / (m + 2)
    return min(1.0, reach * math.sqrt(share * (1 - share) * (1 / n + 1 / m)))
