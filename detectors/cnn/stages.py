"""What the stages of the embedded EfficientNet-Lite0 see in a tile: mean and spread of each channel."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from ganeval.features.efficientnet_lite import EfficientNetLiteExtractor, EfficientNetLiteNetwork
from ganeval.features.extractor import ExtractorRequest

#: Blocks after which features are taken, the stem being 0, with their channels: the end of each resolution and width.
STAGES = ((0, 32), (1, 16), (3, 24), (5, 40), (8, 80), (11, 112), (15, 192), (16, 320))
FEATURES = 2 * sum(channels for _, channels in STAGES)
#: The network halves the resolution five times; sides that are multiples of this stay whole at each.
MULTIPLE = 32
# As in the extractor: TensorFlow's EfficientNet-Lite was trained on (pixel - 127) / 128, and the stem divides by 128.
_MEAN = 127.0


@lru_cache(maxsize=1)
def _embedded() -> tuple[EfficientNetLiteNetwork, str]:
    extractor = EfficientNetLiteExtractor(ExtractorRequest())
    return extractor.network, extractor.info.weights_sha256 or ""


def embedded_checksum() -> str:
    """Hex SHA-256 of the embedded weights; raises `ExtractorError` if their package isn't installed."""
    return _embedded()[1]


class StageFeatures(nn.Module):
    """float32 pixels [n, 3, h, w] in 0..255, sides multiples of 32, to float32 [n, 1632], on the embedded weights.

    For each stage the mean of each channel and then its standard deviation over the tile: the last layers tell objects,
    the first ones textures and traces (Ojha, Li, Lee 2023 take the last layer of a far larger network).
    """

    def __init__(self) -> None:
        super().__init__()
        network, self.checksum = _embedded()
        self.layers = nn.ModuleList([*network.early, *network.late])

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels - _MEAN).contiguous(memory_format=torch.channels_last)
        found, taken = [], {number for number, _ in STAGES}
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in taken:
                spread, mean = torch.std_mean(x, dim=(2, 3), correction=0)
                found += [mean, spread]
        return torch.cat(found, dim=1)
