"""The mean of independent values, such as one a pair of images, with Student's interval."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence, StandardError
from ganeval.uncertainty.interval import interval_within

#: Below this many values their spread says too little of the mean's.
FEWEST_VALUES = 10

Values = npt.NDArray[np.float64]


def with_mean_interval(
    score: Score,
    values: Values,
    *,
    level: float | None,
    what: str,
    real: bool = False,
    influence: Influence | None = None,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Score:
    """`score`, whose value is the mean of independent `values`, with Student's interval around it.

    Where all values are equal there is none: that says that they vary little, not how little.

    Parameters
    ----------
    score
        Without an interval.
    values
        [n], finite.
    level
        Of the interval; None leaves the score as it is.
    what
        What the values are, in the plural, for the report: ``"pairs of images"``.
    real
        Whether the standard error counts for the real side; else for the generated one.
    influence
        To go with the score.
    lowest, highest
        Range of the mean.
    """
    if level is None:
        return score
    count = len(values)
    if count < FEWEST_VALUES:
        reason = f"too few {what} to tell how much their mean varies: {count}, where {FEWEST_VALUES} would do"
        return replace(score.without_interval(reason), influence=influence)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    reach = student_quantile(level, count - 1) * error
    method = f"Student's t over {count:,} {what}"
    interval = interval_within(score.value, reach, level=level, method=method, lowest=lowest, highest=highest)
    standard_error = StandardError(error, 0.0) if real else StandardError(0.0, error)
    return score.with_interval(interval, standard_error, influence)


def student_quantile(level: float, degrees: float) -> float:
    """Two-sided critical value of Student's t distribution with `degrees` of freedom: 1.98 for 0.95 and 100."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + level) / 2))
