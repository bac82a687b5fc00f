"""What every result on a console shares: labelled lines, safe text, a table no wider than it must be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganeval.features.features import ExtractorInfo
from ganeval.notices import Notice

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_UNLIMITED = 1000
#: What stands for signs where the console's encoding isn't a Unicode one.
_IN_ASCII = (("±", "+/-"), ("…", "..."), ("·", "-"), ("–", "-"), ("×", "x"), ("é", "e"), ("’", "'"))


class Lines:
    """Prints lines and tables.

    On a terminal, lines are wrapped to its width; elsewhere each is one line, for grep and logs. Where the console's
    encoding isn't a Unicode one, everything is ASCII. Control characters are shown as escapes, never sent to the
    terminal.

    Parameters
    ----------
    console
        Where to.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.unicode = (console.encoding or "ascii").lower().startswith("utf")

    def text(self, content: str, style: str = "") -> Text:
        """`content` in a form that the console can show."""
        from rich.text import Text

        return Text(self._safe(content), style=style)

    def line(self, label: str, content: str, style: str = "") -> None:
        """One line; a terminal shows what follows a label indented. A label without content shows nothing."""
        if label and not content:
            return
        if not self.console.is_terminal:
            self.console.print(self.text(f"{label}: {content}" if label else content), soft_wrap=True)
            return
        if not label:
            self.console.print(self.text(content, style))
            return
        from rich.table import Table

        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True, min_width=9)
        grid.add_column(overflow="fold")
        grid.add_row(self.text(label, style), self.text(content))
        self.console.print(grid)

    def notices(self, notices: Iterable[Notice]) -> None:
        """A line for each notice, labelled by its severity."""
        for notice in notices:
            style = "bold yellow" if notice.severity == "warning" else "cyan"
            self.line(notice.severity, f"{_sentence(notice.message)} {notice.effect}".strip(), style)

    def table(self) -> Table:
        """An empty table in the style of all."""
        from rich import box
        from rich.table import Table

        ascii_box = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
        style = box.SIMPLE_HEAD if self.unicode else ascii_box
        return Table(box=style, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")

    def natural_width(self, table: Table) -> int:
        """Columns of text that `table` would take if it could have any number."""
        from rich.measure import Measurement

        return Measurement.get(self.console, self.console.options.update(width=_UNLIMITED), table).maximum

    def show(self, table: Table) -> None:
        """Print a table: cut to a terminal's width, whole elsewhere, so that names in it can be searched for."""
        if not self.console.is_terminal:
            table.width = self.natural_width(table)
        self.console.print(table, crop=self.console.is_terminal)

    def direction(self, higher_is_better: bool) -> str:
        """``"↑ higher"`` or ``"↓ lower"``."""
        arrow = ("↑ " if higher_is_better else "↓ ") if self.unicode else ""
        return f"{arrow}{'higher' if higher_is_better else 'lower'}"

    def _safe(self, content: str) -> str:
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in content)
        if self.unicode:
            return shown
        for sign, word in _IN_ASCII:
            shown = shown.replace(sign, word)
        return shown.encode("ascii", "backslashreplace").decode("ascii")


def extractor_words(info: ExtractorInfo) -> str:
    """Which extractor it was, in one line."""
    parts = [info.name, f"preprocessing {info.preprocessing}", info.precision]
    if info.weights_sha256 is not None:
        published = ", the published ones" if info.published_weights else ""
        parts.append(f"weights {info.weights_sha256[:12]}{published}")
    return " · ".join(parts)


def _sentence(text: str) -> str:
    """`text` with a full stop, unless it ends in a mark of its own."""
    return text if not text or text[-1] in ".!?:;…" else f"{text}."
