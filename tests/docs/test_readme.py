"""The README's Python and shell examples run as they stand, in a folder with `samples/` and `data/`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

README = (Path(__file__).parents[2] / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.startswith("ganeval ")
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, photograph_crops):
    folder = tmp_path_factory.mktemp("readme")
    for name, seed in (("samples", 1), ("data", 2)):
        (folder / name).mkdir()
        for number, array in enumerate(photograph_crops(24, 48, 48, seed=seed)):
            Image.fromarray(array).save(folder / name / f"{number:02d}.png")
    return folder


def run(command, workplace):
    # No network in tests: an address that refuses at once stands for one that doesn't answer.
    environment = dict(os.environ) | {
        "GANEVAL_CACHE_DIR": str(workplace / "cache"),
        "TORCH_HOME": str(workplace / "torch"),
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    return subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True, timeout=200)


def test_there_are_examples():
    assert len(PYTHON) >= 2
    assert len(COMMANDS) >= 3


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_python(code, workplace):
    finished = run([sys.executable, "-c", code], workplace)
    assert finished.returncode == 0, finished.stderr
    numbers = re.findall(r"-?\d+\.\d+", finished.stdout)
    assert numbers


@pytest.mark.parametrize("line", COMMANDS)
def test_shell(line, workplace):
    finished = run([sys.executable, "-m", *shlex.split(line)], workplace)
    assert finished.returncode == 0, finished.stderr
    if line.split()[1] in ("score", "compare", "power"):
        assert "efficientnet-lite0" in finished.stdout
    for path in re.findall(r"--out (\S+)", line):
        assert (workplace / path).exists()
    for path in re.findall(r"--(?:json|html) (\S+)", line):
        assert (workplace / path).stat().st_size > 1000
