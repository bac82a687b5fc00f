"""Self-attention over the pixels of a map (Zhang et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class SelfAttention(nn.Module):
    """Each pixel adds what it attends to elsewhere in the map, times a gate that starts at 0.

    As section 3 of the paper, equations 1 to 3, with 1/8 of the channels for queries and keys. Like the authors' own
    networks and BigGAN's, keys and values are taken from a map reduced by 2×2 maxima, and values have 1/2 of the
    channels.

    Parameters
    ----------
    channels
        Of the map.
    pooled
        Whether keys and values are reduced; needs maps of 2 by 2 pixels or more.
    """

    def __init__(self, channels: int, pooled: bool = True) -> None:
        super().__init__()
        narrow, half = max(channels // 8, 1), max(channels // 2, 1)
        self.pooled = pooled
        self.query = nn.Conv2d(channels, narrow, kernel_size=1, bias=False)
        self.key = nn.Conv2d(channels, narrow, kernel_size=1, bias=False)
        self.value = nn.Conv2d(channels, half, kernel_size=1, bias=False)
        self.output = nn.Conv2d(half, channels, kernel_size=1, bias=False)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        """Features [N, channels, H, W] of the same shape; themselves while the gate is 0."""
        attended = self.attention(features) @ self._reduced(self.value(features)).transpose(1, 2)
        gathered = attended.transpose(1, 2).reshape(len(features), -1, *features.shape[2:])
        result: Tensor = features + self.gate * self.output(gathered)
        return result

    def attention(self, features: Tensor) -> Tensor:
        """How much each pixel attends to each place: float [N, H·W, places], rows add up to 1."""
        queries = self.query(features).flatten(2).transpose(1, 2)
        # Written out: torch's fused attention has no second derivative, which gradient penalties need.
        scores: Tensor = queries @ self._reduced(self.key(features))
        return scores.softmax(dim=-1)

    def _reduced(self, features: Tensor) -> Tensor:
        return (max_pool2d(features, 2) if self.pooled else features).flatten(2)
