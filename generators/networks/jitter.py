"""Random jitter of training images (Isola et al. 2017, appendix 6.2): enlarged, then cropped at a random place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def jittered(images: Sequence[Tensor], share: float, random: torch.Generator) -> list[Tensor]:
    """Several sets of images of the same things, enlarged alike, and each thing cropped at one place in all sets.

    Parameters
    ----------
    images
        Sets float32 [N, C, H, W] in [-1, 1], with the same N, H and W.
    share
        By how much both sides grow: 30 / 256 in the paper. 0 leaves the images as they are, and draws nothing.
    random
        On the CPU.
    """
    if share == 0:
        return list(images)
    count, _, height, width = images[0].shape
    larger = (round(height * (1 + share)), round(width * (1 + share)))
    tops = torch.randint(larger[0] - height + 1, (count,), generator=random).tolist()
    lefts = torch.randint(larger[1] - width + 1, (count,), generator=random).tolist()
    cropped = []
    for part in images:
        enlarged = interpolate(part, larger, mode="bicubic", align_corners=False).clamp(-1, 1)
        places = zip(enlarged, tops, lefts, strict=True)
        cropped.append(torch.stack([image[:, y : y + height, x : x + width] for image, y, x in places]))
    return cropped
