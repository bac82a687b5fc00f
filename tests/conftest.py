"""What all tests share: scripts as modules, photographs, calibrated weights, the command line in this process."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[1]
# Tests import it themselves, to be skipped where it isn't.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def load_script(path: Path):
    """A module from a file outside any package, such as a benchmark."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def load_package(folder: Path) -> None:
    """Make a package that isn't installed, such as one beside the benchmarks, importable by its folder's name."""
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)


load_package(ROOT / "benchmarks" / "coverage_simulation")
# Benchmarks import it by its name, from their own folder.
load_script(ROOT / "benchmarks" / "claim_experiments" / "claim_tables.py")


@pytest.fixture(scope="session")
def photograph_crops():
    """`crops(count, height, width, seed)`: uint8 [count, height, width, 3] from scikit-learn's photographs."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images

    def crops(count: int, height: int, width: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        made = []
        for number in range(count):
            photograph = photographs[number % len(photographs)]
            side = int(rng.integers(60, 300))
            top, left = (int(rng.integers(limit - side)) for limit in photograph.shape[:2])
            crop = Image.fromarray(photograph[top : top + side, left : left + side])
            made.append(np.asarray(crop.resize((width, height))))
        return np.stack(made)

    return crops


@pytest.fixture(scope="session")
def random_inception(tmp_path_factory, photograph_crops) -> Path:
    """A state dict of torch-fidelity's Inception with random weights whose features and logits vary."""
    path = tmp_path_factory.mktemp("weights") / "random-inception.pth"
    maker = load_script(ROOT / "benchmarks" / "random_inception.py")
    images = torch.from_numpy(photograph_crops(24, 128, 128, seed=5)).permute(0, 3, 1, 2)
    maker.write_random_inception(path, seed=0, images=images)
    return path


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

    from ganeval.cli import app as app_module

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
