"""``ganeval extractors`` and ``ganeval metrics``: what there is, whether it works here, and why not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ganeval.cli.failures import command

if TYPE_CHECKING:
    from ganeval.errors import PluginError
    from ganeval.metrics.registry import Metric

AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]


@command
def extractors(as_json: AsJson = False) -> None:
    """List the feature extractors, and whether each can be used on this machine now."""
    from ganeval.features.extractor import EXTRACTORS

    usable, broken = EXTRACTORS.usable()
    specs = list(usable.values())
    here = [spec.availability() for spec in specs]
    if as_json:
        rows = [
            {
                "name": spec.name,
                "summary": spec.summary,
                "feature_dim": spec.feature_dim,
                "class_count": spec.class_count,
                "preprocessings": list(spec.preprocessings),
                "available": availability.available,
                "reason": availability.reason,
            }
            for spec, availability in zip(specs, here, strict=True)
        ]
        typer.echo(json.dumps(rows, indent=2))
        _say_broken(broken)
        return
    _print_grid(
        [
            (
                spec.name,
                "yes" if availability.available else "no",
                [
                    spec.summary,
                    f"{spec.feature_dim or '?'} features, "
                    + (f"{spec.class_count} classes, " if spec.class_count else "no classes, ")
                    + f"resize {' or '.join(spec.preprocessings) or 'none'}",
                    availability.reason,
                ],
            )
            for spec, availability in zip(specs, here, strict=True)
        ],
        "Default: inception-v3 where its weights can be had, else efficientnet-lite0. "
        "Your own: --extractor package.module:Class",
    )
    _say_broken(broken)


@command
def metrics(as_json: AsJson = False) -> None:
    """List the metrics with their scores, direction, options and source."""
    from ganeval.metrics.registry import METRICS

    usable, broken = METRICS.usable()
    found = list(usable.values())
    if as_json:
        rows = [
            {
                "name": metric.name,
                "title": metric.title,
                "scores": list(metric.scores),
                "inception_names": dict(metric.inception_names or {}),
                "aliases": list(metric.aliases),
                "higher_is_better": list(metric.higher_is_better),
                "needs_real": metric.needs_real,
                "needs": metric.needs,
                "minimum": metric.minimum,
                "paper": metric.paper,
                "formula": metric.formula,
                "options": {p.name: {"default": p.default, "help": p.help} for p in metric.parameters},
            }
            for metric in found
        ]
        typer.echo(json.dumps(rows, indent=2))
        _say_broken(broken)
        return
    _print_grid(
        [(", ".join(_short_names(metric)), "", _about(metric)) for metric in found],
        "Groups: prdc, standard, all. Options are set with -o, such as: -o kid.subset_size=500",
    )
    _say_broken(broken)


def _short_names(metric: Metric) -> list[str]:
    """What people type after --metrics: the scores' names, and the shortest other name of a single one."""
    names = [(metric.inception_names or {}).get(name, name) for name in metric.scores]
    if len(names) == 1:
        names += sorted({*metric.aliases, metric.name} - {*names}, key=lambda name: (len(name), name))[:1]
    return names


def _about(metric: Metric) -> list[str]:
    directions = dict.fromkeys("higher" if up else "lower" for up in metric.higher_is_better)
    real = "needs real images" if metric.needs_real else "needs no real images"
    lines = [f"{metric.title}: {' / '.join(directions)} is better, {real}", metric.paper]
    return lines + [f"-o {metric.name}.{p.name} ({p.default}): {p.help}" for p in metric.parameters]


def _say_broken(broken: Mapping[str, PluginError]) -> None:
    for error in broken.values():
        typer.echo(f"note: {error.message}", err=True)


def _print_grid(rows: Sequence[tuple[str, str, list[str]]], footer: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, flag, lines in rows:
        table.add_row(name, flag, "\n".join(lines))
        table.add_row("")
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(table)
    console.print(footer)
