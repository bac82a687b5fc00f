"""The example in docs/generators.md works as it stands there, and the page names rooms that exist."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from ganeval.generators.registry import MODELS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "generators.md").read_text(encoding="utf-8")


def test_the_example_trains(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODELS, "_loaded", dict(MODELS._loaded))
    # Dataclasses look their module up.
    module = types.ModuleType("example_of_a_model")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE):
        exec(compile(block, "docs/generators.md", "exec"), vars(module))
    stated = re.findall(r"print\(.*\)  # (.*)", TEXT)
    assert capsys.readouterr().out.splitlines() == stated
    assert "linear-gan" in MODELS


def test_the_rooms_exist() -> None:
    for folder in re.findall(r"`(generators/\w+)/`", TEXT):
        assert (ROOT / folder).is_dir(), folder
    for file in re.findall(r"`(models/\w+\.py)`", TEXT):
        assert (ROOT / "generators" / file).is_file(), file
