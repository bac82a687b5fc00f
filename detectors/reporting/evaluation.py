"""An evaluation on the console and as JSON of the schema ``ganeval/detection-evaluation@1``."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ganeval.detectors.evaluating.evaluation import Evaluation, errors_in_words
from ganeval.detectors.evaluating.measures import Measure
from ganeval.detectors.reporting.documents import plain_values
from ganeval.report.lines import Lines

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = "ganeval/detection-evaluation@1"


def evaluation_document(evaluation: Evaluation, command: str) -> dict[str, Any]:
    """The evaluation as plain JSON values; measures that can't be computed are null."""
    document: dict[str, Any] = plain_values({"schema": SCHEMA, "command": command, **asdict(evaluation)})
    return document


def render_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Show an evaluation: per generator and condition, the real side, calibration, and what to beware of."""
    lines = Lines(console)
    level = f"{100 * evaluation.level:g} %"
    counts = ", ".join(f"{name} {count:,}" for name, count in evaluation.generated_counts.items())
    lines.line("images", f"{evaluation.real_count:,} real; generated: {counts}")
    lines.line("reading", f"intervals at {level}; detected, alarms: called generated (generated or probably generated)")
    if evaluation.match:
        _, side, quality = evaluation.match.split(":")
        lines.line("matched", f"both sides cut to {side} x {side} at a random place and compressed as JPEG {quality}")
    console.print()
    table = lines.table()
    for name in ("condition", "generator"):
        table.add_column(name, overflow="fold")
    for name in ("AUC", "AP", "detected", "inconclusive"):
        table.add_column(name, justify="right")
    for one in evaluation.outcomes:
        table.add_row(
            lines.text(one.condition),
            lines.text(one.generator),
            lines.text(_plain(one.auc)),
            lines.text(_plain(one.average_precision)),
            lines.text(f"{_percent(one.detected)} ({_share(one.detected_wide)})"),
            lines.text(_undecided(one.inconclusive, one.unjudged)),
        )
    lines.show(table)
    console.print()
    table = lines.table()
    for name in ("condition", "real images"):
        table.add_column(name, overflow="fold")
    for name in ("count", "false alarms", "inconclusive", "camera"):
        table.add_column(name, justify="right")
    for real in evaluation.real_outcomes:
        table.add_row(
            lines.text(real.condition),
            lines.text(f"{real.by}: {real.group}" if real.group else "all"),
            f"{real.false_alarms.count:,}",
            lines.text(f"{_percent(real.false_alarms)} ({_share(real.false_alarms_wide)})"),
            lines.text(_undecided(real.inconclusive, real.unjudged)),
            lines.text(_share(real.camera)),
        )
    lines.show(table)
    console.print()
    for found in evaluation.calibration:
        unspoken = f"; {found.unspoken:,} images without a probability left out" if found.unspoken else ""
        lines.line(
            "calibrated",
            f"{found.condition}: expected calibration error {_plain(found.error)}, Brier score {_plain(found.brier)}"
            f"{unspoken}",
        )
    _render_detectors(evaluation, lines)
    for difference in evaluation.differences:
        advice = (
            "matched, but a different past, such as an earlier compression, remains"
            if evaluation.match
            else ("whatever tells files apart by that looks like a perfect detector; pass --match")
        )
        lines.line("note" if evaluation.match else "warning", f"{difference}: {advice}", "bold yellow")
    problem = errors_in_words(evaluation.errors)
    if problem:
        lines.line("warning", problem, "bold yellow")


def _render_detectors(evaluation: Evaluation, lines: Lines) -> None:
    first = evaluation.outcomes[0]
    for one in evaluation.outcomes:
        if one.generator == first.generator and one.detectors:
            shown = ", ".join(f"{name} {_plain(measure)}" for name, measure in one.detectors.items())
            lines.line("detectors", f"AUC of raw scores, {one.condition}: {shown}")


def _plain(measure: Measure) -> str:
    if math.isnan(measure.value):
        return "none"
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def _percent(measure: Measure) -> str:
    return "none" if math.isnan(measure.value) else f"{100 * measure.value:.1f} %"


def _undecided(inconclusive: Measure, unjudged: Measure) -> str:
    """Not judged, such as pictures that are too small, is another thing than undecided."""
    return _share(inconclusive) + (f", {_percent(unjudged)} not judged" if unjudged.value > 0 else "")


def _share(measure: Measure) -> str:
    if math.isnan(measure.value):
        return "none"
    return f"{100 * measure.value:.1f} % [{100 * measure.low:.0f}, {100 * measure.high:.0f}]"
