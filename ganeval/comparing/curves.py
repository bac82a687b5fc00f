"""Metrics against the number of images: each on growing random parts of a set, as far as a budget of time goes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ganeval.comparing.counts import random_order, rows_of
from ganeval.errors import GanevalError
from ganeval.features.features import Features
from ganeval.metrics.naming import score_name
from ganeval.metrics.score import Score
from ganeval.metrics.selection import Selected
from ganeval.report.comparison import Curve
from ganeval.scoring.evaluation import Evaluation

#: Parts of a set, each within the next: 1/8, 1/4, 1/2.
_PARTS = (8, 4, 2)
#: A part costs at most about this much more than the one before.
_GROWTH = 2.5
_FEWEST = 16


def curves(
    evaluation: Evaluation,
    real: Features | None,
    sets: Mapping[str, Features],
    scores: Mapping[str, Mapping[str, Score]],
    *,
    seconds: float,
) -> tuple[Curve, ...]:
    """Curves of the scores that `Metric.curve` names; those for which there is no time end early, or are left out.

    Parameters
    ----------
    evaluation
        The metrics and the extractor.
    real
        Held fixed.
    sets
        Features by name.
    scores
        Full name of the score to name of the set to the score on the whole set, where the curve ends.
    seconds
        The budget.
    """
    began = time.perf_counter()
    made = []
    for selected in evaluation.selection:
        shown = [base for base in selected.scores if base in selected.metric.curve]
        for name, features in sets.items() if shown else ():
            left = seconds - (time.perf_counter() - began)
            parts = _on_parts(evaluation, selected, real, features, left)
            for base in shown:
                full = score_name(base, selected.metric, evaluation.network.info.name)
                whole = scores.get(full, {}).get(name)
                points = [*(one[base] for one in parts), *([] if whole is None else [whole])]
                # The whole set may have been cut to the number of images that all sets have.
                points = [p for i, p in enumerate(points) if i == 0 or _count(p) > _count(points[i - 1])]
                if len(points) > 1:
                    made.append(_curve(full, name, points))
    return tuple(made)


def _on_parts(
    evaluation: Evaluation, selected: Selected, real: Features | None, features: Features, seconds: float
) -> list[dict[str, Score]]:
    metric, options = selected.metric, evaluation.choice.options.get(selected.metric.name, {})
    rows = random_order(len(features), evaluation.settings.seed)
    found: list[dict[str, Score]] = []
    spent, last = 0.0, 0.0
    for part in _PARTS:
        count = len(features) // part
        if count < max(_FEWEST, metric.fewest(options)) or spent + _GROWTH * last > seconds:
            continue
        began = time.perf_counter()
        try:
            results = metric(
                real if metric.needs_real else None,
                rows_of(features, rows[:count]),
                seed=evaluation.settings.seed,
                level=evaluation.level,
                **options,
            )
        except GanevalError:
            # Too few for this metric after all: the curve begins later.
            continue
        last = time.perf_counter() - began
        spent += last
        found.append(dict(zip(metric.scores, results, strict=True)))
    return found


def _count(score: Score) -> int:
    return score.n_generated or 0


def _curve(metric: str, name: str, points: Sequence[Score]) -> Curve:
    return Curve(
        metric=metric,
        name=name,
        counts=tuple(map(_count, points)),
        values=tuple(float(point.value) for point in points),
        corrected=tuple(None if point.corrected is None else float(point.corrected) for point in points),
    )
