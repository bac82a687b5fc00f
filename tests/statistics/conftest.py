"""A network of six features, real photographs' crops, and statistics of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.statistics import Statistics, compute_statistics


class MeansAndSpreads(FeatureExtractor):
    """Mean and standard deviation of each channel, [N, 6]; logits their first three."""

    thread_safe = True

    def __init__(self, *, weights: str | None = "a" * 64, logits: bool = True) -> None:
        self.info = ExtractorInfo(
            "means-and-spreads", weights, "native", feature_dim=6, class_count=3 if logits else None
        )

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        return images.float()

    def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
        pooled = torch.cat([prepared.mean(dim=(2, 3)), prepared.std(dim=(2, 3))], dim=1) / 32
        return ExtractorOutput(pooled, pooled[:, :3] if self.info.class_count else None)


@pytest.fixture(scope="session")
def network() -> Callable[..., MeansAndSpreads]:
    return MeansAndSpreads


@pytest.fixture(scope="session")
def pictures(photograph_crops) -> Callable[[int, int], np.ndarray]:
    """`pictures(count, seed)`: uint8 [count, 8, 8, 3]."""
    return lambda count, seed: photograph_crops(count, 8, 8, seed)


@pytest.fixture
def known(network) -> Callable[..., Statistics]:
    """Statistics of an array of images."""

    def make(images: np.ndarray, **options) -> Statistics:
        return compute_statistics(images, **{"extractor": network(), "cache": False, "device": "cpu", **options})

    return make
