"""A generator with everything that an evaluation could disturb, and a suite small enough for loops in tests."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganeval.metrics import MetricSuite


def features(images: torch.Tensor) -> torch.Tensor:
    return nn.functional.adaptive_avg_pool2d(images.double() / 255, 2).flatten(1)[:, :6]


class TinyGenerator(nn.Module):
    z_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 108), nn.BatchNorm1d(108), nn.Dropout(0.3), nn.Tanh())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layers(z).reshape(-1, 3, 6, 6)


@pytest.fixture(scope="session")
def real_images() -> torch.Tensor:
    return torch.rand(80, 3, 6, 6, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8


@pytest.fixture
def suite(real_images) -> MetricSuite:
    return MetricSuite(["fid"], real_images, extractor=features, value_range=(-1, 1), cache=False, device="cpu")


@pytest.fixture
def generator() -> TinyGenerator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TinyGenerator()


@pytest.fixture(scope="session")
def tiny_features():
    return features


@pytest.fixture(scope="session")
def make_generator():
    return TinyGenerator
