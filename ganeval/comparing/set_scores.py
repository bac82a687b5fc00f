"""Scores of several sets on equal terms: the same metrics, and as many images of each where their number matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from ganeval.comparing.counts import can_be_cut, depends_on_count, metric_of, random_order, rows_of
from ganeval.comparing.judging import Pair, Row
from ganeval.notices import Notice
from ganeval.scoring.evaluation import Evaluation, ExtractedSet, Scored


@dataclass(frozen=True)
class ScoredSets:
    """Scores of all sets by metric, and what was said on the way."""

    rows: list[Row]
    requested: dict[str, str]
    notices: dict[str, tuple[Notice, ...]]
    first: Scored


def score_sets(
    evaluation: Evaluation,
    real: ExtractedSet | None,
    sets: Mapping[str, ExtractedSet],
    *,
    level: float | None = None,
) -> ScoredSets:
    """Scores of all sets, those that depend on the number of images on as many of each.

    Parameters
    ----------
    evaluation
        Metrics and settings.
    real, sets
        With their features.
    level
        Of each score's own interval; None takes the settings'.

    Raises
    ------
    MetricError
        If a metric that the user named can't be computed, or none can.
    """
    fewest = min(len(one.features) for one in sets.values())
    unequal = any(len(one.features) != fewest for one in sets.values())
    metrics = [one.metric for one in evaluation.selection]
    # Those of which it is known beforehand that they have to be cut are computed once.
    at_once = {metric.name for metric in metrics if not (unequal and metric.by_count)}
    whole = (
        {name: evaluation.compute(real, one, level=level, only=at_once) for name, one in sets.items()}
        if at_once
        else {}
    )
    cut: dict[str, Scored] = {}
    if unequal:
        again = {metric.name for metric in metrics} - at_once
        for scored in whole.values():
            again |= _to_be_cut(scored, evaluation.network.info.name)
        if again:
            seed = evaluation.settings.seed
            cut = {
                name: evaluation.compute(real, _cut(one, fewest, seed), level=level, only=again)
                for name, one in sets.items()
            }
    merged = {name: {**(whole[name].scores if whole else {}), **(cut[name].scores if cut else {})} for name in sets}
    full = dict.fromkeys(score for one in merged.values() for score in one)
    rows = [
        _row(
            score,
            {name: merged[name][score] for name in sets if score in merged[name]},
            extractor=evaluation.network.info.name,
            cut_to=fewest if any(score in one.scores for one in cut.values()) else None,
        )
        for score in _in_order(full, metrics, evaluation.network.info.name)
        if sum(score in merged[name] for name in sets) > 1
    ]
    runs = [*whole.values(), *cut.values()]
    return ScoredSets(
        rows,
        {name: score for one in runs for name, score in one.requested.items()},
        {
            name: tuple(dict.fromkeys(n for part in (whole, cut) if name in part for n in part[name].notices))
            for name in sets
        },
        runs[0],
    )


def _to_be_cut(scored: Scored, extractor: str) -> set[str]:
    found = ((metric_of(name, extractor), score) for name, score in scored.scores.items())
    return {
        known[0].name
        for known, score in found
        if known is not None and can_be_cut(known[0]) and depends_on_count(known[0], score)
    }


def _cut(one: ExtractedSet, count: int, seed: int) -> ExtractedSet:
    if len(one.features) == count:
        return one
    return replace(one, features=rows_of(one.features, random_order(len(one.features), seed)[:count]))


def _in_order(scores: Mapping[str, Any], metrics: Sequence[Any], extractor: str) -> list[str]:
    """Scores in the order in which their metrics were chosen."""
    place = {metric.name: i for i, metric in enumerate(metrics)}

    def rank(score: str) -> int:
        known = metric_of(score, extractor)
        return len(place) if known is None else place.get(known[0].name, len(place))

    return sorted(scores, key=rank)


def _row(name: str, scores: Mapping[str, Any], *, extractor: str, cut_to: int | None) -> Row:
    remark, obstacles = "", {}
    known = metric_of(name, extractor)
    counts = {one: score.n_generated for one, score in scores.items()}
    if cut_to is not None:
        remark = f"on {cut_to:,} images of each set, a random part of the larger ones: it depends on their number"
    else:
        obstacles = {
            pair: f"it depends on the number of images, and the sets have {counts[pair[0]]:,} and {counts[pair[1]]:,}"
            for pair in combinations(scores, 2)
            if counts[pair[0]] != counts[pair[1]]
            and any(depends_on_count(None if known is None else known[0], scores[one]) for one in pair)
        }
    return Row(name, scores, obstacles=obstacles, remark=remark)


def identical_pairs(sets: Mapping[str, ExtractedSet]) -> list[Pair]:
    """Pairs of sets that hold the same images, by fingerprint or by features."""
    return [(first, second) for first, second in combinations(sets, 2) if _same_images(sets[first], sets[second])]


def _same_images(first: ExtractedSet, second: ExtractedSet) -> bool:
    prints = (first.features.fingerprint, second.features.fingerprint)
    if None not in prints and prints[0] == prints[1]:
        return True
    return np.array_equal(first.features.pooled, second.features.pooled)
