"""docs/statistics.md: its example prints what it says, its commands run, its table of forms is the reader's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from ganeval.statistics.reading import _NPZ_FORMS

TEXT = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A covariance of 3,072 pixels takes its time; that of 48 shows as much."""
    monkeypatch.setattr("ganeval.features.pixels.SIDE", 4)


def test_the_example_prints_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
    exec(compile(block, "docs/statistics.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"print\(.*\)  # (.*)", TEXT)


def test_the_commands_run(ganeval, photograph_crops, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, seed in (("samples", 1), ("data", 2)):
        (tmp_path / name).mkdir()
        for number, picture in enumerate(photograph_crops(12, 8, 8, seed)):
            Image.fromarray(picture).save(tmp_path / name / f"{number}.png")
    (block,) = re.findall(r"^```sh\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)
    for line in block.splitlines():
        outcome = ganeval(*shlex.split(line)[1:])
        assert outcome.code == 0, outcome


def test_every_form_that_is_read_is_listed() -> None:
    for arrays, _ in _NPZ_FORMS:
        foreign = arrays - {"ganeval"}
        assert any(all(f"`{name}`" in row for name in foreign) for row in TEXT.splitlines() if row.startswith("|"))
