"""Real photographs to look at and random Inception weights to look with, shared by the tests of extractors."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor

Photos = Callable[..., Tensor]


def _random_inception() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "random_inception.py"
    spec = importlib.util.spec_from_file_location("random_inception", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def photos() -> Photos:
    """A function (count, height, width, seed) to uint8 [count, 3, height, width]: random crops of photographs."""
    scenes = [np.asarray(scene) for scene in load_sample_images().images]

    def crops(count: int, height: int, width: int, seed: int = 0) -> Tensor:
        random = np.random.default_rng(seed)
        batch = []
        for index in range(count):
            scene = scenes[index % len(scenes)]
            side = int(random.integers(150, 400))
            top, left = (int(random.integers(0, length - side)) for length in scene.shape[:2])
            crop = Image.fromarray(scene[top : top + side, left : left + side])
            batch.append(np.asarray(crop.resize((width, height), Image.Resampling.LANCZOS)))
        return torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2)

    return crops


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory: pytest.TempPathFactory, photos: Photos) -> Path:
    """A file of random, calibrated Inception weights."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    written: Path = _random_inception().write_random_inception(path, seed=0, images=photos(6, 128, 128, seed=100))
    return written


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a network and without any downloaded weights; gives its folder of weights."""
    from urllib.error import URLError

    from ganeval.features import downloading, weights

    def refuse(url: str) -> None:
        raise URLError(OSError(-2, "Name or service not known"))

    folder = tmp_path / "cache" / "weights"
    monkeypatch.setattr(downloading, "_open", refuse)
    monkeypatch.setattr(downloading, "weights_folder", lambda: folder)
    monkeypatch.setattr(weights, "weights_folder", lambda: folder)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return folder
