"""`compare`: several sets of generated images against the same real ones, and what of their differences is settled."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ganeval.comparing.curves import curves as make_curves
from ganeval.comparing.deciding import score_until_decided
from ganeval.comparing.from_reports import compare_reports, identical_notices
from ganeval.comparing.judging import Judgement, judge
from ganeval.comparing.set_names import distinct_names
from ganeval.comparing.set_scores import ScoredSets, identical_pairs, score_sets
from ganeval.errors import CompareError, OptionError, did_you_mean
from ganeval.metrics.naming import metrics_by_score
from ganeval.notices import Notice
from ganeval.report.comparison import ComparedSet, Comparison, Curve, Looks
from ganeval.report.report import Report
from ganeval.scoring.choice import choose_metrics
from ganeval.scoring.class_counts import notices_of_classes
from ganeval.scoring.evaluation import Evaluation, ExtractedSet, Settings
from ganeval.scoring.growth import MOST
from ganeval.scoring.pairing import notices_of_pairs
from ganeval.scoring.reporting import as_it_turned_out, make_run
from ganeval.scoring.sides import describe_side, notices_of_sides
from ganeval.scoring.suitability import sample_size_notices

METHOD = (
    "differences of corrected values; normal approximation from influence functions, paired over the shared real "
    "images; Holm's correction over all metrics and pairs"
)
#: The part of a run's time that curves of metrics against the number of images may take.
_CURVES_SHARE = 0.3


def compare(
    sets: Sequence[Any] | Mapping[str, Any],
    real: Any = None,
    *,
    names: Sequence[str] | None = None,
    metrics: str | Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    curves: bool = True,
    until_decided: bool = False,
    command: str | None = None,
    **settings: Any,
) -> Comparison:
    """Compare sets of generated images on the same real ones: which is better, on what, and is that settled?

    Every set goes through the same extractor and metrics. Scores whose value depends on the number of images
    (precision, recall, density, coverage and others that aren't corrected for it) are computed on equally many of each
    set, a random part of the larger ones.

    Parameters
    ----------
    sets
        At least two, each whatever `ganeval.open_source` takes; or a mapping from names to them. Or at least two
        reports or paths of their ``.json``, without `real`: see `ganeval.comparing.from_reports`.
    real
        Real images; None where the metrics need none.
    names
        One a set; by default they are made from the sets' own.
    metrics, options
        As in `ganeval.score`.
    curves
        Whether metrics are also computed on parts of the sets, for a plot against the number of images.
    until_decided
        Take random parts of the sets, more and more images, until every difference is settled or no image is left:
        see `ganeval.comparing.deciding`. Of a generator at most `count` images are drawn, 50,000 by default.
    command
        How the run is described; the call itself by default.
    **settings
        All others of `ganeval.score`: extractor, weights, seed, level, ... `level` is the probability that no verdict
        at all is false, whatever is the truth.

    Raises
    ------
    CompareError
        For fewer than two sets, or reports whose numbers aren't of one kind; says all that differs.
    GanevalError
        As `ganeval.score` raises it.

    Examples
    --------
    >>> import ganeval
    >>> found = ganeval.compare(["digits", "digits"], real="digits", extractor="pixels", metrics="kid", cache=False)
    >>> found["kid"].differences[0].outcome
    'identical'
    """
    began = time.perf_counter()
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    specs, names = _named_sets(sets, names)
    command = command or f"ganeval.compare(<{len(specs)} sets>, metrics={metrics!r})  # in {Path(sys.argv[0]).name}"
    if until_decided and settings.get("count") is None:
        settings["count"] = MOST
    chosen = _settings(settings)
    if all(_is_report(spec) for spec in specs):
        if real is not None:
            raise CompareError("reports bring their own real images", hint="Leave --real (real=) out.")
        if until_decided:
            raise CompareError("reports have no further images", hint="Leave --until-decided out, or give the images.")
        return compare_reports(specs, names=names, metrics=metrics, level=chosen.level, command=command)
    if any(_is_report(spec) for spec in specs):
        raise CompareError("reports and sets of images can't be mixed", hint="Give images only, or reports only.")
    evaluation = Evaluation(choose_metrics(metrics, options, with_real=real is not None), chosen)
    sources = [evaluation.open(spec) for spec in specs]
    by_name = dict(zip(distinct_names([source.name for source in sources], names), sources, strict=True))
    real_source = None if real is None else evaluation.open_real(real)
    for source in sources:
        evaluation.check_counts(source, real_source)
    if until_decided:
        decided = score_until_decided(evaluation, real_source, by_name)
        return report_comparison(
            evaluation,
            decided.real,
            decided.sets,
            decided.scored,
            decided.judgement,
            command=command,
            started=started,
            began=began,
            with_curves=curves,
            looks=decided.looks,
            notices=decided.notices,
        )
    real_set = None if real_source is None else evaluation.extract(real_source, "real")
    extracted = {
        name: evaluation.extract(source, "generated", label=f"generated: {name}") for name, source in by_name.items()
    }
    scored = score_sets(evaluation, real_set, extracted)
    judgement = judge(scored.rows, identical=identical_pairs(extracted), level=evaluation.level or 0.0)
    return report_comparison(
        evaluation,
        real_set,
        extracted,
        scored,
        judgement,
        command=command,
        started=started,
        began=began,
        with_curves=curves,
    )


def report_comparison(
    evaluation: Evaluation,
    real: ExtractedSet | None,
    sets: Mapping[str, ExtractedSet],
    scored: ScoredSets,
    judgement: Judgement,
    *,
    command: str,
    started: str,
    began: float,
    with_curves: bool,
    looks: Looks | None = None,
    notices: Sequence[Notice] = (),
) -> Comparison:
    """The comparison of sets that were scored and judged.

    Parameters
    ----------
    evaluation
        Metrics and settings.
    real, sets
        With their features.
    scored, judgement
        What came of them.
    command, started
        For the report.
    began
        `time.perf_counter()` when the work began.
    with_curves
        Whether there shall be curves.
    looks, notices
        Where more and more images were taken.
    """
    identical = identical_pairs(sets)
    made: tuple[Curve, ...] = ()
    if with_curves:
        budget = _CURVES_SHARE * (time.perf_counter() - began)
        made = make_curves(
            evaluation,
            None if real is None else real.features,
            {name: one.features for name, one in sets.items()},
            {row.name: row.scores for row in scored.rows},
            seconds=budget,
        )
    first = next(iter(sets.values()))
    run = make_run(evaluation, scored.first, command=command, started=started, seconds=time.perf_counter() - began)
    return Comparison(
        sets=tuple(ComparedSet(name, describe_side(one.source, one.extraction)) for name, one in sets.items()),
        metrics=judgement.metrics,
        extractor=as_it_turned_out(evaluation.network.info, first.features),
        real=None if real is None else describe_side(real.source, real.extraction),
        level=evaluation.level or 0.0,
        tested=judgement.tested,
        method=METHOD,
        run=replace(run, options={**run.options, "metrics": list(judgement.metrics)}),
        notices=(*_notices(evaluation, real, sets, scored), *identical_notices(identical), *notices),
        requested={name: full for name, full in scored.requested.items() if full in judgement.metrics},
        curves=made,
        looks=looks,
    )


def _notices(
    evaluation: Evaluation, real: ExtractedSet | None, sets: Mapping[str, ExtractedSet], scored: ScoredSets
) -> list[Notice]:
    """What was noticed, each once: with the set's name where it isn't true of all."""
    metrics = metrics_by_score((one.metric for one in evaluation.selection), evaluation.network.info.name)
    of_sets: dict[Notice, list[str]] = {}
    for name, one in sets.items():
        scores = [row.scores[name] for row in scored.rows if name in row.scores]
        for notice in (
            *scored.notices[name],
            *notices_of_sides(None if real is None else real.extraction, one.extraction),
            *notices_of_pairs(scores),
            *notices_of_classes(scores),
            *sample_size_notices(scores, one.features.pooled.shape[1], metrics),
        ):
            of_sets.setdefault(notice, []).append(name)
    common = [notice for notice, names in of_sets.items() if len(set(names)) == len(sets)]
    particular = [
        replace(notice, message=f"{', '.join(dict.fromkeys(names))}: {notice.message}")
        for notice, names in of_sets.items()
        if len(set(names)) < len(sets)
    ]
    return list(dict.fromkeys([*evaluation.notices, *common, *particular]))


def _named_sets(
    sets: Sequence[Any] | Mapping[str, Any], names: Sequence[str] | None
) -> tuple[list[Any], Sequence[str] | None]:
    if isinstance(sets, Mapping):
        if names is not None:
            raise OptionError("names were given twice: as keys of sets and as names")
        sets, names = list(sets.values()), list(sets)
    elif isinstance(sets, (str, Path)):
        sets = [sets]
    specs = list(sets)
    if len(specs) < 2:
        raise CompareError(
            f"at least two sets are needed for a comparison, not {len(specs)}", hint="ganeval compare A B --real DATA"
        )
    return specs, names


def _is_report(spec: Any) -> bool:
    return isinstance(spec, Report) or (isinstance(spec, (str, Path)) and str(spec).lower().endswith(".json"))


def _settings(given: Mapping[str, Any]) -> Settings:
    known = [field.name for field in fields(Settings)]
    for name in given:
        if name not in known:
            raise OptionError(f"compare has no option {name!r}", hint=did_you_mean(name, known))
    settings = Settings(**given)
    if settings.level is None:
        raise OptionError("a comparison needs intervals, so that level can't be None", hint="For example 0.95.")
    return settings
