"""``ganeval info``: versions, devices, places and named sets, for oneself and for bug reports."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.cli.grids import plain_console
from ganeval.wording import counted


@command
def info(as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False) -> None:
    """Show versions, devices, where things are kept, and the named sets and generators."""
    from rich.table import Table

    facts = _facts()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        table.add_row(name, ", ".join(shown) if isinstance(shown, list) else str(shown))
    plain_console().print(table)


def _facts() -> dict[str, Any]:
    import torch

    from ganeval.cli.values import bytes_in_words
    from ganeval.features.devices import resolve_device
    from ganeval.features.extractor import EXTRACTORS
    from ganeval.features.store import FeatureStore, default_cache_dir
    from ganeval.images.registry import SOURCES
    from ganeval.scoring.provenance import platform_in_words, versions

    entries = FeatureStore().entries()
    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    usable, broken = EXTRACTORS.usable()
    here = {name: spec.availability() for name, spec in usable.items()}
    return {
        "versions": versions(),
        "platform": platform_in_words(),
        "device": str(resolve_device("auto")),
        "cuda": cuda or ["none"],
        "cache": str(default_cache_dir()),
        "stored": f"{counted(entries, 'set')} of features, {bytes_in_words(sum(entry.bytes for entry in entries))}",
        "extractors": [name for name, availability in here.items() if availability.available],
        "not here": [*(name for name, availability in here.items() if not availability.available), *broken],
        "named sets": list(SOURCES),
    }
