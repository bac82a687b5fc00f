"""Verdicts as self-contained HTML pages: an evidence sheet of one picture, and the table of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganeval.detectors.batch.ranking import Ranked
from ganeval.detectors.batch.row import Row
from ganeval.detectors.batch.running import Tally
from ganeval.detectors.evidence import Evidence
from ganeval.detectors.reporting.documents import BATCH_SCHEMA
from ganeval.detectors.reporting.words import (
    conditions_text,
    domain_text,
    headline,
    interval_text,
    probability_text,
    says,
    score_text,
    sentence,
    signed,
)
from ganeval.detectors.verdict import LABELS, SCHEMA, Verdict
from ganeval.report.page import render_page
from ganeval.version import __version__

_PACKAGE = "ganeval.detectors.reporting"
#: Rows and errors that a batch's page shows.
SHOWN_ROWS = 200
SHOWN_ERRORS = 200


@dataclass(frozen=True)
class Exhibit:
    """A picture on the evidence sheet.

    Parameters
    ----------
    title
        In a few words.
    caption
        What one sees on it, as a sentence.
    png
        The picture's file.
    name
        Of a file for it, without suffix.
    """

    title: str
    caption: str
    png: bytes
    name: str

    @property
    def uri(self) -> str:
        """As a ``data:`` URI."""
        import base64

        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


def sheet_to_html(verdict: Verdict, command: str, exhibits: Sequence[Exhibit] = (), path: str | None = None) -> str:
    """The evidence sheet of one picture as an HTML page, also written to `path` if given; raises `OutputError`."""
    context = {
        "verdict": verdict,
        "numbers": headline(verdict).partition(": ")[2],
        "reason": sentence(verdict.reason),
        "limits": sentence(verdict.limits) or "It is a statement of probability, not proof.",
        "conditions": conditions_text(verdict),
        "prior": probability_text(verdict.prior),
        "evidence": [_evidence_view(one) for one in verdict.evidence],
        "exhibits": exhibits,
        "command": command,
        "schema": SCHEMA,
        "version": __version__,
    }
    return render_page("sheet.html.j2", context, path, package=_PACKAGE)


def batch_to_html(
    tally: Tally, shown: Ranked, pictures: Mapping[int, str], command: str, path: str | None = None
) -> str:
    """The table of a batch as an HTML page, also written to `path` if given; raises `OutputError`.

    Parameters
    ----------
    tally
        Counts of all files.
    shown
        The rows to show.
    pictures
        Position of a file to its thumbnail as a ``data:`` URI, where there is one.
    command
        How to repeat it.
    """
    rows = [
        _row_view(row, pictures.get(position, ""))
        for position, row in zip(shown.positions, shown.suspicious, strict=True)
    ]
    context = {
        "tally": tally,
        "counts": [(label, tally.labels[label]) for label in LABELS if tally.labels[label]],
        "rows": rows,
        "hidden": tally.labels.total() - len(rows),
        "errors": shown.errors,
        "command": command,
        "schema": BATCH_SCHEMA,
        "version": __version__,
    }
    return render_page("verdicts.html.j2", context, path, package=_PACKAGE)


def _evidence_view(one: Evidence) -> dict[str, Any]:
    return {
        "detector": one.detector,
        "says": says(one),
        "score": score_text(one.score),
        "ratio": signed(one.log_likelihood_ratio),
        "weight": "–" if one.abstains else f"{one.weight:.2g}",
        "domain": domain_text(one),
        "sentence": one.sentence,
        "facts": one.facts,
        "abstains": one.abstains,
    }


def _row_view(row: Row, uri: str) -> dict[str, Any]:
    value, low, high = (float(text) if text else None for text in (row.probability, row.low, row.high))
    facts = [row.format, f"{row.width} × {row.height}"] + ([f"quality {row.quality}"] if row.quality else [])
    return {
        "row": row,
        "uri": uri,
        "facts": ", ".join(facts),
        "value": value,
        "low": low,
        "high": high,
        "probability": probability_text(value),
        "interval": interval_text(low, high, 0.95).partition("interval ")[2],
    }
