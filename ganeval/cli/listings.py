"""``ganeval extractors`` and ``ganeval metrics``: what there is, whether it works here, and why not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.cli.grids import plain_console, print_grid, say_broken
from ganeval.wording import counted

if TYPE_CHECKING:
    from rich.table import Table

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
        say_broken(broken)
        return
    print_grid(
        [
            (
                spec.name,
                "yes" if availability.available else "no",
                "\n".join(
                    [
                        spec.summary,
                        f"{spec.feature_dim or '?'} features, "
                        + (f"{spec.class_count} classes, " if spec.class_count else "no classes, ")
                        + f"resize {' or '.join(spec.preprocessings) or 'none'}",
                        availability.reason,
                    ]
                ),
            )
            for spec, availability in zip(specs, here, strict=True)
        ],
        "Default: inception-v3 where its weights can be had, else efficientnet-lite0. "
        "Your own: --extractor package.module:Class",
    )
    say_broken(broken)


@command
def metrics(
    names: Annotated[
        list[str] | None, typer.Argument(help="Metrics or groups to show in full, as after --metrics.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the metrics; with names, show everything about those: options, formula, paper, needs."""
    from ganeval.metrics.registry import METRICS
    from ganeval.metrics.selection import select_metrics

    if names:
        found = [selected.metric for selected in select_metrics(names)]
        broken: Mapping[str, PluginError] = {}
    else:
        usable, broken = METRICS.usable()
        found = list(usable.values())
    if as_json:
        groups = _groups()
        typer.echo(json.dumps([_as_json(metric, groups) for metric in found], indent=2))
    elif names:
        _print_in_full(found)
    else:
        _print_metrics(found)
    say_broken(broken)


def _as_json(metric: Metric, groups: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    return {
        "name": metric.name,
        "title": metric.title,
        "scores": list(metric.scores),
        "inception_names": dict(metric.inception_names or {}),
        "aliases": list(metric.aliases),
        "higher_is_better": list(metric.higher_is_better),
        "groups": [group for group, members in groups.items() if metric.name in members],
        "has_interval": metric.has_interval,
        "needs_real": metric.needs_real,
        "needs": metric.needs,
        "on_features": metric.on_features,
        "minimum": metric.minimum,
        "paper": metric.paper,
        "formula": metric.formula,
        "options": {p.name: {"default": p.default, "help": p.help} for p in metric.parameters},
    }


def _groups() -> dict[str, frozenset[str]]:
    """Name of each group that has members to the names of its metrics."""
    from ganeval.errors import GanevalError
    from ganeval.metrics.selection import GROUPS, select_metrics

    members: dict[str, frozenset[str]] = {}
    for group in GROUPS:
        try:
            members[group] = frozenset(selected.metric.name for selected in select_metrics([group]))
        except GanevalError:
            continue
    return members


def _print_metrics(found: Sequence[Metric]) -> None:
    """A line a metric, under a heading for what they read."""
    console = plain_console()
    console.print(_grid_of([("--metrics", "", "better", "interval")], style="dim"))
    for heading, members in _by_what_they_read(found).items():
        console.print(f"\non {heading}:", style="dim")
        rows = [
            (", ".join(_short_names(metric)), metric.title, _direction(metric), "yes" if metric.has_interval else "no")
            for metric in members
        ]
        console.print(_grid_of(rows))
    console.print()
    console.print(_groups_of(found))
    console.print("\nMore of some, with their options: ganeval metrics kid,prdc")


def _groups_of(found: Sequence[Metric]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    for group, members in _groups().items():
        if group not in {"default", "all"}:
            grid.add_row(group, ", ".join(metric.name for metric in found if metric.name in members))
    grid.add_row("all", "every metric that the two sides allow, but those of pairs")
    return grid


def _grid_of(rows: Sequence[tuple[str, str, str, str]], style: str = "") -> Table:
    """Rows of one section; widths are fixed, so that the sections' columns stand below each other in 80 columns."""
    from rich.table import Table

    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False, row_styles=[style])
    grid.add_column(style="bold", width=26, overflow="fold")
    grid.add_column(width=32, overflow="fold")
    grid.add_column(width=6, no_wrap=True)
    grid.add_column(no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    return grid


def _by_what_they_read(found: Sequence[Metric]) -> dict[str, list[Metric]]:
    sections: dict[str, list[Metric]] = {}
    for metric in found:
        sections.setdefault(_reads(metric), []).append(metric)
    return sections


def _reads(metric: Metric) -> str:
    what = {
        "pooled": "features",
        "logits": "class logits",
        "spatial": "spatial features",
        "labels": "features with class labels",
        "images": "the images themselves",
        "pairs": "pairs of images of one name",
        "clips": "clips",
        "generator": "a generator",
    }[metric.needs]
    if metric.needs == "pairs":
        return what
    return f"{what}, {'real and generated' if metric.needs_real else 'generated alone'}"


def _print_in_full(found: Sequence[Metric]) -> None:
    from rich.table import Table

    console = plain_console()
    groups = _groups()
    for metric in found:
        belongs = [group for group, members in groups.items() if metric.name in members]
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in (
            ("scores", ", ".join(metric.scores)),
            ("also called", ", ".join(sorted(_other_names(metric))) or "-"),
            ("better", _direction(metric)),
            ("reads", f"{_reads(metric)}; at least {counted(metric.minimum, 'image')} a side"),
            ("interval", "yes, or the reason why not" if metric.has_interval else "no"),
            ("groups", ", ".join(belongs)),
            ("formula", metric.formula),
            ("paper", metric.paper),
            *(("option", f"{metric.name}.{p.name} ({p.default}): {p.help}") for p in metric.parameters),
        ):
            table.add_row(f"  {label}", text)
        console.print(f"{metric.name}: {metric.title}", style="bold")
        console.print(table)
        console.print()


def _direction(metric: Metric) -> str:
    return "/".join(dict.fromkeys("higher" if up else "lower" for up in metric.higher_is_better))


def _short_names(metric: Metric) -> list[str]:
    """What people type after --metrics: the scores' names, and the shortest other name of a single one."""
    names = [(metric.inception_names or {}).get(name, name) for name in metric.scores]
    if len(names) == 1:
        names += sorted(_other_names(metric) - {*names}, key=lambda name: (len(name), name))[:1]
    return names


def _other_names(metric: Metric) -> set[str]:
    """All names by which --metrics finds it, without its scores'."""
    from ganeval.metrics.naming import names_of

    names = {*metric.aliases, metric.name}.union(*(names_of(base, metric) for base in metric.scores))
    return names - {*metric.scores} if len(metric.scores) > 1 else names
