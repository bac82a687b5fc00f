"""The result of a metric: a value with everything that is needed to read it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from ganeval.uncertainty.influence import Influence, StandardError
from ganeval.uncertainty.interval import NOTHING_VARIES, has_width, normal_interval
from ganeval.uncertainty.interval import Interval as Interval


@dataclass(frozen=True)
class Score:
    """One number of an evaluation.

    Parameters
    ----------
    name
        ``"fd"``, ``"inception_score"``, ...; in a report with the extractor in it, see `ganeval.metrics.naming`.
    value
        The number itself; ``float(score)`` gives it too.
    interval
        Confidence interval for the quantity that infinitely many images would give (or, where the method says so,
        for the mean over repetitions with as many images); None where none is offered.
    no_interval_reason
        Why there is no interval; None where there is one, or where none was asked for.
    corrected
        The value less its finite-sample bias, around which the interval lies; None where the metric has no such bias
        or no valid correction.
    standard_error
        Of `estimate`; None where it isn't known.
    n_real, n_generated
        How many images went in on each side; `n_real` is None for metrics of the generated side alone.
    higher_is_better
        Direction.
    parameters
        Every parameter of the metric with the value used.
    details
        Further numbers that belong to it, such as the standard deviation over splits.
    influence
        What each image contributes; not part of reports. None where the metric has none, or none was asked for.
    """

    name: str
    value: float
    n_real: int | None
    n_generated: int | None
    higher_is_better: bool
    interval: Interval | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    corrected: float | None = None
    no_interval_reason: str | None = None
    standard_error: StandardError | None = None
    influence: Influence | None = field(default=None, repr=False, compare=False)

    def __float__(self) -> float:
        return float(self.value)

    @property
    def estimate(self) -> float:
        """The best guess at the population's value: `corrected` where there is one, else `value`."""
        return self.value if self.corrected is None else self.corrected

    def renamed(self, name: str) -> Score:
        """The same score under another name."""
        return replace(self, name=name)

    def without_interval(self, reason: str) -> Score:
        """The same score, which offers no interval because of `reason`."""
        return replace(self, interval=None, standard_error=None, no_interval_reason=reason)

    def with_influence(
        self,
        influence: Influence,
        *,
        level: float,
        method: str,
        lowest: float = -math.inf,
        highest: float = math.inf,
        size: float = 0.0,
    ) -> Score:
        """The same score with the normal interval around `estimate` that the images' influences imply.

        Where they imply none that is wider than rounding there is a reason in its place: that these images don't make
        the score vary doesn't mean that others wouldn't.

        Parameters
        ----------
        influence
            On `estimate`.
        level
            Such as 0.95.
        method
            In words, for the report: what was done, and what the interval is for.
        lowest, highest
            Range of the quantity.
        size
            Of the numbers from which the score comes, see `ganeval.uncertainty.interval.has_width`.
        """
        error = influence.standard_error()
        if not math.isfinite(error.total):
            few = any(side is not None and len(side) < 2 for side in (influence.real, influence.generated))
            reason = "a side has too few images" if few else "the values are so large that their variance overflows"
            return replace(self.without_interval(reason), influence=influence)
        interval = normal_interval(
            self.estimate, error.total, level=level, method=method, lowest=lowest, highest=highest
        )
        return self.with_interval(interval, error, influence, size=size)

    def with_interval(
        self, interval: Interval, error: StandardError, influence: Influence | None = None, *, size: float = 0.0
    ) -> Score:
        """The same score with an interval, or with the reason why there is none if it has no width; see `has_width`.

        The standard error and the influences stay in either case: against a score that varies they can be compared.
        """
        if has_width(interval, size):
            return replace(self, interval=interval, standard_error=error, influence=influence, no_interval_reason=None)
        return replace(self.without_interval(NOTHING_VARIES), standard_error=error, influence=influence)
