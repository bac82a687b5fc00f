"""What all tests share: random but calibrated Inception weights, made once a session."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[1]


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
