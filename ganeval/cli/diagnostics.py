"""``ganeval diagnostics``: what `ganeval diagnose` can examine, what each needs, and its options."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.cli.grids import plain_console, say_broken

if TYPE_CHECKING:
    from ganeval.diagnosis.diagnostic import Diagnostic


@command
def diagnostics(
    names: Annotated[list[str] | None, typer.Argument(help="Diagnostics to show with their options.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """List the diagnostics; with names, show those with their papers, needs and options."""
    from ganeval.diagnosis.diagnostic import DIAGNOSTICS

    usable, broken = DIAGNOSTICS.usable()
    found = [DIAGNOSTICS.get(name) for name in names] if names else list(usable.values())
    if as_json:
        typer.echo(json.dumps([_as_json(one) for one in found], indent=2))
    else:
        _print(found, in_full=bool(names))
    say_broken(broken)


def _as_json(one: Diagnostic) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "failure": one.failure,
        "paper": one.paper,
        "needs": list(one.needs),
        "minimum": one.minimum,
        "default": one.default,
        "options": {p.name: {"default": p.default, "help": p.help} for p in one.parameters},
    }


def _print(found: Sequence[Diagnostic], *, in_full: bool) -> None:
    from rich.table import Table

    from ganeval.report.diagnosis import FAILURES

    console = plain_console()
    for failure, title in FAILURES.items():
        members = [one for one in found if one.failure == failure]
        if not members:
            continue
        console.print(f"{title}:", style="dim")
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for one in members:
            needs = f"needs {', '.join(one.needs)}" if one.needs else ""
            by_name = "" if one.default else "by name only (--also)"
            about = "; ".join(part for part in (needs, by_name) if part)
            table.add_row(one.name, one.title + (f" ({about})" if about else ""))
            if in_full:
                table.add_row("", one.paper)
                for p in one.parameters:
                    table.add_row("", f"{one.name}.{p.name} ({p.default}): {p.help}")
        console.print(table)
        console.print()
