"""Exact test whether one of two samples is over-represented among the smallest values of both, at whatever depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

#: The depths: the 8, 16, 32, ... smallest of all values, down to 1,024.
_DEPTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
_EQUAL = 1e-9

Values = npt.NDArray[np.floating[Any]]


def tail_scan_p_value(generated: Values, fresh: Values) -> float:
    """Probability that exchangeable values put so many of `generated` among the smallest, at the most telling depth.

    At each depth k of 8, 16, ..., 1024 the number of `generated` among the k smallest of all (with those equal to the
    k-th) is hypergeometric if all orders are equally likely. The smallest of these tail probabilities is the statistic;
    its own distribution is computed exactly, by following the number from depth to depth.

    Parameters
    ----------
    generated, fresh
        [n] and [m], not NaN. Ties are allowed.

    Returns
    -------
    float
        p-value in (0, 1], valid for any n and m; 1.0 where a sample is empty or nothing can be told.
    """
    n, total = len(generated), len(generated) + len(fresh)
    if not len(generated) or not len(fresh):
        return 1.0
    values = np.sort(np.concatenate([generated, fresh]))
    ours = np.sort(generated)
    wanted = [k for k in _DEPTHS if k < total]
    limits = values[np.asarray(wanted or [max(1, total // 2)], dtype=np.int64) - 1]
    depths = np.unique(np.searchsorted(values, limits, side="right"))
    depths = depths[depths < total]
    if not len(depths):
        return 1.0
    counts = np.searchsorted(ours, values[depths - 1], side="right")
    tails = [_tail(total, n, int(k)) for k in depths]
    observed = min(float(tail[count]) for tail, count in zip(tails, counts, strict=True))
    return min(1.0, _reaches(total, n, [int(k) for k in depths], tails, observed))


def _reaches(total: int, n: int, depths: list[int], tails: list[npt.NDArray[np.float64]], level: float) -> float:
    """Probability that at some depth the number's tail probability is at most `level`."""
    reached = 0.0
    # Probabilities of each number at the depth before, as far as it hasn't reached the level yet.
    before, depth = np.ones(1), 0
    for k, tail in zip(depths, tails, strict=True):
        now = np.zeros(k + 1)
        for count in np.flatnonzero(before > 0):
            step = _probabilities(total - depth, n - int(count), k - depth)
            now[count : count + len(step)] += before[count] * step
        over = tail <= level * (1 + _EQUAL)
        reached += float(now[over].sum())
        now[over] = 0.0
        before, depth = now, k
    return reached


def _tail(total: int, n: int, k: int) -> npt.NDArray[np.float64]:
    """P[at least c of `n` among `k` drawn of `total`] for c in 0..k."""
    return np.minimum(np.cumsum(_probabilities(total, n, k)[::-1])[::-1], 1.0)


def _probabilities(total: int, n: int, k: int) -> npt.NDArray[np.float64]:
    """Hypergeometric probabilities of 0..k of `n` among `k` drawn of `total`."""
    count = np.arange(k + 1)
    possible = (count <= n) & (k - count <= total - n)
    lowest, highest = max(0, k - (total - n)), min(n, k)
    c = np.minimum(np.maximum(count, lowest), highest)
    log = _choose(n, c) + _choose(total - n, k - c) - _choose(total, np.asarray(k))
    return np.where(possible, np.exp(log), 0.0)


def _choose(n: int, k: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0), dtype=np.float64)
