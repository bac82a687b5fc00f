"""A comparison as JSON text of the schema ganeval/comparison@1, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganeval.report.comparison import (
    COMPARISON_SCHEMA_NAME,
    ComparedSet,
    Comparison,
    Curve,
    Looks,
    MetricComparison,
    PairDifference,
)
from ganeval.report.reading import (
    read_extractor,
    read_interval,
    read_notice,
    read_run,
    read_score,
    read_side,
)
from ganeval.report.section import Section, open_document
from ganeval.report.serialise import (
    json_run,
    json_score,
    json_section,
    json_side,
    json_text,
    plain_text,
    read_schema,
    report_schema,
)
from ganeval.uncertainty.ranking import Place
from ganeval.version import __version__

_NONE = type(None)


def comparison_to_dict(comparison: Comparison) -> dict[str, Any]:
    """The comparison as a dictionary of plain JSON values; numbers that aren't finite as in a report.

    Raises
    ------
    OutputError
        A parameter, detail or option has a type that JSON can't express; the message names it.
    """
    return {
        "schema": COMPARISON_SCHEMA_NAME,
        "ganeval": __version__,
        "sets": [
            {"name": plain_text(one.name), "side": json_section(json_side(one.side), f"set {one.name!r}")}
            for one in comparison.sets
        ],
        "metrics": {plain_text(name): _metric(metric) for name, metric in comparison.metrics.items()},
        "requested": {plain_text(name): plain_text(full) for name, full in comparison.requested.items()},
        "extractor": json_section(asdict(comparison.extractor), "extractor"),
        "real": None if comparison.real is None else json_section(json_side(comparison.real), "real side"),
        "level": float(comparison.level),
        "tested": int(comparison.tested),
        "method": plain_text(comparison.method),
        "run": json_section(json_run(comparison.run), "run"),
        "notices": [json_section(dict(notice.to_dict()), "notice") for notice in comparison.notices],
        "looks": None if comparison.looks is None else _looks(comparison.looks),
        "curves": [json_section(asdict(curve), f"curve of {curve.metric}") for curve in comparison.curves],
    }


def _looks(looks: Looks) -> dict[str, Any]:
    return json_section({"decided": looks.decided} | asdict(looks), "looks")


def comparison_to_json(comparison: Comparison, path: str | Path | None = None) -> str:
    """The comparison as JSON text in UTF-8 with a final newline, also written (atomically) to `path` if given.

    Raises
    ------
    OutputError
        It can't be written there, or holds something that JSON can't express.
    """
    return json_text(comparison_to_dict(comparison), path)


def comparison_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``ganeval/comparison@1``, whole in itself: a fresh dictionary each time.

    What it shares with reports (scores, sides, the extractor, the run) is taken from theirs.
    """
    schema = read_schema("comparison.schema.json")
    schema["$defs"] = report_schema()["$defs"] | schema["$defs"]
    return schema


def comparison_from_json(path_or_text: str | Path) -> Comparison:
    """The comparison that `comparison_to_json` wrote.

    Parameters
    ----------
    path_or_text
        A path, or the JSON text itself (text that begins with ``{``). Keys that this version doesn't know are ignored.

    Raises
    ------
    ReportError
        No such file, no JSON, another schema, or a key that is missing or of the wrong type; the message names it.
    """
    root = open_document(path_or_text, COMPARISON_SCHEMA_NAME)
    metrics = root.mapping("metrics")
    return Comparison(
        sets=tuple(
            ComparedSet(one.get("name", str), read_side(one.section("side"))) for one in _sections(root, "sets")
        ),
        metrics={name: _read_metric(name, Section(metrics[name], f"{root.where}: {name!r}")) for name in metrics},
        extractor=read_extractor(root.section("extractor")),
        real=None if root.get("real", dict, _NONE) is None else read_side(root.section("real")),
        level=root.number("level"),
        tested=root.get("tested", int),
        method=root.get("method", str),
        run=read_run(root.section("run")),
        notices=tuple(read_notice(one) for one in _sections(root, "notices")),
        requested=root.mapping("requested"),
        looks=_read_looks(root.section("looks")) if "looks" in root else None,
        curves=tuple(
            Curve(
                metric=one.get("metric", str),
                name=one.get("name", str),
                counts=tuple(one.get("counts", list)),
                values=tuple(one.get("values", list)),
                corrected=tuple(one.get("corrected", list)),
            )
            for one in _sections(root, "curves")
        ),
    )


def _read_looks(section: Section) -> Looks:
    return Looks(*(tuple(section.get(key, list)) for key in ("planned", "taken", "open_differences")))


def _metric(metric: MetricComparison) -> Mapping[str, Any]:
    where = f"metric {metric.name!r}"
    return {
        "higher_is_better": bool(metric.higher_is_better),
        "scores": {plain_text(name): json_section(json_score(score), where) for name, score in metric.scores.items()},
        "differences": [json_section(asdict(one), where) for one in metric.differences],
        "ranking": [asdict(place) for place in metric.ranking],
        "remark": plain_text(metric.remark),
    }


def _sections(parent: Section, key: str) -> list[Section]:
    return [Section(entry, f"{parent.where}: {key}[{i}]") for i, entry in enumerate(parent.get(key, list))]


def _read_metric(name: str, section: Section) -> MetricComparison:
    scores = section.mapping("scores")
    return MetricComparison(
        name=name,
        higher_is_better=section.get("higher_is_better", bool),
        scores={one: read_score(name, Section(scores[one], f"{section.where}: {one!r}")) for one in scores},
        differences=tuple(_read_difference(one) for one in _sections(section, "differences")),
        ranking=tuple(
            Place(one.get("name", str), one.get("best", int), one.get("worst", int))
            for one in _sections(section, "ranking")
        ),
        remark=section.get("remark", str),
    )


def _read_difference(section: Section) -> PairDifference:
    def number(key: str) -> float | None:
        return section.number(key) if key in section else None

    return PairDifference(
        first=section.get("first", str),
        second=section.get("second", str),
        outcome=section.get("outcome", str),
        verdict=section.get("verdict", str),
        difference=section.number("difference"),
        better=section.get("better", str, _NONE),
        standard_error=number("standard_error"),
        interval=read_interval(section.section("interval")) if "interval" in section else None,
        simultaneous=read_interval(section.section("simultaneous")) if "simultaneous" in section else None,
        p_value=number("p_value"),
        adjusted_p_value=number("adjusted_p_value"),
        paired=section.get("paired", bool),
        needed=number("needed"),
        more_real=section.get("more_real", bool),
    )
