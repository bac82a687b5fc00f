"""How many values of one sample lie lower than another sample explains, at the depth that shows most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from ganeval.diagnosis.memorisation.shares import clopper_pearson, difference_of_shares
from ganeval.diagnosis.memorisation.tail_scan import Values


@dataclass(frozen=True)
class TailExcess:
    """A share of `generated` that is too low for values like `fresh`, [0, 1], and its interval.

    Parameters
    ----------
    share
        Estimate at the chosen depth.
    low, high
        Interval; `low` holds at all depths together.
    beyond, expected
        How many of `generated` lie below that depth, and the share of fresh values that does.
    """

    share: float
    low: float
    high: float
    beyond: int
    expected: float


def tail_excess(generated: Values, fresh: Values, level: float = 0.95) -> TailExcess:
    """The share of `generated` that must be lower than values like `fresh` are, at the least.

    If a share p of `generated` comes from anywhere and the rest is distributed as `fresh`, then at every depth t
    p >= (G(t) - F(t)) / (1 - F(t)): the lower bound of a share of non-nulls (Storey 2002; Meinshausen & Rice 2006).
    The depths are the 1st, 2nd, 4th, ... smallest of `fresh`, up to the half: below the f-th lies a share F of fresh
    values with a Beta(f, m + 1 - f) distribution, and given that, the number of `generated` is binomial. Both intervals
    are exact, for each depth at `level` corrected for the number of depths (Bonferroni), and combined (Newcombe 1998).
    The depth with the largest lower end is reported, which favours the estimate by less than its
    standard error.

    Parameters
    ----------
    generated, fresh
        [n] and [m], at least one each, not NaN.
    level
        Of the interval.
    """
    n, m = len(generated), len(fresh)
    depths = 2 ** np.arange(max(1, int(m // 2).bit_length()))
    each = 1 - (1 - level) / len(depths)
    tail = (1 - each) / 2
    theirs = np.sort(fresh)
    below = np.searchsorted(np.sort(generated), theirs[depths - 1], side="left")
    found = []
    for depth, count in zip(depths.tolist(), below.tolist(), strict=True):
        expected = depth / (m + 1)
        ends = (float(beta.ppf(tail, depth, m + 1 - depth)), float(beta.ppf(1 - tail, depth, m + 1 - depth)))
        low, high = difference_of_shares(count / n, clopper_pearson(count, n, each), expected, ends)
        share, least, most = (
            float(np.clip(value / (1 - expected), 0.0, 1.0)) for value in (count / n - expected, low, high)
        )
        found.append((low / (1 - expected), TailExcess(share, least, most, beyond=count, expected=expected)))
    return max(found, key=lambda one: one[0])[1]
