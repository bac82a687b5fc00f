"""Padding of images whose sides aren't divisible by what a network halves them by."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad


def padded_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Images [N, C, H, W] with their last row and column repeated until both sides are multiples of a number.

    The image is the upper left part, so that ``result[..., :H, :W]`` has it back.
    """
    height, width = images.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return pad(images, (0, right, 0, below), mode="replicate") if below or right else images
