"""A comparison as one self-contained HTML page: no script, no network, in the look of the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganeval.metrics.score import Score
from ganeval.report.comparison import COMPARISON_SCHEMA_NAME, Comparison, MetricComparison, PairDifference
from ganeval.report.comparison_console import looks_words
from ganeval.report.comparison_figures import COLOURS, curve_svg, difference_svg, interval_svg
from ganeval.report.digits import ScoreText, number_text, score_text
from ganeval.report.explain import Explanation, explanation
from ganeval.report.page import render_page
from ganeval.version import __version__


@dataclass(frozen=True)
class SetRow:
    """One set's score as the page shows it; `number` is that of its colour."""

    name: str
    number: int
    score: Score
    text: ScoreText
    place: str


@dataclass(frozen=True)
class MetricView:
    """One metric as the page shows it."""

    metric: MetricComparison
    explanation: Explanation | None
    rows: tuple[SetRow, ...]
    intervals: str
    differences: str | None
    curve: str | None


def comparison_to_html(comparison: Comparison, path: str | Path | None = None) -> str:
    """The comparison as one HTML page that loads nothing: style and figures are inside.

    Names of sets and files are escaped; the page forbids scripts and requests by its own content security policy.

    Parameters
    ----------
    comparison
        What to show.
    path
        Where to write it as well, atomically; None writes nothing.

    Raises
    ------
    OutputError
        It can't be written there.
    """
    return render_page("comparison.html.j2", _context(comparison), path)


def _context(comparison: Comparison) -> dict[str, Any]:
    numbers = {one.name: i for i, one in enumerate(comparison.sets)}
    return {
        "comparison": comparison,
        "numbers": numbers,
        "colours": COLOURS,
        "views": [_view(comparison, metric, numbers) for metric in comparison.metrics.values()],
        "p_value": _p_value,
        "looks": None if comparison.looks is None else looks_words(comparison.looks),
        "warnings": sum(notice.severity == "warning" for notice in comparison.notices),
        "schema": COMPARISON_SCHEMA_NAME,
        "version": __version__,
        "settled": _count(comparison, "better"),
        "total": sum(len(metric.differences) for metric in comparison.metrics.values()),
    }


def _count(comparison: Comparison, outcome: str) -> int:
    return sum(one.outcome == outcome for metric in comparison.metrics.values() for one in metric.differences)


def _view(comparison: Comparison, metric: MetricComparison, numbers: dict[str, int]) -> MetricView:
    places = {place.name: place.text for place in metric.ranking}
    curves = [curve for curve in comparison.curves if curve.metric == metric.name]
    return MetricView(
        metric=metric,
        explanation=explanation(metric.name),
        rows=tuple(
            SetRow(name, numbers[name], score, score_text(score), places.get(name, ""))
            for name, score in metric.scores.items()
        ),
        intervals=interval_svg(metric),
        differences=difference_svg(metric.differences),
        curve=curve_svg(curves, numbers),
    )


def _p_value(one: PairDifference) -> str:
    if one.adjusted_p_value is None:
        return ""
    return "p < 0.001" if one.adjusted_p_value < 1e-3 else f"p = {number_text(one.adjusted_p_value, 0.01)}"
