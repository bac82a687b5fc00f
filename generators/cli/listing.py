"""``ganeval generators``: the models there are; with a name, everything about one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.cli.grids import plain_console, print_grid, say_broken

if TYPE_CHECKING:
    from ganeval.generators.model import GenerativeModel, Phase


@command
def generators(
    model: Annotated[str | None, typer.Argument(help="Show this one in full: options, phases, weights.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """List the generative models that can be trained, and whose weights are bundled."""
    from ganeval.generators.registry import MODELS

    if model is not None:
        kind = MODELS.get(model)
        described = _in_full(model, kind)
        if as_json:
            typer.echo(json.dumps(described, indent=2))
        else:
            _print_in_full(described)
        return
    usable, broken = MODELS.usable()
    rows = [_row(name, kind) for name, kind in usable.items()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        _print_rows(rows)
    say_broken(broken)


def _row(name: str, kind: type[GenerativeModel]) -> dict[str, Any]:
    return {
        "name": name,
        "title": kind.info.title,
        "paper": kind.info.paper,
        "task": kind.info.task,
        "data": kind.info.data,
        "bundled": _bundled().get(name, []),
    }


def _bundled() -> dict[str, list[str]]:
    """Name of each model to those of its bundled weights."""
    from ganeval.errors import WeightsError
    from ganeval.generators.bundled import BUNDLED
    from ganeval.generators.weights_file import read_header

    found: dict[str, list[str]] = {}
    for one in BUNDLED:
        try:
            header = read_header(one.weights())
            found.setdefault(header["model"], []).append(one.name)
        except (WeightsError, ValueError, KeyError):
            continue
    return found


def _in_full(name: str, kind: type[GenerativeModel]) -> dict[str, Any]:
    from ganeval.generators.option_meanings import option_meanings
    from ganeval.generators.training.settings import TrainingSettings

    def options(config: type[Any]) -> list[dict[str, Any]]:
        return [
            {"name": one.name, "default": one.default, "type": one.kind, "meaning": one.meaning}
            for one in option_meanings(config)
        ]

    model = _example(kind)
    return {
        **_row(name, kind),
        "options": options(kind.Config),
        "training": options(TrainingSettings),
        "phases": [_phase(phase) for phase in model.phases()],
        "truncation": dict(getattr(model, "truncations", {})),
        "conditions": {name: one.meaning for name, one in getattr(model, "conditions", {}).items()},
        "directions": list(getattr(model, "directions", ())),
    }


def _example(kind: type[GenerativeModel]) -> GenerativeModel:
    """The model at its default options (of ten classes, where it needs some), without networks."""
    from ganeval.generators.training.run_config import provisional

    return kind(provisional(kind, {}, what="the model"), only=())


def _phase(phase: Phase) -> dict[str, Any]:
    from dataclasses import asdict

    shared = isinstance(phase.optimiser, str)
    return {
        "name": phase.name,
        "moves": list(phase.modules),
        "optimiser": phase.optimiser if shared else asdict(phase.optimiser),  # type: ignore[arg-type]
        "repeats": phase.repeats,
        "every": phase.every,
        "reads_data": phase.reads,
    }


def _print_rows(rows: list[dict[str, Any]]) -> None:
    print_grid(
        [(row["name"], "\n".join(_lines(row))) for row in rows],
        "Options and phases of one: ganeval generators NAME. Train: ganeval train NAME --data ... --out ...",
    )


def _lines(row: dict[str, Any]) -> list[str]:
    bundled = [f"bundled weights: {', '.join(row['bundled'])}"] if row["bundled"] else []
    return [row["title"], row["paper"], f"{row['task']}, learns from {_data_in_words(row['data'])}", *bundled]


def _print_in_full(model: dict[str, Any]) -> None:
    from rich.table import Table

    console = plain_console()
    console.print(f"{model['name']}: {model['title']}", style="bold")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("  paper", model["paper"])
    facts.add_row("  task", f"{model['task']}, learns from {_data_in_words(model['data'])}")
    facts.add_row("  weights", ", ".join(model["bundled"]) or "none bundled")
    for method, meaning in model["truncation"].items():
        facts.add_row("  truncation", f"{method}: {meaning}")
    for name, meaning in model["conditions"].items():
        facts.add_row("  condition", f"{name}: {meaning} (--fix {name}=VALUE)")
    if model["directions"]:
        facts.add_row("  directions", ", ".join(model["directions"]))
    for phase in model["phases"]:
        facts.add_row("  phase", _phase_in_words(phase))
    console.print(facts)
    for heading, options in (("options", model["options"]), ("of the training", model["training"])):
        console.print(f"\n{heading} (-o name=value):", style="dim")
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for option in options:
            table.add_row(f"  {option['name']}", _value_in_words(option["default"]), option["meaning"])
        console.print(table)


def _phase_in_words(phase: dict[str, Any]) -> str:
    optimiser = phase["optimiser"]
    how = (
        f"with the optimiser of {optimiser}"
        if isinstance(optimiser, str)
        else f"by {optimiser['kind']}, rate {optimiser['learning_rate']:g}, betas {_value_in_words(optimiser['betas'])}"
    )
    times = f", {phase['repeats']} times a step" if phase["repeats"] > 1 else ""
    seldom = f", every {phase['every']} steps" if phase["every"] > 1 else ""
    return f"{phase['name']}: moves {', '.join(phase['moves'])} {how}{times}{seldom}"


def _value_in_words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(_value_in_words(part) for part in value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _data_in_words(kind: str) -> str:
    from ganeval.generators.data_kinds import KINDS

    return KINDS.get(kind, kind)
