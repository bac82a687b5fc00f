"""One replicate of a case: draw both sides, compute the metric, keep what the table needs."""

from __future__ import annotations

import functools
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from coverage_simulation.cases import Case
from coverage_simulation.code_digest import digest_of_metric
from ganeval.metrics.registry import METRICS


@dataclass(frozen=True)
class Outcome:
    """What one score of one replicate gave.

    Parameters
    ----------
    score
        Base name.
    value, corrected
        Plug-in and bias-corrected value; None for a `corrected` that there is none of.
    low, high, error
        The interval and the standard error; None where it was refused.
    refusal
        Why there is no interval; None where there is one.
    """

    score: str
    value: float
    corrected: float | None
    low: float | None
    high: float | None
    error: float | None
    refusal: str | None


@dataclass(frozen=True)
class Replicate:
    """All scores of one replicate, the seconds that the metric and the drawing took, and which code computed it."""

    metric: str
    code: str
    case: str
    number: int
    seconds: float
    draw_seconds: float
    outcomes: tuple[Outcome, ...]

    def as_json(self) -> dict[str, object]:
        """For a line of the results."""
        return asdict(self)


def run_replicate(case: Case, number: int, *, level: float = 0.95) -> Replicate:
    """Draw and compute replicate `number`; the metric's own seed differs from replicate to replicate too."""
    scene = _scene(case.metric, case.family, case.dimension, case.decay, case.distance)
    seed = case.seed(number)
    began = time.perf_counter()
    real, generated = scene.draw(case.n_real, case.n_generated, np.random.default_rng(seed))
    metric = METRICS.get(case.metric)
    drawn = time.perf_counter()
    scores = metric(
        real if metric.needs_real else None, generated, seed=seed % 2**31, level=level, **dict(case.parameters)
    )
    finished = time.perf_counter()
    return Replicate(
        case.metric,
        digest_of_metric(case.metric),
        case.key,
        number,
        finished - drawn,
        drawn - began,
        tuple(
            Outcome(
                score=score.name,
                value=score.value,
                corrected=score.corrected,
                low=None if score.interval is None else score.interval.low,
                high=None if score.interval is None else score.interval.high,
                error=None if score.standard_error is None else score.standard_error.total,
                refusal=None if score.interval is not None else score.no_interval_reason,
            )
            for score in scores
        ),
    )


@functools.lru_cache(maxsize=4)
def _scene(metric: str, family: str, dimension: int, decay: float, distance: str) -> Any:
    return Case(metric, family, dimension, decay, distance, 0, 0).scene()
