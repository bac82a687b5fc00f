"""The report as one self-contained HTML page: no script, no network, readable in print and on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ganeval.features.features import Preview
from ganeval.metrics.score import Score
from ganeval.report.diagnosis_view import diagnosis_view
from ganeval.report.digits import ScoreText, count_text, number_text, rate_text, score_text, seconds_text
from ganeval.report.drivers_view import drivers_view
from ganeval.report.explain import Explanation, explanation
from ganeval.report.extras_in_words import stopping_sentence
from ganeval.report.figures import preview_uri, projection_svg
from ganeval.report.footnotes import Footnotes, Marks
from ganeval.report.page import render_page
from ganeval.report.report import SCHEMA_NAME, Gallery, Report, Side
from ganeval.version import __version__
from ganeval.wording import counted

_CLASSES_SHOWN = 16
_COUNTS_SHOWN = 8
_SKIPPED_SHOWN = 200
_PIXELATED_BELOW = 97
_STAGES = {"decode": "decode", "resize": "resize", "network": "network", "store": "feature store"}


@dataclass(frozen=True)
class ScoreRow:
    """One score as the page shows it."""

    name: str
    score: Score
    text: ScoreText
    marks: Marks
    explanation: Explanation | None
    asked_as: str | None
    parameters: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Picture:
    """One preview as the page shows it."""

    id: str
    uri: str
    width: int
    height: int
    pixelated: bool


@dataclass(frozen=True)
class ClassBar:
    """Share of images of a class on each side, and each as a percentage of the longest bar shown."""

    name: str
    real: float | None
    generated: float | None
    real_width: float
    generated_width: float


@dataclass(frozen=True)
class SideView:
    """One side with its counts and times in words."""

    word: str
    side: Side
    pictures: tuple[Picture, ...]
    sizes: tuple[tuple[str, str], ...]
    formats: tuple[tuple[str, str], ...]
    modes: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]
    stages: tuple[tuple[str, str, float], ...]
    rate: str | None
    provenance: tuple[tuple[str, str], ...] = ()


def report_to_html(report: Report, path: str | Path | None = None) -> str:
    """The report as one HTML page that loads nothing: style, figures and pictures are inside.

    Names of files, classes and options are escaped; the page forbids scripts and requests by its own content security
    policy.

    Parameters
    ----------
    report
        What to show. Sections without data (no gallery, no logits, no real side) are left out.
    path
        Where to write it as well, atomically; None writes nothing.

    Raises
    ------
    OutputError
        It can't be written there.
    """
    return render_page("report.html.j2", _context(report), path)


def _context(report: Report) -> dict[str, Any]:
    gallery = report.gallery
    notes = Footnotes()
    on_axes = (gallery.projection_real, gallery.projection_generated)
    sides = [_side_view("generated", report.generated, gallery.generated)]
    if report.real is not None:
        sides.append(_side_view("real", report.real, gallery.real))
    return {
        "report": report,
        "rows": [_row(name, score, report.requested, notes) for name, score in report.scores.items()],
        "notes": notes.texts,
        "sides": sides,
        "has_pictures": any(view.pictures for view in sides),
        "reduced": any(max(p.width, p.height) >= _PIXELATED_BELOW for view in sides for p in view.pictures),
        "projection": projection_svg(*on_axes, gallery.projection_variance),
        "projection_alt": _projection_words(gallery),
        "has_projection_real": gallery.projection_real is not None and len(gallery.projection_real) > 0,
        "classes": class_bars(gallery),
        "class_total": len(gallery.class_names),
        "drivers": None if report.drivers is None else drivers_view(report.drivers),
        "diagnosis": None if report.diagnosis is None else diagnosis_view(report.diagnosis),
        "stopping_sentence": None if report.stopping is None else stopping_sentence(report.stopping),
        "options": _pairs(report.run.options),
        "started": _started(report.run.started),
        "warnings": sum(notice.severity == "warning" for notice in report.notices),
        "schema": SCHEMA_NAME,
        "version": __version__,
        "more_skipped": {view.word: max(0, len(view.side.skipped) - _SKIPPED_SHOWN) for view in sides},
    }


def _row(name: str, score: Score, requested: Mapping[str, str], notes: Footnotes) -> ScoreRow:
    asked = [short for short, full in requested.items() if full == name and short != name]
    details = {key: value for key, value in score.details.items() if key != "std"}
    text = score_text(score)
    return ScoreRow(
        name=name,
        score=score,
        text=text,
        marks=notes.marks(score, text),
        explanation=explanation(name),
        asked_as=", ".join(asked) or None,
        parameters=_pairs(score.parameters),
        details=_pairs(details),
    )


def _pairs(content: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(key), _value_text(value)) for key, value in content.items())


def _value_text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        # Parameters such as 0.05 as they were typed, measured numbers shortened.
        return f"{value:g}" if float(f"{value:g}") == value else number_text(float(value))
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_value_text(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_value_text, value)) or "none" if len(value) <= 6 else counted(value, "value")
    return str(value)


def _side_view(word: str, side: Side, previews: Sequence[Preview]) -> SideView:
    wall = side.stage_seconds.get("wall", 0.0)
    worked = {word: side.stage_seconds.get(key, 0.0) for key, word in _STAGES.items()}
    longest = max(worked.values(), default=0.0)
    return SideView(
        word=word,
        side=side,
        pictures=tuple(map(_picture, previews)),
        sizes=_counts(side.sizes),
        formats=_counts(side.formats),
        modes=_counts(side.modes),
        labels=_counts(side.labels),
        skipped=side.skipped[:_SKIPPED_SHOWN],
        stages=tuple((stage, seconds_text(s), 100 * s / longest) for stage, s in worked.items() if s > 0),
        rate=rate_text(side.extracted, wall),
        provenance=_pairs(side.provenance),
    )


def _counts(counts: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    listed = [(str(name).replace("x", " × ") if _is_size(name) else name, count) for name, count in counts.items()]
    shown = [(name, count_text(count)) for name, count in listed[:_COUNTS_SHOWN]]
    rest = listed[_COUNTS_SHOWN:]
    if rest:
        shown.append((counted(rest, "other"), count_text(sum(count for _, count in rest))))
    return tuple(shown)


def _is_size(name: str) -> bool:
    width, _, height = name.partition("x")
    return width.isdigit() and height.isdigit()


def _picture(preview: Preview) -> Picture:
    height, width = preview.pixels.shape[:2]
    return Picture(preview.id, preview_uri(preview), width, height, max(width, height) < _PIXELATED_BELOW)


def class_bars(gallery: Gallery) -> tuple[ClassBar, ...]:
    """The classes on which the two sides differ most, or the most frequent ones where there is one side only."""
    real, generated = gallery.histogram_real, gallery.histogram_generated
    if generated is None or len(generated) == 0:
        return ()
    weight = np.asarray(generated) if real is None else np.abs(np.asarray(real) - np.asarray(generated))
    order = [int(i) for i in np.argsort(-weight, kind="stable")[:_CLASSES_SHOWN] if weight[i] > 0]
    longest = max((max(generated[i], 0.0 if real is None else real[i]) for i in order), default=1.0)
    return tuple(
        ClassBar(
            name=gallery.class_names[i] if i < len(gallery.class_names) else str(i),
            real=None if real is None else float(real[i]),
            generated=float(generated[i]),
            real_width=0.0 if real is None else 100 * float(real[i]) / longest,
            generated_width=100 * float(generated[i]) / longest,
        )
        for i in order
    )


def _projection_words(gallery: Gallery) -> str:
    counts = [
        counted(points, f"{word} image")
        for word, points in (("real", gallery.projection_real), ("generated", gallery.projection_generated))
        if points is not None and len(points) > 0
    ]
    return f"Scatter plot of the features of {' and '.join(counts)} on their two common principal axes."


def _started(started: str) -> str:
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return started
    zone = f" {moment.tzname()}" if moment.tzinfo else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"
