"""A network small enough for loops in tests, and images that it tells apart."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

_SEEN: Counter[nn.Module] = Counter()


class TinyNetwork(nn.Module):
    """Six features and four logits of channel means and spreads, in float64, so that batches don't show."""

    num_features = 6

    def __init__(self) -> None:
        super().__init__()
        weights = torch.Generator().manual_seed(3)
        self.register_buffer("mix", torch.randn(6, 6, generator=weights).double())
        self.register_buffer("classes", torch.randn(6, 4, generator=weights).double())

    @property
    def images(self) -> int:
        """How many went through it; kept elsewhere, since an extractor's attributes are part of its identity."""
        return _SEEN[self]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        _SEEN[self] += len(images)
        pixels = images.double() / 255
        pooled = torch.cat([pixels.mean(dim=(2, 3)), pixels.std(dim=(2, 3))], dim=1) @ self.mix
        return pooled, 5 * pooled @ self.classes


def make_images(count: int, seed: int, bright: float = 1.0, side: int = 8) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    colour = torch.rand(count, 3, 1, 1, generator=random) * bright
    return ((colour + 0.2 * torch.rand(count, 3, side, side, generator=random)) * 200).clamp(0, 255).to(torch.uint8)


@pytest.fixture
def network() -> TinyNetwork:
    return TinyNetwork().eval()


@pytest.fixture(scope="session")
def real_images() -> torch.Tensor:
    return make_images(120, seed=1)


@pytest.fixture(scope="session")
def generated_images() -> torch.Tensor:
    return make_images(90, seed=2, bright=0.8)
