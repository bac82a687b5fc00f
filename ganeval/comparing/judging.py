"""From the scores of several sets to what of their differences is settled, over all metrics and pairs together."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ganeval.comparing.verdicts import better_words, identical_words, no_verdict_words, undecided_words
from ganeval.metrics.score import Score
from ganeval.report.comparison import MetricComparison, PairDifference
from ganeval.uncertainty.differences import Decision, Difference, Estimate, Rule, difference, holm, simultaneous_level
from ganeval.uncertainty.influence import StandardError
from ganeval.uncertainty.interval import Interval, critical_value
from ganeval.uncertainty.power import DEFAULT_POWER, VarianceParts, images_to_tell
from ganeval.uncertainty.ranking import Place, ranking

Pair = tuple[str, str]

#: Entries of a score's details that say what its mean goes over, in which two sets may differ; what to say then.
_MEAN_OVER = {
    "classes": "they are means over different classes, those with enough images in the set",
    "identical_pairs": "they leave out the pairs that are identical, which differ from set to set",
}


@dataclass(frozen=True)
class Row:
    """The scores of one metric, and what bears on their differences.

    Parameters
    ----------
    name
        Of the score, in full.
    scores
        By name of the set.
    same_real
        Whether all rest on the same real images; only then are influences on them subtracted.
    obstacles
        Pairs of sets for which there can be no verdict, with the reason.
    remark
        For the reader.
    """

    name: str
    scores: Mapping[str, Score]
    same_real: bool = True
    obstacles: Mapping[Pair, str] | None = None
    remark: str = ""


@dataclass(frozen=True)
class Judgement:
    """Every metric's differences, and how many of them share the level."""

    metrics: dict[str, MetricComparison]
    tested: int


def judge(rows: Sequence[Row], *, identical: Collection[Pair], level: float, rule: Rule | None = None) -> Judgement:
    """What is settled, such that no decision at all is false with probability `level`.

    Parameters
    ----------
    rows
        One a metric.
    identical
        Pairs of names of sets that hold the same images.
    level
        Such as 0.95.
    rule
        For repeated looks; None for a single one.
    """
    rule = rule or Rule()
    pairs = [(row, pair) for row in rows for pair in combinations(row.scores, 2)]
    found: dict[tuple[str, Pair], Difference] = {}
    reasons: dict[tuple[str, Pair], str] = {}
    for row, pair in pairs:
        if pair in identical:
            continue
        outcome = _difference(row, pair)
        if isinstance(outcome, str):
            reasons[row.name, pair] = outcome
        else:
            found[row.name, pair] = outcome
    p_values = [rule.p_value(one) for one in found.values()]
    decisions = dict(zip(found, holm(p_values, level=level), strict=True))
    told = dict(zip(found, p_values, strict=True))
    together = simultaneous_level(level, len(found))
    metrics = {}
    for row in rows:
        judged = []
        for pair in combinations(row.scores, 2):
            key = (row.name, pair)
            if key in found:
                judged.append(_judged(row, pair, found[key], told[key], decisions[key], together, rule))
            else:
                judged.append(_unjudged(row, pair, reasons.get(key)))
        metrics[row.name] = _metric(row, tuple(judged))
    return Judgement(metrics, len(found))


def _metric(row: Row, judged: tuple[PairDifference, ...]) -> MetricComparison:
    higher = next(iter(row.scores.values())).higher_is_better
    return MetricComparison(row.name, higher, row.scores, judged, _ranking(row, judged, higher), row.remark)


def _ranking(row: Row, judged: Sequence[PairDifference], higher: bool) -> tuple[Place, ...]:
    if any(one.outcome == "no-verdict" for one in judged):
        return ()
    names = sorted(row.scores, key=lambda name: row.scores[name].estimate, reverse=higher)
    better = {
        (one.better, one.second if one.better == one.first else one.first) for one in judged if one.better is not None
    }
    return ranking(names, better)


def _difference(row: Row, pair: Pair) -> Difference | str:
    """The difference, or why there is no verdict on it."""
    obstacle = (row.obstacles or {}).get(pair)
    if obstacle is not None:
        return obstacle
    first, second = (row.scores[name] for name in pair)
    for name, score in zip(pair, (first, second), strict=True):
        if score.standard_error is None and score.interval is None:
            return f"{name}: {score.no_interval_reason or 'the score has no interval'}"
    if (first.corrected is None) != (second.corrected is None):
        without = pair[0] if first.corrected is None else pair[1]
        return f"{without}: the finite-sample bias could not be removed, and the other's was"
    for entry, words in _MEAN_OVER.items():
        if _named(first.details.get(entry)) != _named(second.details.get(entry)):
            return words
    found = difference(estimate_of(first), estimate_of(second), same_real=row.same_real)
    if found is None or not math.isfinite(found.standard_error) or not math.isfinite(found.value):
        return "a side has too few images"
    if found.standard_error == 0 and found.value != 0:
        return "no image moves either score, so that chance can't be estimated"
    return found


def _named(entry: Any) -> Any:
    """An entry of details without the numbers that belong to each of its names."""
    return frozenset(entry) if isinstance(entry, Mapping) else entry


def estimate_of(score: Score) -> Estimate:
    """A score as one side of a difference; where only its interval is known, that stands for the standard error."""
    error = score.standard_error
    if error is None and score.interval is not None:
        # Intervals of another kind than a normal one: their width stands for the standard error.
        width = score.interval.high - score.interval.low
        error = StandardError(0.0, width / 2 / critical_value(score.interval.level))
    return Estimate(score.estimate, error, score.influence)


def _judged(
    row: Row, pair: Pair, found: Difference, p_value: float, decision: Decision, together: float, rule: Rule
) -> PairDifference:
    first, second = (row.scores[name] for name in pair)
    how = "normal, paired over the real images" if found.paired else "normal"
    interval = Interval(
        *found.ends(rule.critical(decision.step_level)), decision.step_level, f"{how}, at the level of Holm's step"
    )
    simultaneous = Interval(*found.ends(rule.critical(together)), together, f"{how}, Bonferroni over all differences")
    better, needed, more_real = None, None, False
    if decision.decided:
        better = pair[0] if (found.value > 0) == first.higher_is_better else pair[1]
        words = better_words(row.name, pair, better, found.value, interval)
    else:
        needed, more_real = _needed(found, first, second, rule.single_look_level(decision.step_level))
        words = undecided_words(row.name, pair, found.value, interval, _counts(first, second), needed, more_real)
    return PairDifference(
        *pair,
        outcome="better" if better is not None else "undecided",
        verdict=words,
        difference=found.value,
        better=better,
        standard_error=found.standard_error,
        interval=interval,
        simultaneous=simultaneous,
        p_value=p_value,
        adjusted_p_value=decision.adjusted,
        paired=found.paired,
        needed=needed,
        more_real=more_real,
    )


def _unjudged(row: Row, pair: Pair, reason: str | None) -> PairDifference:
    first, second = (row.scores[name] for name in pair)
    if reason is None:
        return PairDifference(*pair, outcome="identical", verdict=identical_words(row.name, pair), difference=0.0)
    words = no_verdict_words(row.name, pair, (first.value, second.value), reason)
    return PairDifference(*pair, outcome="no-verdict", verdict=words, difference=first.estimate - second.estimate)


def _counts(first: Score, second: Score) -> tuple[int, ...]:
    return tuple(sorted({one.n_generated for one in (first, second) if one.n_generated is not None}))


def _needed(found: Difference, first: Score, second: Score, level: float) -> tuple[float, bool]:
    """Images a set that would tell a difference of this size, and whether it takes as many real ones."""
    counts = [one.n_generated for one in (first, second) if one.n_generated]
    if found.value == 0 or not counts:
        return math.inf, False
    # Exact where both vary alike.
    typical = round(len(counts) / sum(1 / count for count in counts))
    parts = VarianceParts(found.real_variance, found.generated_variance, first.n_real, typical)
    needed = images_to_tell(parts, found.value, level=level, power=DEFAULT_POWER)
    if math.isfinite(needed) or first.n_real is None:
        return needed, False
    return images_to_tell(parts, found.value, level=level, power=DEFAULT_POWER, more_real=True), True
