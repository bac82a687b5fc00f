"""Confidence intervals: what one is, and the normal one around an estimate with a standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from ganeval.errors import OptionError

#: The level of every interval unless a user asks for another.
DEFAULT_LEVEL = 0.95


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
    """`estimate` ± critical value × `standard_error`, cut to what the quantity can be.

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
    low, high = (min(max(end, lowest), highest) for end in (estimate - reach, estimate + reach))
    return Interval(low, high, level, method)
