"""The report on a console: a table of the scores, then what one has to know to read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ganeval.metrics.score import Score
from ganeval.report.diagnosis_console import write_diagnosis
from ganeval.report.digits import ScoreText, count_text, rate_text, score_text, seconds_text
from ganeval.report.extras_in_words import extra_lines
from ganeval.report.lines import Lines, extractor_words
from ganeval.report.report import Report, Side
from ganeval.wording import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def render_report(report: Report, console: Console) -> None:
    """Print the report's scores, notices and provenance.

    On a terminal, lines are wrapped to its width; elsewhere each notice and sentence is one line, for grep and logs.
    Where the console's encoding isn't a Unicode one, everything is ASCII. Control characters in names are shown as
    escapes, never sent to the terminal.
    """
    _Writer(report, console).write()


class _Writer:
    def __init__(self, report: Report, console: Console) -> None:
        self.report = report
        self.lines = Lines(console)
        self.texts = {name: score_text(score) for name, score in report.scores.items()}
        self.apart: list[str] = []

    def write(self) -> None:
        self.lines.line("", self._heading(), "bold")
        if self.report.diagnosis is not None:
            write_diagnosis(self.report.diagnosis, self.lines)
        self._print_table()
        for line in (*self.apart, *self._spreads()):
            self.lines.line("", line, style="dim")
        self.lines.notices(self.report.notices)
        for label, line in extra_lines(self.report):
            self.lines.line(label, line, "bold")
        self.lines.line("compare", self.report.comparable, "bold")
        self.lines.line("extractor", extractor_words(self.report.extractor), "bold")
        self.lines.line("time", self._time(), "bold")

    def _print_table(self) -> None:
        def too_wide(table: Table) -> bool:
            return self.lines.console.is_terminal and self.lines.natural_width(table) > self.lines.console.width

        table = self._table()
        if too_wide(table):
            table = self._table(short_names=True)
            if too_wide(table):
                # The heading has the numbers of images; the few that are others follow in words.
                table = self._table(short_names=True, counts=False)
                self.apart = list(self._other_counts())
        self.lines.show(table)

    def _table(self, *, short_names: bool = False, counts: bool = True) -> Table:
        table = self.lines.table()
        table.add_column("Score", overflow="fold")
        table.add_column("Value", justify="right", no_wrap=True)
        for title in self._uncertainty_columns():
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("Better", no_wrap=True)
        if counts:
            table.add_column("N real", justify="right", no_wrap=True)
            table.add_column("N gen.", justify="right", no_wrap=True)
        for name, score in self.report.scores.items():
            shown = self._in_two_lines(name) if short_names else self.lines.text(name)
            numbers = (score.n_real, score.n_generated) if counts else ()
            cells = (self.lines.text("" if number is None else count_text(number)) for number in numbers)
            table.add_row(shown, *self._cells(score, self.texts[name]), *cells)
        return table

    def _other_counts(self) -> Iterator[str]:
        """Which scores rest on other numbers of images than the sets have."""
        real = None if self.report.real is None else self.report.real.count
        meanings: dict[str, list[str]] = {}
        for name, score in self.report.scores.items():
            sides = ((score.n_generated, self.report.generated.count, "generated"), (score.n_real, real, "real"))
            if any(number not in (None, whole) for number, whole, _ in sides):
                *first, last = ((n, side) for n, _, side in sides if n is not None)
                told = " and ".join(
                    [*(f"{count_text(n)} {side}" for n, side in first), counted(last[0], f"{last[1]} image")]
                )
                meanings.setdefault(f"on {told}", []).append(name)
        for meaning, names in meanings.items():
            yield f"{meaning}: {', '.join(names)}"

    def _in_two_lines(self, name: str) -> Text:
        ending = f"_{self.report.extractor.name}"
        if not name.endswith(ending):
            return self.lines.text(name)
        return self.lines.text(name.removesuffix(ending)).append("\n").append(self.lines.text(ending))

    def _uncertainty_columns(self) -> list[str]:
        """Titles of the columns that at least one score fills."""
        columns = []
        if any(text.corrected is not None for text in self.texts.values()):
            columns.append("Corrected")
        if any(text.interval is not None for text in self.texts.values()):
            columns.append("Interval")
        return columns

    def _cells(self, score: Score, text: ScoreText) -> Iterator[Text]:
        yield self.lines.text(text.value if text.spread is None else f"{text.value} ± {text.spread}", "bold")
        cells = {
            "Corrected": text.corrected or "",
            "Interval": "" if text.interval is None else f"[{text.interval[0]}, {text.interval[1]}]",
        }
        for title in self._uncertainty_columns():
            yield self.lines.text(cells[title])
        yield self.lines.text(self.lines.direction(score.higher_is_better))

    def _heading(self) -> str:
        generated, real = self.report.generated, self.report.real
        heading = f"{generated.source} ({generated.images_in_words})"
        return heading if real is None else f"{heading} against {real.source} ({real.images_in_words})"

    def _spreads(self) -> Iterator[str]:
        meanings: dict[str, list[str]] = {}
        for name, text in self.texts.items():
            if text.spread_of is not None:
                meanings.setdefault(f"± is the {text.spread_of}", []).append(name)
            if text.interval_of is not None:
                meanings.setdefault(f"interval: {text.interval_of}", []).append(name)
            reason = self.report.scores[name].no_interval_reason
            if reason is not None:
                meanings.setdefault(f"no interval: {reason}", []).append(name)
        if any(text.corrected is not None for text in self.texts.values()):
            yield (
                "value: as others compute it, for comparison with their numbers; corrected: without the bias of a "
                "finite sample, and what the interval is for"
            )
        for meaning, names in meanings.items():
            yield f"{meaning} ({', '.join(names)})"

    def _time(self) -> str:
        run = self.report.run
        sides = [("generated", self.report.generated), ("real", self.report.real)]
        rates = [f"{word}: {_speed(side)}" for word, side in sides if side is not None]
        return f"{seconds_text(run.seconds)} on {run.device} ({'; '.join(rates)})"


def _speed(side: Side) -> str:
    rate = rate_text(side.extracted, side.stage_seconds.get("wall", 0.0))
    stored = f"{count_text(side.from_store)} from the store" if side.from_store else None
    return ", ".join(part for part in (rate, stored) if part) or side.images_in_words
