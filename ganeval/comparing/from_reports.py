"""Compares reports that were written before: their numbers alone, without the images."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from ganeval.comparing.compatibility import require_comparable, without_common_metric
from ganeval.comparing.counts import depends_on_count, metric_of
from ganeval.comparing.judging import Pair, Row, judge
from ganeval.comparing.set_names import distinct_names
from ganeval.errors import CompareError, MetricError, OptionError, did_you_mean
from ganeval.metrics.score import Score
from ganeval.metrics.selection import select_metrics
from ganeval.notices import Notice
from ganeval.report.comparison import ComparedSet, Comparison
from ganeval.report.reading import report_from_json
from ganeval.report.report import Report, Run
from ganeval.scoring.provenance import platform_in_words, versions
from ganeval.uncertainty.influence import StandardError
from ganeval.uncertainty.interval import DEFAULT_LEVEL, critical_value, require_level

METHOD = (
    "differences of corrected values; normal approximation from each score's standard error, as if every score had "
    "real images of its own: wider than need be, since all share theirs (give the images for narrower ones); Holm's "
    "correction over all metrics and pairs"
)


def compare_reports(
    reports: Sequence[Report | str | Path],
    *,
    names: Sequence[str] | None = None,
    metrics: str | Sequence[str] | None = None,
    level: float | None = DEFAULT_LEVEL,
    command: str = "",
) -> Comparison:
    """The comparison that the reports' numbers allow.

    Parameters
    ----------
    reports
        At least two, or paths of their JSON.
    names
        One for each; by default the names of the sets that were scored.
    metrics
        Those to compare; by default all that the reports share.
    level
        Of all decisions together.
    command
        How the run is described.

    Raises
    ------
    CompareError
        If the numbers aren't of one kind, or have no metric in common; says all that differs.
    ReportError
        If a file is no report.
    """
    level = require_level(level)
    if level is None:
        raise OptionError("a comparison needs intervals, so that level can't be None", hint="For example 0.95.")
    began, started = time.perf_counter(), datetime.now().astimezone().isoformat(timespec="seconds")
    read = [one if isinstance(one, Report) else report_from_json(Path(one)) for one in reports]
    chosen_names = distinct_names([report.generated.source for report in read], names)
    by_name = dict(zip(chosen_names, read, strict=True))
    common = [name for name in read[0].scores if all(name in report.scores for report in read[1:])]
    if not common:
        raise without_common_metric(by_name)
    chosen = _chosen(common, metrics, read)
    notices = [*require_comparable(by_name, chosen), *_left_out(by_name, common, asked=metrics is not None)]
    identical = _identical(by_name)
    rows = [_row(name, by_name) for name in chosen]
    judgement = judge(rows, identical=identical, level=level)
    first = read[0]
    return Comparison(
        sets=tuple(ComparedSet(name, report.generated) for name, report in by_name.items()),
        metrics=judgement.metrics,
        extractor=first.extractor,
        real=first.real,
        level=level,
        tested=judgement.tested,
        method=METHOD,
        run=Run(
            command=command,
            seed=first.run.seed,
            started=started,
            seconds=time.perf_counter() - began,
            device=first.run.device,
            batch_size=first.run.batch_size,
            versions=versions(),
            platform=platform_in_words(),
            options={"from_reports": True, "level": level, "commands": [report.run.command for report in read]},
        ),
        notices=(*notices, *identical_notices(identical)),
        requested={name: full for name, full in first.requested.items() if full in judgement.metrics},
    )


def identical_notices(identical: Sequence[Pair]) -> list[Notice]:
    """For sets that hold the same images."""
    return [
        Notice(
            "identical-sets",
            f"{first} and {second} hold the same images",
            "Their difference is 0 by construction; give independent samples to compare two models.",
        )
        for first, second in identical
    ]


def _chosen(common: Sequence[str], metrics: str | Sequence[str] | None, reports: Sequence[Report]) -> list[str]:
    if metrics is None:
        return list(common)
    asked = [metrics] if isinstance(metrics, str) else list(metrics)
    wanted: list[str] = []
    for word in (part.strip() for one in asked for part in one.split(",")):
        wanted += _full_names(word, common, reports[0])
    return [name for name in common if name in wanted]


def _full_names(word: str, common: Sequence[str], report: Report) -> list[str]:
    if word in common:
        return [word]
    if report.requested.get(word) in common:
        return [report.requested[word]]
    try:
        selected = {base for one in select_metrics([word]) for base in one.scores}
    except MetricError:
        selected = set()
    found = [name for name in common if (metric_of(name, report.extractor.name) or (None, ""))[1] in selected]
    if not found:
        raise CompareError(f"the reports have no score {word!r} in common", hint=did_you_mean(word, common))
    return found


def _left_out(reports: Mapping[str, Report], common: Sequence[str], *, asked: bool) -> list[Notice]:
    some = dict.fromkeys(name for report in reports.values() for name in report.scores if name not in common)
    if asked or not some:
        return []
    return [
        Notice(
            "not-in-all",
            f"{', '.join(some)} left out: not all reports have {'it' if len(some) == 1 else 'them'}",
            severity="info",
        ),
    ]


def _identical(reports: Mapping[str, Report]) -> list[Pair]:
    return [
        (first, second)
        for first, second in combinations(reports, 2)
        if reports[first].generated.fingerprint is not None
        and reports[first].generated.fingerprint == reports[second].generated.fingerprint
    ]


def _row(name: str, reports: Mapping[str, Report]) -> Row:
    scores = {one: _as_if_looked_at_once(report.scores[name], report) for one, report in reports.items()}
    extractor = next(iter(reports.values())).extractor.name
    obstacles = {
        pair: reason for pair in combinations(scores, 2) if (reason := _obstacle(name, extractor, scores, pair))
    }
    return Row(name, scores, same_real=True, obstacles=obstacles)


def _as_if_looked_at_once(score: Score, report: Report) -> Score:
    """The score with a standard error that makes up for the looks of a run that stopped when it was enough."""
    if report.stopping is None or score.standard_error is None:
        return score
    factor = report.stopping.critical / critical_value(report.stopping.level)
    error = score.standard_error
    return replace(
        score, standard_error=StandardError(error.real * factor, error.generated * factor, error.other * factor)
    )


def _obstacle(name: str, extractor: str, scores: Mapping[str, Score], pair: Pair) -> str | None:
    counts: list[Any] = [scores[one].n_generated for one in pair]
    known = metric_of(name, extractor)
    if counts[0] == counts[1] or not any(
        depends_on_count(None if known is None else known[0], scores[one]) for one in pair
    ):
        return None
    return (
        f"its value depends on the number of images, and {pair[0]} has {counts[0]:,}, {pair[1]} {counts[1]:,} "
        "(score as many of each, or give the images, which are then cut to one number)"
    )
