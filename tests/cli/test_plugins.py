"""Commands of plug-ins: a function, an application, and what can't be loaded."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ganeval.cli import app as application


def greet(name: str) -> None:
    """Greet somebody."""
    typer.echo(f"hello {name}")


nested = typer.Typer()
nested.command("deep")(greet)
nested.command("other")(greet)
neither = 3


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    points = {"greet": greet, "nested": nested, "number": neither}

    class Point:
        def __init__(self, name: str) -> None:
            self.name, self.value = name, f"somewhere:{name}"

        def load(self) -> Any:
            if self.name == "broken":
                raise ImportError("no such module")
            return points[self.name]

    def entry_points(*, group: str) -> list[Point]:
        assert group == "ganeval.commands"
        return [Point(name) for name in (*points, "broken")]

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    own = typer.Typer()
    monkeypatch.setattr(application, "app", own)
    return own


def test_commands_of_plugins(plugged: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    application._add_plugins()
    assert CliRunner().invoke(plugged, ["greet", "you"]).output == "hello you\n"
    assert CliRunner().invoke(plugged, ["nested", "deep", "down"]).output == "hello down\n"
    said = capsys.readouterr().err
    assert "the command 'number' of 'somewhere:number' can't be loaded: it is of type int" in said
    assert "the command 'broken' of 'somewhere:broken' can't be loaded: no such module" in said


def test_commands_are_added_once(plugged: typer.Typer) -> None:
    own = typer.Typer()
    plugged.add_typer(own, name="nested")
    for _ in range(2):
        application._add_plugins()
    assert [command.name for command in plugged.registered_commands] == ["greet"]
    # What was there under a plug-in's name stays.
    assert [group.typer_instance for group in plugged.registered_groups] == [own]
