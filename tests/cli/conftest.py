"""The command line as users type it, run in this process, and small folders of real images."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from ganeval.cli import app as app_module


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything printed, with line breaks and runs of spaces folded so that wrapping doesn't matter."""
        return " ".join((self.out + " " + self.err).split())

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def ganeval(monkeypatch, capfd, tmp_path) -> Callable[..., Outcome]:
    """Run ``ganeval ARGUMENTS`` with a store of its own."""
    monkeypatch.setenv("GANEVAL_CACHE_DIR", str(tmp_path / "ganeval-cache"))
    monkeypatch.delenv("GANEVAL_DEBUG", raising=False)

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["ganeval", *map(str, arguments)])
        capfd.readouterr()
        try:
            app_module.main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def write_crops(folder: Path, count: int, *, seed: int, side: int = 32, suffix: str = ".png") -> Path:
    """Write `count` random crops of scikit-learn's photographs."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    photographs = load_sample_images().images
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        top, left = (int(rng.integers(limit - side)) for limit in photograph.shape[:2])
        Image.fromarray(photograph[top : top + side, left : left + side]).save(folder / f"{number:03d}{suffix}")
    return folder


@pytest.fixture
def crops() -> Callable[..., Path]:
    return write_crops


@pytest.fixture
def samples(tmp_path) -> Path:
    return write_crops(tmp_path / "samples", 24, seed=1)


@pytest.fixture
def real(tmp_path) -> Path:
    return write_crops(tmp_path / "data", 24, seed=2)
