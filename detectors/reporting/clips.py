"""The verdict on a video on the console, as JSON of ``ganeval/clip-verdict@1``, and as an HTML page over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganeval.detectors.reporting.console import STYLES
from ganeval.detectors.reporting.documents import plain_values, verdict_document
from ganeval.detectors.reporting.pictures import thumbnail_uri
from ganeval.detectors.reporting.words import interval_text, probability_text, sentence
from ganeval.detectors.video import ClipVerdict, Moment
from ganeval.report.lines import Lines
from ganeval.report.page import render_page
from ganeval.version import __version__

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = "ganeval/clip-verdict@1"
_BAR = 20


def clip_document(clip: ClipVerdict) -> dict[str, Any]:
    """The verdict on a video as plain JSON values; each frame's is a ``ganeval/verdict@1``."""
    document: dict[str, Any] = plain_values(
        {
            "schema": SCHEMA,
            "path": clip.path,
            "verdict": clip.label,
            "probability": clip.probability,
            "low": clip.low,
            "high": clip.high,
            "level": clip.level,
            "reason": clip.reason,
            "limits": clip.limits,
            "video": {
                "codec": clip.codec,
                "width": clip.width,
                "height": clip.height,
                "duration": clip.duration,
            },
            "provenance": [one.as_dict() for one in clip.provenance],
            "stretches": [{"from": first, "to": last} for first, last in clip.stretches],
            "frames": [{"seconds": one.seconds, "verdict": verdict_document(one.verdict)} for one in clip.moments],
        }
    )
    return document


def render_clip(clip: ClipVerdict, console: Console) -> None:
    """Show the verdict on a video and those of its frames over time."""
    lines = Lines(console)
    console.print(lines.text(clip.path), soft_wrap=True)
    console.print(lines.text(f"{clip.label}: {_numbers(clip)}", STYLES.get(clip.label, "bold")), soft_wrap=True)
    lines.line("", sentence(clip.reason))
    console.print()
    table = lines.table()
    table.add_column("second", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("probability", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for one in clip.moments:
        cells = (
            f"{one.seconds:.2f}",
            one.verdict.label,
            probability_text(one.verdict.probability),
            "#" * round(_BAR * (one.verdict.probability or 0)),
            one.verdict.reason,
        )
        table.add_row(*(lines.text(cell) for cell in cells))
    lines.show(table)
    console.print()
    for said in clip.provenance:
        lines.line(said.detector, said.sentence)
    for first, last in clip.stretches:
        lines.line("stretch", f"from {first:.2f} s to {last:.2f} s frames are called generated or probably generated")
    length = "" if clip.duration is None else f", {clip.duration:.2f} s"
    lines.line("video", f"{clip.codec}, {clip.width} x {clip.height}{length}")
    lines.line("limits", sentence(clip.limits))


def clip_to_html(clip: ClipVerdict, command: str, path: str | None = None) -> str:
    """The verdict on a video as an HTML page, also written to `path` if given; raises `OutputError`."""
    context = {
        "clip": clip,
        "numbers": _numbers(clip),
        "reason": sentence(clip.reason),
        "limits": sentence(clip.limits),
        "moments": [_moment_view(one) for one in clip.moments],
        "command": command,
        "schema": SCHEMA,
        "version": __version__,
    }
    return render_page("clip.html.j2", context, path, package="ganeval.detectors.reporting")


def _moment_view(one: Moment) -> dict[str, Any]:
    return {
        "seconds": f"{one.seconds:.2f}",
        "verdict": one.verdict,
        "probability": probability_text(one.verdict.probability),
        "uri": thumbnail_uri(one.thumbnail),
    }


def _numbers(clip: ClipVerdict) -> str:
    if clip.probability is None:
        return "no detector could speak"
    interval = interval_text(clip.low, clip.high, clip.level)
    median = f"median probability over frames {probability_text(clip.probability)}"
    return f"{median}, {interval}" if interval else median
