"""Stop when it is decided: more and more images of every set, until all differences are settled.

The looks are planned before the first image is read (`ganeval.uncertainty.sequential`), and every p-value is the
probability that two equal sets stray so far apart at any of them. Holm's correction over metrics and pairs then works
on these as on any p-values, so that a comparison may stop when it likes and its verdicts keep their level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ganeval.comparing.counts import metric_of
from ganeval.comparing.judging import Judgement, judge
from ganeval.comparing.set_scores import ScoredSets, identical_pairs, score_sets
from ganeval.errors import NotEnoughImagesError, OptionError
from ganeval.images.source import ImageSource
from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.report.comparison import Looks
from ganeval.scoring.evaluation import Evaluation, ExtractedSet
from ganeval.scoring.growth import GrowingSet, WholeSet, growing_real, looks_between
from ganeval.uncertainty.differences import Rule
from ganeval.uncertainty.sequential import planned_sizes
from ganeval.wording import counted


@dataclass(frozen=True)
class Decided:
    """Where a run ended: the sets, their scores, what of their differences is settled, and how it came there."""

    real: ExtractedSet | None
    sets: dict[str, ExtractedSet]
    scored: ScoredSets
    judgement: Judgement
    looks: Looks
    notices: tuple[Notice, ...]


def score_until_decided(
    evaluation: Evaluation, real: ImageSource | None, sources: Mapping[str, ImageSource]
) -> Decided:
    """Extract and score growing random parts of the sets until every difference is settled or no image is left.

    Metrics that offer no interval are shown as they are at the end, and aren't waited for.

    Raises
    ------
    OptionError
        For metrics that need a set as a whole, or sets of videos.
    GanevalError
        As extraction and metrics raise them; what was extracted is in the store.
    """
    whole = [one.metric.name for one in evaluation.selection if one.metric.needs_whole_set]
    if whole:
        raise OptionError(
            f"until decided: {', '.join(whole)} need the sets as a whole, not random parts of them",
            hint="Leave --until-decided out, or name other metrics.",
        )
    growing = {
        name: GrowingSet(evaluation, source, "generated", label=f"generated: {name}")
        for name, source in sources.items()
    }
    real_side = None if real is None else growing_real(evaluation, real)
    every_set = [*growing.values(), *([] if real_side is None else [real_side])]
    sizes = planned_sizes(*looks_between(evaluation, (one.metric for one in evaluation.selection), every_set))
    rule, level = Rule(sizes), evaluation.level or 0.0
    taken: list[int] = []
    still_open: list[int] = []
    for size in sizes:
        sets = {name: one.upto(size) for name, one in growing.items()}
        real_set = None if real_side is None else real_side.upto(size)
        last = size == sizes[-1] or all(one.exhausted for one in every_set)
        try:
            scored = score_sets(evaluation, real_set, sets, level=rule.single_look_level(level))
        except NotEnoughImagesError:
            if last:
                raise
            continue
        judgement = judge(scored.rows, identical=identical_pairs(sets), level=level, rule=rule)
        taken.append(size)
        still_open.append(_open(judgement, evaluation))
        if last or still_open[-1] == 0:
            rows = [replace(row, scores=_relabelled(row.scores, rule, level)) for row in scored.rows]
            return Decided(
                real_set,
                sets,
                replace(scored, rows=rows),
                judge(rows, identical=identical_pairs(sets), level=level, rule=rule),
                Looks(tuple(sizes), tuple(taken), tuple(still_open)),
                _notices(every_set, still_open[-1]),
            )
    raise AssertionError("the last look ends the run")


def _open(judgement: Judgement, evaluation: Evaluation) -> int:
    """How many differences may yet be settled: those undecided, and those whose intervals come with more images."""
    name = evaluation.network.info.name
    waited_for = [one.metric for one in evaluation.selection if one.metric.has_interval]
    bases = {base for metric in waited_for for base in metric.scores}
    count = 0
    for metric in judgement.metrics.values():
        known = metric_of(metric.name, name)
        may_come = known is not None and known[1] in bases
        count += sum(
            one.outcome == "undecided" or (one.outcome == "no-verdict" and may_come) for one in metric.differences
        )
    return count


def _relabelled(scores: Mapping[str, Score], rule: Rule, level: float) -> dict[str, Score]:
    """The scores with the level that their intervals have at all looks together."""
    if len(rule.sizes) < 2:
        return dict(scores)
    holds = f"holds at all {len(rule.sizes)} planned looks together"
    return {
        name: score
        if score.interval is None
        else replace(score, interval=replace(score.interval, level=level, method=f"{score.interval.method}; {holds}"))
        for name, score in scores.items()
    }


def _notices(sets: Sequence[GrowingSet | WholeSet], still_open: int) -> tuple[Notice, ...]:
    found = list(dict.fromkeys(notice for one in sets for notice in one.notices))
    if still_open:
        found.append(
            Notice(
                "until-not-decided",
                f"{counted(still_open, 'difference is', 'differences are')} still open with all images",
                "The verdicts say how many images a difference of that size would need.",
            )
        )
    return tuple(found)
