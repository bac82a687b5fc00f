"""What metrics may ask for beyond the features: the images themselves, the clips, the generator, the extractor."""

from __future__ import annotations

from dataclasses import replace

import torch

from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import Features
from ganeval.features.precision import arithmetic
from ganeval.images.reading import ImageReader
from ganeval.images.source import ImageSource


def with_access(
    features: Features, source: ImageSource, extractor: FeatureExtractor, device: torch.device | None = None
) -> Features:
    """`features` of `source`, with the ways to read on that the source and the extractor offer.

    `device` is where the extractor is; None stands for the CPU.
    """
    place = torch.device("cpu") if device is None else device

    @torch.no_grad()
    def embed(images: torch.Tensor) -> torch.Tensor:
        with arithmetic(extractor.info.precision, place):
            return extractor(images.to(place)).pooled.detach().to("cpu", torch.float32)

    skipped = [image_id for image_id, _ in features.skipped]
    return replace(
        features,
        reader=ImageReader(source, len(features), skipped) if source.repeatable else None,
        clips=tuple(image_id.rpartition("/")[0] for image_id in features.ids) if source.in_clips else None,
        sampler=source.sampler,
        embed=embed,
    )
