"""CONTRIBUTING.md is followed to the letter: its package is written, installed and used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def files_in(markdown: str) -> dict[str, str]:
    """Fenced blocks that begin with ``# file: PATH``."""
    blocks = re.findall(r"```\w+\n# file: (\S+)\n(.*?)```", markdown, flags=re.DOTALL)
    return dict(blocks)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory) -> dict[str, str]:
    """An environment in which the package of CONTRIBUTING.md is installed."""
    folder = tmp_path_factory.mktemp("extras")
    files = files_in((ROOT / "CONTRIBUTING.md").read_text())
    assert len(files) == 4
    for name, text in files.items():
        path = folder / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "package" / "ganeval_extras" / "__init__.py").touch()
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(folder / "site"), str(folder / "package")], check=True, timeout=120)
    return dict(os.environ) | {"PYTHONPATH": str(folder / "site"), "GANEVAL_CACHE_DIR": str(folder / "cache")}


def ganeval(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ganeval", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd="/")


def test_the_commands_of_the_document_run(plugin):
    line = re.search(r"^ganeval (score noise.*)$", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)
    finished = ganeval(plugin, *line[1].split(), "--json", "-")
    assert finished.returncode == 0, finished.stderr
    scores = json.loads(finished.stdout)["scores"]
    assert set(scores) == {"mean_distance_brightness", "fd_brightness"}
    assert scores["mean_distance_brightness"]["parameters"] == {"scale": 2.0}
    # Uniform noise has the same mean and spread at any size, and the mean of 200 images of 16 x 16 is sharp.
    assert 0 < scores["mean_distance_brightness"]["value"] < 0.02


def test_plugins_are_listed(plugin):
    assert "brightness" in ganeval(plugin, "extractors").stdout
    assert "mean_distance" in ganeval(plugin, "metrics").stdout
    assert "noise" in ganeval(plugin, "info").stdout


def test_their_errors_are_sentences(plugin):
    finished = ganeval(plugin, "score", "noise:much", "--extractor", "brightness")
    assert finished.returncode == 2
    assert "noise:much has no side in pixels" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_broken_plugin_is_named(plugin, tmp_path):
    metadata = tmp_path / "broken-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: broken\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[ganeval.metrics]\nbroken = no_such_module:METRIC\n")
    environment = plugin | {"PYTHONPATH": os.pathsep.join([str(tmp_path), plugin["PYTHONPATH"]])}
    finished = ganeval(environment, "score", "noise:8", "--metrics", "broken", "--extractor", "brightness")
    assert finished.returncode == 2
    assert "no_such_module" in finished.stderr
