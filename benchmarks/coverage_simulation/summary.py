"""From replicates to one row a case and score: how often the interval contained the truth, and what else tells why."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from coverage_simulation.cases import Case
from coverage_simulation.replicates import Outcome, Replicate
from coverage_simulation.truths import FINDERS, Truth
from ganeval.metrics.registry import METRICS

#: Within this band a nominal 95 % interval counts as holding.
BAND = (0.90, 0.98)
#: Squared distances between distributions, which are 0 where those are equal, whatever they are.
_ZERO_AT_EQUALITY = ("kd", "mmd_poly", "mmd_rbf", "mind")


@dataclass(frozen=True)
class Row:
    """One case and score.

    Parameters
    ----------
    metric, score, family, dimension, decay, distance, n_real, n_generated, parameters
        Which one.
    replicates, offered
        How many there are, and how many of them offered an interval.
    truth, truth_error, truth_how
        The population's value, the standard error with which it is known, and how it was found.
    inside, below, above
        How many intervals contain the truth; lie below it; lie above it.
    half_width
        Mean half-width of the intervals.
    bias_value, bias_estimate
        Mean less the truth, of the plug-in value and of the estimate (the corrected value where there is one).
    spread, error
        Standard deviation of the estimate over the replicates, and mean standard error that the metric claims.
    seconds
        Median time of the metric a replicate.
    refusal
        The most frequent reason for no interval; None where all were offered.
    """

    metric: str
    score: str
    family: str
    dimension: int
    decay: float
    distance: str
    n_real: int
    n_generated: int
    parameters: dict[str, object]
    replicates: int
    offered: int
    truth: float
    truth_error: float
    truth_how: str
    inside: int
    below: int
    above: int
    half_width: float | None
    bias_value: float
    bias_estimate: float
    spread: float
    error: float | None
    seconds: float
    refusal: str | None

    @property
    def coverage(self) -> float | None:
        """Share of the offered intervals that contain the truth; None where none was offered."""
        return self.inside / self.offered if self.offered else None

    @property
    def verdict(self) -> str:
        """``"holds"``, ``"low"`` or ``"wide"`` where the coverage is out of `BAND` by more than chance, ``"refused"``.

        More than chance: a coverage at the edge of the band would be seen there in less than 2.5 % of simulations.
        """
        if self.coverage is None:
            return "refused"
        low, high = (
            edge + sign * 1.96 * math.sqrt(edge * (1 - edge) / self.offered)
            for edge, sign in zip(BAND, (-1, 1), strict=True)
        )
        if self.coverage < low:
            return "low"
        return "wide" if self.coverage > high else "holds"


def summarise(case: Case, replicates: Sequence[Replicate]) -> list[Row]:
    """A row for each score of the metric; none without replicates."""
    if not replicates:
        return []
    names = [outcome.score for outcome in replicates[0].outcomes]
    return [_row(case, replicates, name, position) for position, name in enumerate(names)]


def _row(case: Case, replicates: Sequence[Replicate], score: str, position: int) -> Row:
    outcomes = [replicate.outcomes[position] for replicate in replicates]
    values = np.array([outcome.value for outcome in outcomes])
    estimates = np.array([_estimate(outcome) for outcome in outcomes])
    truth = find_truth(case, score, estimates)
    offered = [outcome for outcome in outcomes if outcome.low is not None and outcome.high is not None]
    lows = np.array([outcome.low for outcome in offered])
    highs = np.array([outcome.high for outcome in offered])
    # Rounding of the order of the last digits isn't a miss where the truth is a bound such as 0.
    slack = 1e-9 * max(abs(truth.value), float(np.abs(values).max()))
    below = int((highs < truth.value - slack).sum())
    above = int((lows > truth.value + slack).sum())
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    refusals = Counter(outcome.refusal for outcome in outcomes if outcome.refusal is not None)
    return Row(
        metric=case.metric,
        score=score,
        family=case.family,
        dimension=case.dimension,
        decay=case.decay,
        distance=case.distance,
        n_real=case.n_real,
        n_generated=case.n_generated,
        parameters=dict(case.parameters),
        replicates=len(replicates),
        offered=len(offered),
        truth=truth.value,
        truth_error=truth.error,
        truth_how=truth.how,
        inside=len(offered) - below - above,
        below=below,
        above=above,
        half_width=float((highs - lows).mean() / 2) if offered else None,
        bias_value=float(values.mean() - truth.value),
        bias_estimate=float(estimates.mean() - truth.value),
        spread=float(estimates.std(ddof=1)) if len(estimates) > 1 else math.nan,
        error=float(np.mean(errors)) if errors else None,
        seconds=float(np.median([replicate.seconds for replicate in replicates])),
        refusal=refusals.most_common(1)[0][0] if refusals else None,
    )


def _estimate(outcome: Outcome) -> float:
    return outcome.value if outcome.corrected is None else outcome.corrected


def find_truth(case: Case, score: str, estimates: Sequence[float] | npt.NDArray[np.float64]) -> Truth:
    """The truth of a score: from its finder, else the mean of the `estimates` over the replicates.

    The mean is right for intervals that are for repetitions with as many images, and for estimates without bias.
    """
    truth = _known_truth(replace(case, n_real=0, n_generated=0, parameters={}), score, tuple(case.parameters.items()))
    if truth is not None:
        return truth
    if case.distance == "same" and case.metric in _ZERO_AT_EQUALITY:
        return Truth(0.0, 0.0, "equal distributions")
    found = np.asarray(estimates)
    error = float(found.std(ddof=1) / math.sqrt(len(found))) if len(found) > 1 else math.inf
    return Truth(float(found.mean()), error, "mean of the replicates")


@functools.cache
def _known_truth(case: Case, score: str, parameters: tuple[tuple[str, object], ...]) -> Truth | None:
    """The same for any numbers of images, and worth keeping: some take millions of draws."""
    finder = FINDERS.get((case.metric, score))
    if finder is None:
        return None
    return finder(case.scene(), METRICS.get(case.metric).chosen(dict(parameters)))
