"""Verdicts on the console: the verdict first, in plain words, then what it rests on and what it can't know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganeval.detectors.batch.row import Row
from ganeval.detectors.batch.running import Tally
from ganeval.detectors.reporting.words import (
    conditions_text,
    domain_text,
    headline,
    probability_text,
    says,
    score_text,
    sentence,
    signed,
)
from ganeval.detectors.verdict import LABELS, Verdict
from ganeval.report.lines import Lines
from ganeval.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {
    "generated": "bold red",
    "probably generated": "bold yellow",
    "inconclusive": "bold",
    "probably camera": "bold green",
}

#: How to read the table of detectors.
READING = (
    "log ratio: above 0 speaks for a generated picture, below 0 for a photograph (1 is 3 to one, 3 is 20 to one); "
    "weight: its part in the sum; domain: whether it was ever measured on such pictures"
)


def render_verdict(verdict: Verdict, console: Console, files: Sequence[str] = ()) -> None:
    """Show one verdict.

    Parameters
    ----------
    verdict
        What to show.
    console
        Where to.
    files
        What was written about it.
    """
    lines = Lines(console)
    console.print(lines.text(f"{verdict.path}"), soft_wrap=True)
    console.print(lines.text(headline(verdict), STYLES.get(verdict.label, "bold")), soft_wrap=not console.is_terminal)
    lines.line("", sentence(verdict.reason))
    console.print()
    table = lines.table()
    for name in ("detector", "says"):
        table.add_column(name, overflow="fold")
    for name in ("score", "log ratio", "weight"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("domain", no_wrap=True)
    table.add_column("what it saw", overflow="fold")
    for one in verdict.evidence:
        cells = (
            one.detector,
            says(one),
            score_text(one.score),
            signed(one.log_likelihood_ratio),
            "–" if one.abstains else f"{one.weight:.2g}",
            domain_text(one),
            one.sentence,
        )
        table.add_row(*(lines.text(cell) for cell in cells), style="dim" if one.abstains else "")
    lines.show(table)
    lines.line("", READING)
    console.print()
    lines.line("image", conditions_text(verdict))
    for one in verdict.evidence:
        for fact in one.facts:
            if fact.meaning:
                lines.line("found", f"{one.detector}: {fact.name} {fact.value!r}: {fact.meaning}")
    for what, why in verdict.not_checked:
        lines.line("unchecked", f"{what}: {why}")
    if verdict.limits:
        lines.line("limits", sentence(verdict.limits))
    lines.line("prior", f"{probability_text(verdict.prior)} of such images assumed generated before looking (--prior)")
    for file in files:
        lines.line("written", file)


def render_batch(tally: Tally, suspicious: Sequence[Row], errors: Sequence[Row], console: Console) -> None:
    """Show a batch: how many files got which verdict, the most suspicious, and what couldn't be examined.

    Parameters
    ----------
    tally
        Counts.
    suspicious
        Rows to show, the highest probability first.
    errors
        Some of the rows with an error.
    """
    lines = Lines(console)
    parts = [f"{tally.labels[label]:,} {label}" for label in LABELS if tally.labels[label]]
    if tally.errors:
        parts.append(f"{tally.errors:,} with an error")
    kept = f", of which {tally.kept:,} from the earlier run" if tally.kept else ""
    lines.line("", f"{counted(tally.total, 'file')}{kept}: {', '.join(parts) or 'none'}")
    if suspicious:
        table = lines.table()
        table.add_column("most suspicious", overflow="fold")
        table.add_column("verdict", no_wrap=True)
        table.add_column("probability", justify="right", no_wrap=True)
        table.add_column("reason", overflow="fold")
        for row in suspicious:
            interval = (
                f" ({probability_text(float(row.low))} to {probability_text(float(row.high))})" if row.low else ""
            )
            shown = probability_text(float(row.probability)) if row.probability else "unknown"
            cells = (row.path, row.verdict, f"{shown}{interval}", row.reason)
            table.add_row(*(lines.text(cell) for cell in cells))
        console.print()
        lines.show(table)
    if errors:
        console.print()
    for row in errors:
        lines.line("error", f"{row.path}: {row.error}")
    if tally.errors > len(errors):
        lines.line("error", f"and {tally.errors - len(errors):,} more")
    console.print()
    lines.line(
        "limits", "A verdict is evidence with a stated error rate, not proof; see each file's own: ganeval detect FILE."
    )
