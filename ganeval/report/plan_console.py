"""A plan on a console: what can be told with the images at hand, and how many it takes for what was asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ganeval.report.digits import count_text, number_text
from ganeval.report.lines import Lines
from ganeval.report.plan import MetricPlan, Plan
from ganeval.uncertainty.power import about

if TYPE_CHECKING:
    from rich.console import Console


def render_plan(plan: Plan, console: Console) -> None:
    """Print a sentence or two a score; a line each, for grep and logs too."""
    lines = Lines(console)
    told = f"{plan.source}: what can be told, at level {plan.level:g} and with power {plan.power:g}"
    lines.line("", told, "bold")
    for metric in plan.metrics.values():
        lines.line("", "")
        lines.line("", _heading(metric), "bold")
        for line in _lines(metric):
            lines.line("", f"  {line}")
    lines.line("", "")
    lines.line(
        "", "same real images: both generators scored on them, where what they do to both scores alike cancels", "dim"
    )
    lines.line("", "each part of the variance is taken to fall as 1/N, for generators that vary like this one", "dim")


def _heading(metric: MetricPlan) -> str:
    counts = "" if metric.n_generated is None else f", {count_text(metric.n_generated)} generated"
    if metric.n_real is not None:
        counts += f" against {count_text(metric.n_real)} real"
    return f"{metric.name} = {number_text(metric.value, metric.half_width)}{counts}"


def _lines(metric: MetricPlan) -> list[str]:
    lines = []
    if metric.detectable is not None and metric.detectable_unpaired is not None and metric.half_width is not None:
        apart = "" if metric.n_real is None else f", {_size(metric.detectable_unpaired)} on real images of their own"
        same = "" if metric.n_real is None else " on the same real images"
        lines.append(
            f"at hand: two generators can be told apart from a difference of {_size(metric.detectable)}{same}{apart}"
        )
        lines.append(f"at hand: the interval is ±{_size(metric.half_width)}")
    if metric.difference is not None:
        lines += _needs(metric, metric.difference)
    if metric.reason is not None:
        lines.append(f"nothing can be said: {metric.reason}" if not lines else metric.reason)
    return lines


def _needs(metric: MetricPlan, difference: float) -> list[str]:
    shown = _size(difference)
    if metric.n_real is None:
        return [
            f"to tell a difference of {shown}: {_images(metric.needed)} a set",
            f"for an interval of ±{shown}: {_images(metric.needed_for_half_width)}",
        ]
    return [
        f"to tell a difference of {shown}: {_images(metric.needed)} a set on the same real images; "
        f"{_images(metric.needed_unpaired)} a set and as many real ones for each, on real images of their own",
        f"for an interval of ±{shown}: {_images(metric.needed_for_half_width)} against the {count_text(metric.n_real)} "
        f"real ones, or {_images(metric.needed_for_half_width_both)} a side",
    ]


def _images(count: float | None) -> str:
    if count is None:
        return "an unknown number of images"
    return f"{about(count)} images" if math.isfinite(count) else "no number of images is enough"


def _size(value: float) -> str:
    return number_text(value, value)
