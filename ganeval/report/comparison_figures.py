"""Figures of a comparison as SVG text for the page itself: intervals as bars, and metrics against numbers of images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from ganeval.report.comparison import Curve, MetricComparison, PairDifference
from ganeval.report.digits import count_text, number_text

#: How many colours of the style sheet there are for sets: ``--set-0`` and on; further sets begin anew, dashed.
COLOURS = 6
_WIDTH = 520
_LEFT, _RIGHT = 136, 20
_ROW, _FOOT = 30, 34
_CURVE_HEIGHT = 260
_LABEL_LETTERS = 20


def interval_svg(metric: MetricComparison) -> str:
    """One bar a set: the interval, a dot at the estimate and, where it lies elsewhere, a ring at the plug-in value."""
    ends: list[float] = []
    for score in metric.scores.values():
        ends += [score.value, score.estimate]
        if score.interval is not None:
            ends += [score.interval.low, score.interval.high]
    scale, ticks = _scale(ends, _LEFT, _WIDTH - _RIGHT)
    parts = [_axis(scale, ticks, len(metric.scores) * _ROW)]
    for row, (name, score) in enumerate(metric.scores.items()):
        y = row * _ROW + _ROW / 2
        colour = f"var(--set-{row % COLOURS})"
        parts.append(_row_label(name, y))
        if score.interval is not None and _finite(score.interval.low, score.interval.high):
            parts.append(_bar(scale(score.interval.low), scale(score.interval.high), y, colour))
        if _finite(score.value) and score.corrected is not None:
            parts.append(_dot(scale(score.value), y, "none", colour))
        if _finite(score.estimate):
            parts.append(_dot(scale(score.estimate), y, colour, colour))
    return _svg(parts, len(metric.scores) * _ROW + _FOOT)


def difference_svg(differences: Sequence[PairDifference]) -> str | None:
    """One bar a pair: the interval of the difference against zero, with the simultaneous one as a thin line."""
    shown = [one for one in differences if one.interval is not None and one.simultaneous is not None]
    if not shown:
        return None
    ends = [0.0]
    for one in shown:
        for interval in (one.interval, one.simultaneous):
            if interval is not None:
                ends += [interval.low, interval.high]
    scale, ticks = _scale(ends, _LEFT, _WIDTH - _RIGHT)
    height = len(shown) * _ROW
    parts = [_axis(scale, ticks, height)]
    zero = scale(0.0)
    parts.append(
        f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{height}" stroke="var(--muted)" stroke-width="1.4"/>'
    )
    for row, one in enumerate(shown):
        y = row * _ROW + _ROW / 2
        colour = "var(--accent)" if one.outcome == "better" else "var(--muted)"
        parts.append(_row_label(f"{one.first} − {one.second}", y))
        if one.interval is not None and one.simultaneous is not None:
            low, high = scale(one.simultaneous.low), scale(one.simultaneous.high)
            parts.append(
                f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="1.4"/>'
            )
            parts.append(_bar(scale(one.interval.low), scale(one.interval.high), y, colour))
        parts.append(_dot(scale(one.difference), y, colour, colour))
    return _svg(parts, height + _FOOT)


def curve_svg(curves: Sequence[Curve], colours: dict[str, int]) -> str | None:
    """The metric against the number of generated images, one colour a set: plug-in dashed with rings, corrected solid.

    Parameters
    ----------
    curves
        Of one metric.
    colours
        Name of the set to its number.
    """
    values = [v for curve in curves for v in (*curve.values, *curve.corrected) if v is not None and math.isfinite(v)]
    counts = sorted({count for curve in curves for count in curve.counts})
    if not values or len(counts) < 2:
        return None
    x = _logarithmic(counts[0], counts[-1], _LEFT / 2, _WIDTH - _RIGHT)
    y, ticks = _scale(values, _CURVE_HEIGHT, 12)
    parts: list[str] = []
    left, right = _LEFT / 2, _WIDTH - _RIGHT
    for tick in ticks:
        level, shown = y(tick), escape(_tick_text(tick, ticks))
        parts.append(f'<line x1="{left}" x2="{right}" y1="{level:.1f}" y2="{level:.1f}" stroke="var(--line)"/>')
        parts.append(f'<text x="{left - 8}" y="{level + 4:.1f}" text-anchor="end">{shown}</text>')
    for count in _spaced(counts, x):
        parts.append(
            f'<text x="{x(count):.1f}" y="{_CURVE_HEIGHT + 22}" text-anchor="middle">{count_text(count)}</text>'
        )
    for curve in curves:
        number = colours.get(curve.name, 0)
        colour = f"var(--set-{number % COLOURS})"
        parts.append(_line(curve.counts, curve.values, x, y, colour, dashed=True))
        parts.append(_line(curve.counts, curve.corrected, x, y, colour, dashed=False))
    return _svg(parts, _CURVE_HEIGHT + _FOOT)


def _line(
    counts: Sequence[int],
    values: Sequence[float | None],
    x: Callable[[float], float],
    y: Callable[[float], float],
    colour: str,
    *,
    dashed: bool,
) -> str:
    points = [(x(n), y(v)) for n, v in zip(counts, values, strict=True) if v is not None and math.isfinite(v)]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    fill = "var(--card)" if dashed else colour
    dots = "".join(_dot(a, b, fill, colour) for a, b in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>{dots}'


def _svg(parts: Sequence[str], height: float) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:g}" aria-hidden="true" focusable="false" font-size="13" '
        f'fill="var(--muted)">{"".join(parts)}</svg>'
    )


def _axis(scale: Callable[[float], float], ticks: Sequence[float], height: float) -> str:
    return "".join(
        f'<line x1="{scale(tick):.1f}" x2="{scale(tick):.1f}" y1="0" y2="{height}" stroke="var(--line)"/>'
        f'<text x="{scale(tick):.1f}" y="{height + 20}" text-anchor="middle">{escape(_tick_text(tick, ticks))}</text>'
        for tick in ticks
    )


def _dot(x: float, y: float, fill: str, stroke: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{stroke}" stroke-width="1.6"/>'


def _row_label(name: str, y: float) -> str:
    shown = name if len(name) <= _LABEL_LETTERS else f"{name[: _LABEL_LETTERS - 1]}…"
    return f'<text x="{_LEFT - 12}" y="{y + 4.5}" text-anchor="end" fill="var(--ink)">{escape(shown)}</text>'


def _bar(low: float, high: float, y: float, colour: str) -> str:
    return (
        f'<rect x="{low:.1f}" y="{y - 5}" width="{max(high - low, 1.0):.1f}" height="10" rx="3" fill="{colour}" '
        f'opacity="0.35"/>'
    )


def _scale(values: Sequence[float], start: float, end: float) -> tuple[Callable[[float], float], list[float]]:
    """From values to positions between `start` and `end`, and round values for ticks."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    margin = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    low, high = low - margin, high + margin
    step = _round_step((high - low) / 5)
    first = math.ceil(low / step)
    ticks = [i * step for i in range(first, math.floor(high / step) + 1)]

    def place(value: float) -> float:
        return start + (value - low) / (high - low) * (end - start)

    return place, ticks


def _round_step(rough: float) -> float:
    unit = 10.0 ** math.floor(math.log10(rough))
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)


def _tick_text(tick: float, ticks: Sequence[float]) -> str:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(tick) or 1.0
    # Number_text shows two digits of an uncertainty: of ten steps, the step's own first digit.
    return number_text(tick, step * 10) if tick else "0"


def _logarithmic(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = math.log(high / low)

    def place(value: float) -> float:
        return start + 20 + math.log(value / low) / span * (end - start - 40)

    return place


def _spaced(counts: Sequence[int], x: Callable[[float], float]) -> list[int]:
    """Those of the counts whose labels don't run into each other, the largest first of all."""
    kept: list[int] = []
    for count in reversed(counts):
        if not kept or x(kept[-1]) - x(count) > 60:
            kept.append(count)
    return kept


def _finite(*values: float) -> bool:
    return all(map(math.isfinite, values))
