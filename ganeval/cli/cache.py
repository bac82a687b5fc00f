"""``ganeval cache``: what the feature store holds, and making room."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganeval.cli.failures import command
from ganeval.cli.grids import plain_console
from ganeval.wording import counted

if TYPE_CHECKING:
    from ganeval.features.store import FeatureStore, StoreEntryInfo

# A key is shown with as many digits as tell entries apart.
_KEY_DIGITS = 10
# Columns where there is no terminal: for grep and the like each entry is one line.
_UNFOLDED = 10_000

app = typer.Typer(help="List and delete stored features.", no_args_is_help=True)

CacheDir = Annotated[Path | None, typer.Option("--cache-dir", help="Where features are kept.")]


def _store(cache_dir: Path | None) -> FeatureStore:
    from ganeval.features.store import FeatureStore

    return FeatureStore(cache_dir)


@app.command("ls")
@command
def ls(cache_dir: CacheDir = None) -> None:
    """List the stored features, the most recently used first."""
    from rich import box
    from rich.table import Table

    from ganeval.cli.values import bytes_in_words

    store = _store(cache_dir)
    entries = store.entries()
    console = plain_console()
    if not entries:
        console.print(f"no features stored in {store.root}", soft_wrap=True)
        return
    if not console.is_terminal:
        console.width = _UNFOLDED
    table = Table(box=box.SIMPLE_HEAD)
    for heading, width in (("key", _KEY_DIGITS), ("images", 1), ("size", 1), ("last used", 1)):
        table.add_column(heading, no_wrap=True, min_width=width)
    table.add_column("extractor", overflow="fold")
    table.add_column("source", overflow="fold")
    for entry in entries:
        table.add_row(
            entry.key[:_KEY_DIGITS],
            f"{entry.images:,}" + ("" if entry.complete else " (unfinished)"),
            bytes_in_words(entry.bytes),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used)),
            entry.extractor,
            entry.source,
        )
    console.print(table)
    console.print(f"{bytes_in_words(sum(entry.bytes for entry in entries))} in {store.root}", soft_wrap=True)


@app.command("rm")
@command
def rm(
    keys: Annotated[list[str] | None, typer.Argument(help="Keys as `ls` shows them, or their beginnings.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Delete all stored features.")] = False,
    cache_dir: CacheDir = None,
) -> None:
    """Delete stored features."""
    from ganeval.errors import OptionError

    if bool(keys) == everything:
        raise OptionError("name the keys to delete, or pass --all", hint="See: ganeval cache ls")
    store = _store(cache_dir)
    if everything:
        _report(store.prune(max_bytes=0))
        return
    for key in keys or []:
        _report(store.remove(key))


@app.command("prune")
@command
def prune(
    max_size: Annotated[str | None, typer.Option("--max-size", help="Keep at most this much, such as 10GB.")] = None,
    older_than: Annotated[str | None, typer.Option("--older-than", help="Unused for this long, such as 30d.")] = None,
    cache_dir: CacheDir = None,
) -> None:
    """Delete what has long not been used: by default all that is unused for 30 days."""
    from ganeval.cli.values import parse_bytes, parse_span

    span = older_than if older_than is not None or max_size is not None else "30d"
    _report(
        _store(cache_dir).prune(
            max_bytes=None if max_size is None else parse_bytes(max_size, "--max-size"),
            older_than_seconds=None if span is None else parse_span(span, "--older-than"),
        )
    )


def _report(deleted: list[StoreEntryInfo]) -> None:
    from ganeval.cli.values import bytes_in_words

    freed = bytes_in_words(sum(entry.bytes for entry in deleted))
    typer.echo(f"deleted {counted(deleted, 'entry', 'entries')}, {freed}")
