"""The report on a console: a table of the scores, then what one has to know to read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ganeval.metrics.score import Score
from ganeval.report.digits import ScoreText, count_text, rate_text, score_text, seconds_text
from ganeval.report.extras_in_words import extra_lines
from ganeval.report.report import Report, Side

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


_UNLIMITED = 1000


class _Writer:
    def __init__(self, report: Report, console: Console) -> None:
        self.report = report
        self.console = console
        self.unicode = (console.encoding or "ascii").lower().startswith("utf")
        self.texts = {name: score_text(score) for name, score in report.scores.items()}
        self.apart: list[str] = []

    def write(self) -> None:
        self._line("", self._heading(), "bold")
        self._print_table()
        for line in (*self.apart, *self._spreads()):
            self._line("", line, style="dim")
        for notice in self.report.notices:
            style = "bold yellow" if notice.severity == "warning" else "cyan"
            self._line(notice.severity, f"{_sentence(notice.message)} {notice.effect}".strip(), style)
        for label, line in extra_lines(self.report):
            self._line(label, line, "bold")
        self._line("compare", self.report.comparable, "bold")
        self._line("extractor", self._extractor(), "bold")
        self._line("time", self._time(), "bold")

    def text(self, content: str, style: str = "") -> Text:
        from rich.text import Text

        return Text(self._safe(content), style=style)

    def _safe(self, content: str) -> str:
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in content)
        if self.unicode:
            return shown
        for sign, word in (("±", "+/-"), ("…", "..."), ("·", "-"), ("–", "-"), ("×", "x"), ("é", "e"), ("’", "'")):
            shown = shown.replace(sign, word)
        return shown.encode("ascii", "backslashreplace").decode("ascii")

    def _print_table(self) -> None:
        from rich.measure import Measurement

        unlimited = self.console.options.update(width=_UNLIMITED)

        def natural(table: Table) -> int:
            return Measurement.get(self.console, unlimited, table).maximum

        table = self._table()
        if not self.console.is_terminal:
            # A file or pipe has no width: names stay whole, so that they can be searched for.
            table.width = natural(table)
        elif natural(table) > self.console.width:
            table = self._table(short_names=True)
            if natural(table) > self.console.width:
                # The heading has the numbers of images; the few that are others follow in words.
                table = self._table(short_names=True, counts=False)
                self.apart = list(self._other_counts())
        self.console.print(table, crop=self.console.is_terminal)

    def _table(self, *, short_names: bool = False, counts: bool = True) -> Table:
        from rich import box
        from rich.table import Table

        ascii_box = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
        style = box.SIMPLE_HEAD if self.unicode else ascii_box
        table = Table(box=style, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        table.add_column("Score", overflow="fold")
        table.add_column("Value", justify="right", no_wrap=True)
        for title in self._uncertainty_columns():
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("Better", no_wrap=True)
        if counts:
            table.add_column("N real", justify="right", no_wrap=True)
            table.add_column("N gen.", justify="right", no_wrap=True)
        for name, score in self.report.scores.items():
            shown = self._in_two_lines(name) if short_names else self.text(name)
            numbers = (score.n_real, score.n_generated) if counts else ()
            cells = (self.text("" if number is None else count_text(number)) for number in numbers)
            table.add_row(shown, *self._cells(score, self.texts[name]), *cells)
        return table

    def _other_counts(self) -> Iterator[str]:
        """Which scores rest on other numbers of images than the sets have."""
        real = None if self.report.real is None else self.report.real.count
        meanings: dict[str, list[str]] = {}
        for name, score in self.report.scores.items():
            sides = ((score.n_generated, self.report.generated.count, "generated"), (score.n_real, real, "real"))
            if any(number not in (None, whole) for number, whole, _ in sides):
                told = " and ".join(f"{count_text(n)} {side}" for n, _, side in sides if n is not None)
                meanings.setdefault(f"on {told} images", []).append(name)
        for meaning, names in meanings.items():
            yield f"{meaning}: {', '.join(names)}"

    def _in_two_lines(self, name: str) -> Text:
        ending = f"_{self.report.extractor.name}"
        if not name.endswith(ending):
            return self.text(name)
        return self.text(name.removesuffix(ending)).append("\n").append(self.text(ending))

    def _uncertainty_columns(self) -> list[str]:
        """Titles of the columns that at least one score fills."""
        columns = []
        if any(text.corrected is not None for text in self.texts.values()):
            columns.append("Corrected")
        if any(text.interval is not None for text in self.texts.values()):
            columns.append("Interval")
        return columns

    def _cells(self, score: Score, text: ScoreText) -> Iterator[Text]:
        yield self.text(text.value if text.spread is None else f"{text.value} ± {text.spread}", "bold")
        cells = {
            "Corrected": text.corrected or "",
            "Interval": "" if text.interval is None else f"[{text.interval[0]}, {text.interval[1]}]",
        }
        for title in self._uncertainty_columns():
            yield self.text(cells[title])
        word = "higher" if score.higher_is_better else "lower"
        arrow = ("↑ " if score.higher_is_better else "↓ ") if self.unicode else ""
        yield self.text(arrow + word)

    def _heading(self) -> str:
        generated, real = self.report.generated, self.report.real
        heading = f"{generated.source} ({count_text(generated.count)} images)"
        return heading if real is None else f"{heading} against {real.source} ({count_text(real.count)} images)"

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

    def _extractor(self) -> str:
        info = self.report.extractor
        parts = [info.name, f"preprocessing {info.preprocessing}", info.precision]
        if info.weights_sha256 is not None:
            published = ", the published ones" if info.published_weights else ""
            parts.append(f"weights {info.weights_sha256[:12]}{published}")
        return " · ".join(parts)

    def _time(self) -> str:
        run = self.report.run
        sides = [("generated", self.report.generated), ("real", self.report.real)]
        rates = [f"{word}: {_speed(side)}" for word, side in sides if side is not None]
        return f"{seconds_text(run.seconds)} on {run.device} ({'; '.join(rates)})"

    def _line(self, label: str, content: str, style: str = "") -> None:
        if not content:
            return
        if not self.console.is_terminal:
            self.console.print(self.text(f"{label}: {content}" if label else content), soft_wrap=True)
            return
        from rich.table import Table

        if not label:
            self.console.print(self.text(content, style))
            return
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True, min_width=9)
        grid.add_column(overflow="fold")
        grid.add_row(self.text(label, style), self.text(content))
        self.console.print(grid)


def _speed(side: Side) -> str:
    extracted = side.count - side.from_store
    rate = rate_text(extracted, side.stage_seconds.get("wall", 0.0))
    stored = f"{count_text(side.from_store)} from the store" if side.from_store else None
    return ", ".join(part for part in (rate, stored) if part) or f"{count_text(side.count)} images"


def _sentence(text: str) -> str:
    """`text` with a full stop, unless it ends in a mark of its own."""
    return text if not text or text[-1] in ".!?:;…" else f"{text}."
