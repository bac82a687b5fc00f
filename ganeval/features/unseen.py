"""No features at all: for runs whose metrics read the images themselves, so that no network has to be there."""

from __future__ import annotations

import torch
from torch import Tensor

from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo

NAME = "none"


class NoFeatures(FeatureExtractor):
    """A zero for each image, [N, 1], whatever is in it: what remains of an extraction is what decoding tells."""

    thread_safe = True

    def __init__(self) -> None:
        self.info = ExtractorInfo(name=NAME, weights_sha256=None, preprocessing=NAME, feature_dim=1)

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] to zeros, float32 [N, 1]."""
        return torch.zeros(len(images), 1, device=images.device)

    def forward(self, prepared: Tensor) -> ExtractorOutput:
        """Pooled [N, 1], all zero."""
        return ExtractorOutput(pooled=prepared)
