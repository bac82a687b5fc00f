"""What came of a difference, in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ganeval.report.digits import count_text, number_text
from ganeval.uncertainty.interval import Interval
from ganeval.uncertainty.power import about

Pair = tuple[str, str]


def better_words(metric: str, pair: Pair, better: str, value: float, interval: Interval) -> str:
    """``"b is better than a on fd_x, by 3.1 [2.2, 4.0]"``."""
    worse = pair[1] if better == pair[0] else pair[0]
    ends = (interval.low, interval.high) if value > 0 else (-interval.high, -interval.low)
    return f"{better} is better than {worse} on {metric}, by {_with_ends(abs(value), *ends)}"


def undecided_words(
    metric: str,
    pair: Pair,
    value: float,
    interval: Interval,
    counts: Sequence[int],
    needed: float,
    more_real: bool,
) -> str:
    """``"a and b can't be told apart on recall at N=2,000 …; a difference of this size would need about 9,000 …"``."""
    at = f" at N={' and '.join(map(count_text, counts))}" if counts else ""
    shown = _with_ends(value, interval.low, interval.high)
    return (
        f"{pair[0]} and {pair[1]} can't be told apart on {metric}{at} (difference {shown}); {_need(needed, more_real)}"
    )


def identical_words(metric: str, pair: Pair) -> str:
    """For one set of images given twice."""
    return f"{pair[0]} and {pair[1]} are identical sets: no difference on {metric}"


def no_verdict_words(metric: str, pair: Pair, values: tuple[float, float], reason: str) -> str:
    """For scores that can only be shown."""
    shown = f"{number_text(values[0])} and {number_text(values[1])}"
    return f"no verdict between {pair[0]} and {pair[1]} on {metric} ({shown}): {reason}"


def _need(needed: float, more_real: bool) -> str:
    if not math.isfinite(needed):
        return "no number of images would settle a difference as small as this one"
    also = " and as many real ones" if more_real else ""
    return f"a difference of this size would need {about(needed)} images a set{also}"


def _with_ends(value: float, low: float, high: float) -> str:
    half = (high - low) / 2
    return f"{number_text(value, half)} [{number_text(low, half)}, {number_text(high, half)}]"
