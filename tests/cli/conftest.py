"""Small folders of real images for commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images


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
