"""docs/training-loops.md: its code runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "training-loops.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
#: Libraries that not everybody has, by how an import of them begins.
OPTIONAL = {"lightning": "from lightning", "ignite": "from ignite", "tensorboard": "from torch.utils.tensorboard"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_code_runs(number: int, capsys: pytest.CaptureFixture[str], monkeypatch, tmp_path) -> None:
    block = BLOCKS[number]
    for library, line in OPTIONAL.items():
        if line in block:
            pytest.importorskip(library)
    monkeypatch.setenv("GANEVAL_CACHE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block, "docs/training-loops.md", "exec"), names)
    printed = capsys.readouterr().out
    assert printed.count("fd_features ") == (2 if "for name, score in" in block else 0)
    assert ("Interval" in printed) == ("print" in block)
    assert "best.pt" not in block or (tmp_path / "best.pt").is_file()


def test_there_is_code() -> None:
    assert len(BLOCKS) == 6
    assert all(any(line in block for block in BLOCKS) for line in OPTIONAL.values())


def test_examples_are_named() -> None:
    examples = {path.name for path in (Path(__file__).parents[2] / "examples").glob("*.py")} - {"tiny_gan.py"}
    assert examples <= set(re.findall(r"\w+\.py", TEXT))
