"""``ganeval detectors``: what there is, what it was trained on, and how well it was measured to do."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.cli.grids import print_grid, say_broken


@command
def detectors(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """List the detectors: what each is after, whether it ships trained, on what, and how well it was measured to do."""
    from ganeval.detectors.bundled import DEFAULT, SMALLEST
    from ganeval.detectors.detector import PIXEL_DETECTORS

    usable, broken = PIXEL_DETECTORS.usable()
    cards = read_cards()
    rows = [
        {
            "name": name,
            "title": kind.title,
            "paper": kind.paper,
            "minimum_side": kind.minimum_side,
            "measured_from_side": max(kind.minimum_side, SMALLEST) if name in cards else None,
            "bundled": name in cards,
            "default": name in DEFAULT,
            "published": hasattr(kind, "from_file"),
            "card": cards.get(name),
        }
        for name, kind in usable.items()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        _print_rows(rows)
    say_broken(broken)


def read_cards() -> dict[str, dict[str, Any]]:
    """Name of each detector whose trained state ships to the card beside it."""
    found: dict[str, dict[str, Any]] = {}
    folder = files("ganeval.detectors").joinpath("weights")
    if not folder.is_dir():
        return found
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".json"):
            continue
        try:
            card = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(card, dict):
            found[str(card.get("detector", file.name.removesuffix(".json")))] = card
    return found


def _print_rows(rows: list[dict[str, Any]]) -> None:
    print_grid(
        [(row["name"], "\n".join(_lines(row))) for row in rows],
        "Besides these, provenance is always asked: C2PA, metadata, JPEG tables. Train your own: ganeval detect train",
    )


def _lines(row: dict[str, Any]) -> list[str]:
    default = ["asked by default"] if row["default"] else []
    needs = f"needs {row['measured_from_side'] or row['minimum_side']} pixels on the shorter side"
    if row["measured_from_side"]:
        needs += f" with the weights that ship, {row['minimum_side']} with your own"
    return [row["title"], row["paper"], needs, *default, *_origin_lines(row)]


def _origin_lines(row: dict[str, Any]) -> list[str]:
    card = row["card"]
    if card is None and row["published"]:
        return [f"for the authors' published weights: ganeval detect --weights {row['name']}=FILE image.png"]
    if card is None:
        return [f"ships untrained: ganeval detect train REAL GENERATED --detector {row['name']} --out FOLDER"]
    return [
        f"{key.replace('_', ' ')}: {_short(card[key])}" for key in ("trained_on", "data", "measured") if key in card
    ]


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_short(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
