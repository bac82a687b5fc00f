"""Repeated looks at growing sets: sizes planned beforehand, and intervals that hold at all of them at once.

Whoever extracts until an interval is narrow enough, or until two sets can be told apart, looks at the data several
times, and one of several 95 % intervals misses more often than one alone. The estimate after n images behaves like a
Brownian motion at time n, divided by n: those of two looks n ≤ m correlate by √(n/m). From that follows the one
critical value c with which all K planned intervals, estimate ± c × standard error, hold together with the wanted
probability (Pocock 1977, here for any sizes rather than equal steps; the recursion is that of Armitage, McPherson and
Rowe 1969). Since all hold together, the one at which somebody stops holds too, whatever made them stop: a narrow
interval, a decision, a forecast, boredom; and looks may be left out. The price against a single look at a size that
was right by luck is (c/1.96)² in images: 1.7 for eight looks that grow by half, 1.9 for twelve.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ganeval.errors import OptionError

#: How much larger each look is than the one before. Looks are correlated, so that more of them cost little.
GROWTH = 1.5

_NODES = 96
# Of the nodes, in standard deviations of a step; of a step, against the standard deviation of the whole.
_SPACING = 0.35
_SHORTEST = 0.03


def planned_sizes(first: int, last: int, *, growth: float = GROWTH) -> list[int]:
    """Sizes of the looks: `first`, each larger by the factor `growth`, and `last`, the largest that there can be.

    Parameters
    ----------
    first, last
        Images; where `last` isn't larger, it is the only look.
    growth
        Above 1.

    Returns
    -------
    list of int
        Ascending. A last step that would be less than half as long as the others is joined with the one before.

    Raises
    ------
    OptionError
        For sizes below 1 or a `growth` that doesn't grow.
    """
    if first < 1 or last < 1 or not growth > 1:
        raise OptionError(f"looks from {first} to {last} images, growing by {growth}, can't be planned")
    sizes = []
    size = float(first)
    while math.ceil(size) * math.sqrt(growth) <= last:
        sizes.append(math.ceil(size))
        size = max(size * growth, sizes[-1] + 1)
    return [*sizes, last]


class Looks:
    """Planned looks with the level that a single interval must have so that all of them hold together.

    Parameters
    ----------
    sizes
        Images at each look, ascending: of the side that grows. Where the other side is all there from the start, looks
        are correlated more strongly than assumed, and the intervals err on the safe side.
    level
        Probability that the intervals of all looks hold, such as 0.95.

    Raises
    ------
    OptionError
        If the sizes aren't positive and ascending, or the level isn't between 0 and 1.

    Examples
    --------
    >>> looks = Looks([1000, 2000, 4000], level=0.95)
    >>> round(looks.critical(0), 3), round(looks.level_at(0), 4)
    (2.315, 0.9794)
    """

    def __init__(self, sizes: Sequence[int], level: float) -> None:
        if not sizes or sizes[0] < 1 or any(a >= b for a, b in itertools.pairwise(sizes)):
            raise OptionError(f"the sizes of looks must be positive and ascending, not {list(sizes)}")
        if not 0 < level < 1:
            raise OptionError(f"level must lie between 0 and 1, not {level!r}", hint="For example 0.95.")
        self.sizes = tuple(int(size) for size in sizes)
        self.level = float(level)
        self._constant = pocock_constant(self.sizes, self.level)

    def __len__(self) -> int:
        return len(self.sizes)

    def critical(self, look: int) -> float:
        """How many standard errors the interval of that look (from 0) reaches to each side.

        The constant c for all looks, stretched to Student's distribution, because standard errors are estimated: that
        matters at sizes of a hundred or less, where false decisions would otherwise come too often.
        """
        from scipy.stats import t

        self._check(look)
        return float(t.isf(NormalDist().cdf(-self._constant), max(self.sizes[look] - 1, 1)))

    def level_at(self, look: int) -> float:
        """Level of that look's interval if it were the only one: what to ask a metric for."""
        return 2 * NormalDist().cdf(self.critical(look)) - 1

    def _check(self, look: int) -> None:
        if not 0 <= look < len(self.sizes):
            raise OptionError(f"there is no look {look} among {len(self.sizes)}")


def pocock_constant(sizes: Sequence[int], level: float) -> float:
    """The c for which a standardised Brownian motion stays within ±c at all times `sizes` with probability `level`.

    Parameters
    ----------
    sizes
        Positive and ascending.
    level
        Between 0 and 1.

    Returns
    -------
    float
        1.96 for one size and a level of 0.95.
    """
    from scipy.optimize import brentq

    single = NormalDist().inv_cdf((1 + level) / 2)
    if len(sizes) == 1:
        return single
    # Independent looks are the worst case (Šidák 1967).
    worst = NormalDist().inv_cdf((1 + level ** (1 / len(sizes))) / 2)
    root: float = brentq(lambda c: probability_within(sizes, c) - level, single - 1e-6, worst + 1e-6, xtol=1e-9)
    return root


def probability_within(sizes: Sequence[int], critical: float) -> float:
    """Probability that B(n)/√n stays within ±`critical` at all n of `sizes`, by numerical integration.

    The density of the standardised value among the paths that have stayed inside is carried from look to look
    (Armitage, McPherson & Rowe 1969, section 3) on Gauss-Legendre nodes, dense enough for the shortest step. Looks less
    than 0.1 % apart count as that far apart, which errs on the safe side.
    """
    spreads = [max(math.sqrt(1 - a / b), _SHORTEST) for a, b in itertools.pairwise(sizes)]
    count = max(_NODES, math.ceil(2 * critical / (_SPACING * min(spreads, default=1.0))))
    nodes, weights = _gauss_legendre(count)
    places, weights = nodes * critical, weights * critical
    density = _normal_density(places)
    for spread in spreads:
        correlation = math.sqrt(1 - spread**2)
        step = _normal_density((places[:, None] - correlation * places[None, :]) / spread) / spread
        density = step @ (density * weights)
    return float(density @ weights)


@functools.lru_cache(maxsize=8)
def _gauss_legendre(count: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.polynomial.legendre.leggauss(-(-count // 32) * 32)


def _normal_density(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    density: npt.NDArray[np.float64] = np.exp(-0.5 * values**2) / math.sqrt(2 * math.pi)
    return density
