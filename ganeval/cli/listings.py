"""``ganeval extractors`` and ``ganeval metrics``: what there is, whether it works here, and why not."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ganeval.cli.failures import command

AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]


@command
def extractors(as_json: AsJson = False) -> None:
    """List the feature extractors, and whether each can be used on this machine now."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from ganeval.features.extractor import EXTRACTORS

    rows = []
    for name in EXTRACTORS:
        spec = EXTRACTORS.get(name)
        here = spec.availability()
        rows.append(
            {
                "name": name,
                "summary": spec.summary,
                "feature_dim": spec.feature_dim,
                "class_count": spec.class_count,
                "preprocessings": list(spec.preprocessings),
                "available": here.available,
                "reason": here.reason,
            }
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("extractor", "D", "classes", "resize", "here", "", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(
            str(row["name"]),
            str(row["feature_dim"] or "?"),
            str(row["class_count"] or "-"),
            ", ".join(spec_words) if (spec_words := [str(word) for word in _words(row["preprocessings"])]) else "-",
            "yes" if row["available"] else "no",
            str(row["reason"]),
        )
    console = Console()
    console.print(table)
    console.print(
        "Your own: --extractor package.module:Class. Default: inception-v3 where its weights can be had, "
        "else efficientnet-lite0.",
        highlight=False,
    )


def _words(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []


@command
def metrics(as_json: AsJson = False) -> None:
    """List the metrics with their scores, direction, options and source."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from ganeval.metrics.registry import METRICS

    found = [METRICS.get(name) for name in METRICS]
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
        return
    table = Table("--metrics", "scores", "better", "real images", "options (default)", "source", box=box.SIMPLE_HEAD)
    for metric in found:
        table.add_row(
            ", ".join(dict.fromkeys([*metric.aliases, metric.name])),
            ", ".join((metric.inception_names or {}).get(name, name) for name in metric.scores),
            ", ".join(dict.fromkeys("higher" if up else "lower" for up in metric.higher_is_better)),
            "needed" if metric.needs_real else "not needed",
            ", ".join(f"{p.name} ({p.default})" for p in metric.parameters),
            metric.paper,
        )
    console = Console()
    console.print(table)
    console.print("Options are set with -o, such as: -o kid.subset_size=500", highlight=False)


__all__ = ["extractors", "metrics"]
