"""`plan`: how many images it takes to tell a given difference, or for an interval of a given width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ganeval.errors import CompareError, OptionError
from ganeval.metrics.score import Score
from ganeval.report.plan import MetricPlan, Plan
from ganeval.report.reading import report_from_json
from ganeval.report.report import Report
from ganeval.uncertainty.interval import DEFAULT_LEVEL, critical_value, require_level
from ganeval.uncertainty.power import (
    DEFAULT_POWER,
    VarianceParts,
    detectable,
    images_for_half_width,
    images_to_tell,
    require_power,
)


def plan(
    report: Report | str | Path,
    *,
    metrics: str | Sequence[str] | None = None,
    difference: float | None = None,
    relative: float | None = None,
    level: float = DEFAULT_LEVEL,
    power: float = DEFAULT_POWER,
) -> Plan:
    """What the standard errors of a report say of other numbers of images.

    Each part of a score's variance is taken to fall as 1/N with the number of images on its side, and two generators to
    vary as much as the one that was scored.

    Parameters
    ----------
    report
        Or the path of its JSON.
    metrics
        Those to plan for; by default all scores of the report.
    difference
        In the score's unit.
    relative
        Instead of `difference`: a part of each score's estimate, 0.05 for 5 %.
    level
        Of the test and the intervals.
    power
        Probability of telling the difference if it is there.

    Raises
    ------
    OptionError
        For a difference, level or power that can't be used, or both `difference` and `relative`.
    MetricError
        If the report has no such score.
    """
    read = report if isinstance(report, Report) else report_from_json(Path(report))
    check_plan(difference, relative, level=level, power=power)
    made = {}
    for score in _chosen(read, metrics):
        wanted = difference if relative is None else relative * abs(score.estimate)
        made[score.name] = _planned(score, wanted, level, power)
    return Plan(made, level, power, read.generated.source)


def check_plan(difference: float | None, relative: float | None, *, level: float, power: float) -> None:
    """Refuse what `plan` would refuse, before any work; raises `OptionError`."""
    for name, value in (("difference", difference), ("relative", relative)):
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
            raise OptionError(f"{name} must be a finite number above 0, not {value!r}")
    if difference is not None and relative is not None:
        raise OptionError("difference and relative were both given", hint="Give one of them.")
    if require_level(level) is None:
        raise OptionError("a plan needs a level", hint="For example 0.95.")
    require_power(power)


def _planned(score: Score, wanted: float | None, level: float, power: float) -> MetricPlan:
    error = score.standard_error
    known = MetricPlan(score.name, score.estimate, score.n_real, score.n_generated)
    if error is None or not score.n_generated or not math.isfinite(error.total):
        return replace(known, reason=score.no_interval_reason or "the score has no standard error")
    generated = error.generated**2 + error.other**2
    wider = _wider_than_normal(score, error.total) ** 2
    own = VarianceParts(wider * error.real**2, wider * generated, score.n_real, score.n_generated)
    # Of a difference between two like this one: the real images' part cancels, or counts twice.
    paired = VarianceParts(0.0, 2 * generated, score.n_real, score.n_generated)
    unpaired = VarianceParts(2 * error.real**2, 2 * generated, score.n_real, score.n_generated)
    here = score.n_generated
    at_hand = replace(
        known,
        detectable=detectable(paired.at(here), level=level, power=power),
        detectable_unpaired=detectable(unpaired.at(here), level=level, power=power),
        half_width=critical_value(level) * math.sqrt(own.at(here)),
    )
    if wanted is None:
        return at_hand
    if wanted == 0:
        return replace(at_hand, reason="a difference of 0 can't be told by any number of images")
    return replace(
        at_hand,
        difference=wanted,
        needed=images_to_tell(paired, wanted, level=level, power=power),
        needed_unpaired=images_to_tell(unpaired, wanted, level=level, power=power, more_real=True),
        needed_for_half_width=images_for_half_width(own, wanted, level=level),
        needed_for_half_width_both=images_for_half_width(own, wanted, level=level, more_real=True),
    )


def _wider_than_normal(score: Score, error: float) -> float:
    """How much further a score's own interval reaches than the normal one of its standard error; at least 1."""
    if score.interval is None or error == 0:
        return 1.0
    half = (score.interval.high - score.interval.low) / 2
    return max(1.0, half / (critical_value(score.interval.level) * error))


def _chosen(report: Report, metrics: str | Sequence[str] | None) -> list[Score]:
    if not report.scores:
        raise CompareError("the report has no scores")
    if metrics is None:
        return list(report.scores.values())
    asked = [metrics] if isinstance(metrics, str) else list(metrics)
    names = [part.strip() for one in asked for part in one.split(",") if part.strip()]
    return list({score.name: score for score in (report[name] for name in names)}.values())
