"""A comparison on a console: every set's scores, then what of their differences is settled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ganeval.metrics.score import Score
from ganeval.report.comparison import Comparison, Looks
from ganeval.report.digits import count_text, score_text, seconds_text
from ganeval.report.lines import Lines, extractor_words
from ganeval.wording import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLES = {"better": "bold green", "undecided": "yellow", "identical": "dim", "no-verdict": "dim"}
_WORDS = {"better": "settled", "undecided": "open", "identical": "same", "no-verdict": "none"}


def render_comparison(comparison: Comparison, console: Console) -> None:
    """Print scores, verdicts, rankings, notices and how differences were judged.

    Each verdict and notice is one line where there is no terminal; where the console's encoding isn't a Unicode one,
    everything is ASCII. Control characters in names are shown as escapes.
    """
    _Writer(comparison, console).write()


class _Writer:
    def __init__(self, comparison: Comparison, console: Console) -> None:
        self.comparison = comparison
        self.lines = Lines(console)

    def write(self) -> None:
        comparison = self.comparison
        self.lines.line("", self._heading(), "bold")
        self._print_table()
        for line in self._remarks():
            self.lines.line("", line, "dim")
        for metric in self.comparison.metrics.values():
            for one in metric.differences:
                self.lines.line(_WORDS[one.outcome], one.verdict, _STYLES[one.outcome])
        for label, content in self._rankings():
            self.lines.line(label, content, "bold")
        self.lines.notices(self.comparison.notices)
        if comparison.looks is not None:
            self.lines.line("looks", looks_words(comparison.looks), "bold")
        self.lines.line("method", self._method(), "bold")
        self.lines.line("extractor", extractor_words(self.comparison.extractor), "bold")
        self.lines.line("time", f"{seconds_text(self.comparison.run.seconds)} on {self.comparison.run.device}", "bold")

    def _print_table(self) -> None:
        table = self._table(short_names=False)
        if self.lines.console.is_terminal and self.lines.natural_width(table) > self.lines.console.width:
            table = self._table(short_names=True)
        self.lines.show(table)

    def _table(self, *, short_names: bool) -> Table:
        table = self.lines.table()
        columns = self._columns()
        table.add_column("Score", overflow="fold")
        table.add_column("Set", overflow="fold")
        for title in columns:
            table.add_column(title, justify="right", no_wrap=True)
        for metric in self.comparison.metrics.values():
            places = {place.name: place.text for place in metric.ranking}
            parts = self._two_parts(metric.name) if short_names else [metric.name]
            for row, (name, score) in enumerate(metric.scores.items()):
                cells = self._cells(score, columns, places.get(name, ""))
                last = row == len(metric.scores) - 1
                shown = self.lines.text(parts[row], "bold") if row < len(parts) else ""
                table.add_row(shown, self.lines.text(name), *map(self.lines.text, cells), end_section=last)
        return table

    def _two_parts(self, name: str) -> list[str]:
        """The metric's name and, for the row below, the extractor's."""
        ending = f"_{self.comparison.extractor.name}"
        return [name.removesuffix(ending), ending] if name.endswith(ending) else [name]

    def _columns(self) -> list[str]:
        """Titles of the columns that at least one score fills."""
        scores = [score for metric in self.comparison.metrics.values() for score in metric.scores.values()]
        corrected = ["Corrected"] if any(score.corrected is not None for score in scores) else []
        intervals = ["Interval"] if any(score.interval is not None for score in scores) else []
        return ["Value", *corrected, *intervals, "N gen.", "Better", "Place"]

    def _cells(self, score: Score, columns: list[str], place: str) -> Iterator[str]:
        text = score_text(score)
        shown = {
            "Value": text.value,
            "Corrected": text.corrected or "",
            "Interval": "" if text.interval is None else f"[{text.interval[0]}, {text.interval[1]}]",
            "N gen.": "" if score.n_generated is None else count_text(score.n_generated),
            "Better": self.lines.direction(score.higher_is_better),
            "Place": place,
        }
        return (shown[title] for title in columns)

    def _remarks(self) -> Iterator[str]:
        found: dict[str, list[str]] = {}
        for metric in self.comparison.metrics.values():
            if metric.remark:
                found.setdefault(metric.remark, []).append(metric.name)
        return (f"{', '.join(names)}: {remark}" for remark, names in found.items())

    def _rankings(self) -> Iterator[tuple[str, str]]:
        if len(self.comparison.sets) < 3:
            return
        for metric in self.comparison.metrics.values():
            if metric.ranking:
                listed = ", ".join(f"{place.text}. {place.name}" for place in metric.ranking)
                yield "ranking", f"{metric.name}: {listed}"

    def _heading(self) -> str:
        names = ", ".join(f"{one.name} ({count_text(one.side.count)})" for one in self.comparison.sets)
        real = self.comparison.real
        return names if real is None else f"{names} against {real.source} ({real.images_in_words})"

    def _method(self) -> str:
        comparison = self.comparison
        return (
            f"{comparison.method}; with {comparison.level * 100:g}% probability none of the verdicts on "
            f"{counted(comparison.tested, 'difference')} is false"
        )


def looks_words(looks: Looks) -> str:
    """Where the run stopped, and what was open on the way."""
    taken = ", ".join(
        f"{count_text(size)} ({number} open)" for size, number in zip(looks.taken, looks.open_differences, strict=True)
    )
    ended = "until all was settled" if looks.decided else f"{_still_open(looks)} with the last"
    return f"images a set, {ended}: {taken}; the verdicts hold for {counted(looks.planned, 'planned look')}"


def open_words(looks: Looks) -> str:
    """What wasn't settled, for a comparison that ran out of images."""
    return f"{_still_open(looks)} with all images"


def _still_open(looks: Looks) -> str:
    return counted(looks.open_differences[-1], "difference is still open", "differences are still open")
