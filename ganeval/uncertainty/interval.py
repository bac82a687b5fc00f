"""Confidence intervals: what one is, and the normal one around an estimate with a standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from ganeval.errors import OptionError

#: The level of every interval unless a user asks for another.
DEFAULT_LEVEL = 0.95
#: Why there is no interval where it would have no width.
NOTHING_VARIES = "no image moves the score, so that chance can't be estimated"
#: Width, relative to the numbers that it comes from, that is nothing but rounding.
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Interval:
    """A confidence interval: `low` and `high` in the score's unit, `level` such as 0.95, `method` in words."""

    low: float
    high: float
    level: float
    method: str


def require_level(level: float | None) -> float | None:
    """`level` itself if it is None (no interval wanted) or lies strictly between 0 and 1; raises `OptionError`."""
    if level is None:
        return None
    number = isinstance(level, int | float) and not isinstance(level, bool)
    if not number or not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}", hint="For example 0.95.")
    return float(level)


def critical_value(level: float) -> float:
    """Two-sided critical value of the standard normal distribution: 1.96 for a `level` of 0.95."""
    return NormalDist().inv_cdf((1 + level) / 2)


def normal_interval(
    estimate: float,
    standard_error: float,
    *,
    level: float,
    method: str,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Interval:
    """`estimate` ± critical value × `standard_error`, cut to what the quantity can be, see `interval_within`.

    Parameters
    ----------
    estimate
        Its centre (approximately unbiased).
    standard_error
        Its standard deviation over repetitions, in the same unit.
    level
        Such as 0.95.
    method
        In words, for the report.
    lowest, highest
        Range of the population's quantity, such as 0 and 1 for a fraction.
    """
    reach = critical_value(level) * standard_error
    return interval_within(estimate, reach, level=level, method=method, lowest=lowest, highest=highest)


def interval_within(
    estimate: float,
    reach: float,
    *,
    level: float,
    method: str,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Interval:
    """`estimate` ± `reach`, cut to what the quantity can be, from `lowest` to `highest`.

    An unbiased estimate may lie outside that range. The interval then still reaches as far into the range from its
    nearer end as it would from an estimate there: cut alone, the farther the estimate strays, the surer it would look,
    up to an interval of that end and nothing else. What would be in the interval without that remains in it.
    """
    low = max(min(estimate, highest) - reach, lowest)
    high = min(max(estimate, lowest) + reach, highest)
    return Interval(low, high, level, method)


def has_width(interval: Interval, *sizes: float) -> bool:
    """Whether an interval is wider than rounding makes it; one that isn't says nothing of chance.

    Parameters
    ----------
    interval
        Of a score.
    sizes
        Of the numbers from which the score comes by subtraction, where they may be larger than the interval's ends.
    """
    size = max(abs(number) for number in (interval.low, interval.high, *sizes))
    return interval.high - interval.low > _ROUNDING * size
