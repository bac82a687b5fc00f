"""The baseline without a network: the image itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganeval.errors import OptionError, WeightsError
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.pixels import SPEC, PixelsExtractor


def test_images_of_32_pixels_are_their_own_features() -> None:
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    output = PixelsExtractor(ExtractorRequest())(images)
    assert output.logits is None
    assert output.pooled.shape == (3, 3072)
    assert torch.equal(output.pooled, images.reshape(3, -1).float() / 255)


def test_larger_images_are_shrunk_as_pillow_does() -> None:
    images = torch.randint(0, 256, (2, 3, 100, 80), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    pooled = PixelsExtractor(ExtractorRequest())(images).pooled.reshape(2, 3, 32, 32)
    for image, ours in zip(images, pooled, strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((32, 32), Image.Resampling.BICUBIC)
        # Pillow rounds each of its two passes to whole numbers here.
        assert np.abs(np.asarray(picture) / 255 - ours.permute(1, 2, 0).numpy()).max() < 1.6 / 255


def test_options_are_checked() -> None:
    assert PixelsExtractor(ExtractorRequest(preprocessing="tf1")).info.preprocessing == "tf1"
    with pytest.raises(OptionError):
        PixelsExtractor(ExtractorRequest(preprocessing="nearest"))
    with pytest.raises(WeightsError, match="no weights"):
        PixelsExtractor(ExtractorRequest(weights=Path("w.pth")))
    assert SPEC.availability().available
