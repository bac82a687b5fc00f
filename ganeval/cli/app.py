"""The application: its commands, those of plug-ins, and what happens to errors."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer

from ganeval.cli import cache, cas, compare, diagnose, diagnostics, info, listings, power, score, stats
from ganeval.cli.failures import guarded
from ganeval.version import __version__

app = typer.Typer(
    name="ganeval",
    help="Evaluate generative image models: scores with provenance, from a folder of samples to a number to trust.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ganeval {__version__}")
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors; works after a command too.")
    ] = False,
) -> None:
    """Evaluate generative image models: scores with provenance, from a folder of samples to a number to trust."""


app.command("score")(score.score)
app.command("compare")(compare.compare)
app.command("power")(power.power)
app.command("diagnose")(diagnose.diagnose)
app.command("cas")(cas.cas)
app.command("stats")(stats.stats)
app.command("extractors")(listings.extractors)
app.command("metrics")(listings.metrics)
app.command("diagnostics")(diagnostics.diagnostics)
app.command("info")(info.info)
app.add_typer(cache.app, name="cache")

_OWN = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}


def _add_plugins() -> None:
    """Commands of installed plug-ins: each entry point of ``ganeval.commands`` is a typer app, or one function.

    Names that the application has stay as they are: its own, and those that an earlier call has added.
    """
    known = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    for point in metadata.entry_points(group="ganeval.commands"):
        if point.name in known:
            continue
        try:
            plugin = point.load()
            if isinstance(plugin, typer.Typer):
                app.add_typer(plugin, name=point.name)
            elif callable(plugin):
                app.command(point.name)(plugin)
            else:
                raise TypeError(f"it is of type {type(plugin).__name__}, neither a typer app nor a function")
        except Exception as error:
            typer.echo(f"note: the command {point.name!r} of {point.value!r} can't be loaded: {error}", err=True)


def _is_own_command(arguments: Sequence[str]) -> bool:
    """Whether the command that is named first is the application's own."""
    first = next((argument for argument in arguments if not argument.startswith("-")), None)
    return first in _OWN


def main() -> None:
    """Run the command line; exits with 2 for an error that the user can mend, 130 after an interrupt."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name or sign that the console's encoding lacks is shown as an escape, and ends nothing.
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    with guarded(debug=debug):
        # Importing plug-ins takes longer than a score of stored features: only where one may be meant.
        if not _is_own_command(arguments):
            _add_plugins()
        app(args=[argument for argument in arguments if argument != "--debug"], prog_name="ganeval")
