"""How lists of what there is are printed: a plain console, a grid of names with lines about each, broken plug-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ganeval.errors import PluginError


def plain_console() -> Console:
    """A console that takes text as it is: no markup, no emoji, no colours by guess."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def print_grid(rows: Sequence[tuple[str, ...]], footer: str) -> None:
    """Print rows of equal length, an empty line after each, and a closing sentence.

    The first cell is a name; the last may have many lines, and takes the width that is left.
    """
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    width = max(map(len, rows), default=2)
    table.add_column(no_wrap=True, style="bold")
    for _ in range(width - 2):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
        table.add_row("")
    console = plain_console()
    console.print(table)
    console.print(footer)


def say_broken(broken: Mapping[str, PluginError]) -> None:
    """A line on stderr for each plug-in that can't be loaded."""
    for error in broken.values():
        typer.echo(f"note: {error.message}", err=True)
