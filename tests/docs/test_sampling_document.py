"""docs/sampling.md: its example runs, and its commands and options exist."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from ganeval.generators.cli.latent import app
from ganeval.generators.sources.diffusers_folder import PipelineOptions
from ganeval.generators.sources.foreign import Interface

TEXT = (Path(__file__).parents[2] / "docs" / "sampling.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
    exec(compile(block, "docs/sampling.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"print\(.*\)  # (.*)", TEXT)


def test_commands_and_options_exist() -> None:
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    assert set(re.findall(r"ganeval latent (\w+)", TEXT)) == commands
    for kind in (Interface, PipelineOptions):
        for field in dataclasses.fields(kind):
            assert f"`{field.name}`" in TEXT, field.name
