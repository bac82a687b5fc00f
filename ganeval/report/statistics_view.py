"""What a file of statistics holds, on a console and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ganeval.report.lines import Lines, extractor_words
from ganeval.report.serialise import json_text
from ganeval.statistics.statistics import Statistics
from ganeval.wording import counted

if TYPE_CHECKING:
    from rich.console import Console


def render_statistics(statistics: Statistics, console: Console) -> None:
    """Print what the statistics are of and what they have, a line a matter."""
    lines = Lines(console)
    images = "an unknown number of images" if statistics.count is None else counted(statistics.count, "image")
    where = statistics.path or "statistics"
    lines.line("", f"{where}: statistics of {images}", "bold")
    if statistics.kind and statistics.source != statistics.path:
        lines.line("images", f"{statistics.source} ({statistics.kind})", "bold")
    lines.line("extractor", _extractor(statistics), "bold")
    lines.line("moments", f"mean and covariance of {counted(statistics.dimension, 'feature dimension')}", "bold")
    lines.line("features", _features(statistics), "bold")
    lines.line("labels", _labels(statistics), "bold")
    lines.line("content", statistics.content or "", "bold")
    lines.line("written by", "" if statistics.version is None else f"ganeval {statistics.version}", "bold")
    lines.notices(statistics.notices)


def _extractor(statistics: Statistics) -> str:
    if statistics.extractor is None:
        return f"not said (a file of {statistics.form})"
    return extractor_words(statistics.extractor)


def _features(statistics: Statistics) -> str:
    if statistics.kept is None:
        return "none of single images"
    if statistics.whole:
        return "of all images"
    return f"of {counted(statistics.kept_count, 'image')}, drawn at random"


def _labels(statistics: Statistics) -> str:
    return counted(statistics.labels, "class", "classes") if statistics.labels else ""


def statistics_to_json(statistics: Statistics, path: str | Path | None = None) -> str:
    """All but the arrays as JSON text, also written (atomically) to `path` if given; raises `OutputError`."""
    return json_text(statistics.to_dict(), path)
