"""The rows of the simulation as markdown, and their place in the document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from coverage_simulation.summary import Row
from ganeval.metrics.registry import METRICS

BEGIN = "<!-- written by benchmarks/coverage.py: begin -->"
END = "<!-- written by benchmarks/coverage.py: end -->"

_HEAD = (
    "| distributions | N real × generated | truth | bias of the value | bias of the estimate | sd | mean se "
    "| half-width | contains the truth | misses below / above | seconds |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def markdown(rows: Sequence[Row]) -> str:
    """A section a score with a table of its cases."""
    sections = []
    for (metric, score), group in groupby(rows, key=lambda row: (row.metric, row.score)):
        of_score = list(group)
        lines = [_line(row) for row in of_score]
        title = f"### `{score}`" + ("" if score == metric else f" (of `{metric}`)")
        about = f"{METRICS.get(metric).title}. Truth: {_join(row.truth_how for row in of_score)}."
        refused = sorted({row.refusal for row in of_score if row.refusal})
        notes = [f"Where it is refused: {reason}." for reason in refused]
        sections.append("\n".join([title, "", " ".join([about, *notes]), "", _HEAD, *lines]))
    return "\n\n".join(sections)


def write_into(document: Path, rows: Sequence[Row]) -> None:
    """Put the tables between the document's two marks; raises ValueError if it hasn't got them."""
    text = document.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{document} must hold each of the two lines once: {BEGIN} and {END}")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    document.write_text(f"{before}{BEGIN}\n\n{markdown(rows)}\n\n{END}{after}", encoding="utf-8")


def _line(row: Row) -> str:
    options = "".join(f", {name}={value}" for name, value in row.parameters.items())
    decay = f", p={row.decay:g}" if row.decay else ""
    cells = [
        f"{row.family}, D={row.dimension}{decay}, {row.distance}{options}",
        f"{row.n_real:,} × {row.n_generated:,}",
        _number(row.truth),
        _number(row.bias_value),
        _number(row.bias_estimate),
        _number(row.spread),
        _number(row.error),
        _number(row.half_width),
        _coverage(row),
        f"{row.below} / {row.above}" if row.offered else "",
        _number(row.seconds),
    ]
    return "| " + " | ".join(cells) + " |"


def _coverage(row: Row) -> str:
    if row.coverage is None:
        return "refused"
    of = f" of {row.offered}" if row.offered == row.replicates else f" of {row.offered} offered in {row.replicates}"
    mark = {"low": " **too rarely**", "wide": " (wide)"}.get(row.verdict, "")
    return f"{100 * row.coverage:.1f} %{of}{mark}"


def _number(value: float | None) -> str:
    """Three significant digits, without an exponent where a reader can do without."""
    if value is None:
        return ""
    if value != value:
        return "–"
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e6 else text.replace("-", "−")


def _join(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
