"""The result of a metric: a value with everything that is needed to read it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A confidence interval: `low` and `high` in the score's unit, `level` such as 0.95, `method` in words."""

    low: float
    high: float
    level: float
    method: str


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
        None where none is offered.
    n_real, n_generated
        How many images went in on each side; `n_real` is None for metrics of the generated side alone.
    higher_is_better
        Direction.
    parameters
        Every parameter of the metric with the value used.
    details
        Further numbers that belong to it, such as the standard deviation over splits.
    """

    name: str
    value: float
    n_real: int | None
    n_generated: int | None
    higher_is_better: bool
    interval: Interval | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def __float__(self) -> float:
        return float(self.value)

    def renamed(self, name: str) -> Score:
        """The same score under another name."""
        return replace(self, name=name)
