"""The augmentation pipeline of ADA: pixel blitting, then geometry, then colour (Karras et al. 2020, appendix B)."""

from __future__ import annotations

import torch
from torch import Tensor

from ganeval.generators.augmentation.blitting import blitted
from ganeval.generators.augmentation.colours import recoloured
from ganeval.generators.augmentation.geometry import warped


def ada(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Each transformation of each image with the given probability, independently.

    Parameters
    ----------
    images
        [N, C, H, W] in [-1, 1].
    probability
        From 0, which leaves the images as they are, to 1.
    random
        On the CPU; as much is drawn from it whatever the probability.

    Returns
    -------
    Tensor
        float32 [N, C, H, W], with gradients of any order.
    """
    with torch.autocast(images.device.type, enabled=False):
        images = images.float()
        for transformation in (blitted, warped, recoloured):
            images = transformation(images, probability, random)
    return images
