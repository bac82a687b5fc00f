"""Small generators of all kinds, made in the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ganeval.generators.configuration import configured
from ganeval.generators.registry import MODELS
from ganeval.generators.weights_file import save_model
from ganeval.images.source import ImageSource


@pytest.fixture
def weights(tmp_path: Path) -> Callable[..., Path]:
    """``weights("cgan", classes=3)``: a safetensors file of such a model with first weights."""

    def make(name: str, **config: Any) -> Path:
        kind = MODELS.get(name)
        model = kind.initialised(configured(kind.Config, {"size": [8, 8], "channels": 1} | config), seed=1)
        path = tmp_path / f"{name}.safetensors"
        save_model(path, name, model, {"steps": 7, "data": "test"})
        return path

    return make


@pytest.fixture
def pixels() -> Callable[[ImageSource], npt.NDArray[np.uint8]]:
    """All images of a source, uint8 [N, H, W, 3]."""
    return lambda source: np.stack([item.load().pixels for item in source])


class Linear(torch.nn.Module):
    """Images [N, 3, 4, 4] in [-1, 1] that are a linear function of z [N, 6], and brighter with the label."""

    def __init__(self, classes: int = 0) -> None:
        super().__init__()
        self.z_dim = 6
        self.classes = classes
        self.map = torch.nn.Linear(6, 48)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            torch.nn.init.normal_(self.map.weight)
            torch.nn.init.zeros_(self.map.bias)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.map(z)).reshape(-1, 3, 4, 4)


@pytest.fixture
def linear() -> Linear:
    return Linear().eval()
