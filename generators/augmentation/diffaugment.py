"""DiffAugment: colour, translation and cutout of real and generated images alike (Zhao et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Most pixels that images are moved by, and the side of the square that is cut out, as shares of the image's sides.
MOVED, CUT = 1 / 8, 1 / 2


def diffaugment(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Colour, then translation, then cutout of each image (section 3.2 and appendix).

    Parameters
    ----------
    images
        [N, C, H, W] in [-1, 1].
    probability
        Of each of the three for each image; the paper's is 1.
    random
        On the CPU.

    Returns
    -------
    Tensor
        float32 [N, C, H, W], with gradients.
    """
    with torch.autocast(images.device.type, enabled=False):
        changed = images.float()
        for change in (colour, translation, cutout):
            # The uniform number comes first, so that a probability changes which images are touched and no more.
            touched = torch.rand(len(images), 1, 1, 1, generator=random) < probability
            candidate = change(changed, random)
            changed = candidate if probability >= 1 else torch.where(touched.to(images.device), candidate, changed)
    return changed


def colour(images: Tensor, random: torch.Generator) -> Tensor:
    """Brightness by up to ±0.5, saturation times 0 to 2, contrast times 0.5 to 1.5, in this order."""
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1, generator=random).to(images.device).unbind()
    images = images + (brightness - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + 2 * saturation * (images - grey)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5) * (images - mean)


def translation(images: Tensor, random: torch.Generator) -> Tensor:
    """Moved by whole pixels, up to an eighth of each side; what comes in is 0."""
    down, right = (
        _whole_numbers(-_pixels(side, MOVED), _pixels(side, MOVED), len(images), random).to(images.device)
        for side in images.shape[2:]
    )
    return moved(images, down, right)


def moved(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Images [N, C, H, W], each moved by whole pixels, int64 [N] each; what comes in is 0."""
    height, width = images.shape[2:]
    rows = torch.arange(height, device=images.device) - down[:, None]
    columns = torch.arange(width, device=images.device) - right[:, None]
    inside = (_within(rows, height)[:, :, None] & _within(columns, width)[:, None, :])[:, None]
    places = (rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]).flatten(1)
    taken = images.flatten(2).gather(2, places[:, None, :].expand(-1, images.shape[1], -1))
    return taken.view_as(images) * inside


def cutout(images: Tensor, random: torch.Generator) -> Tensor:
    """A rectangle of half of each side is made 0; its centre is anywhere, so that it may stick out."""
    sides = [_pixels(side, CUT) for side in images.shape[2:]]
    kept = []
    for side, cut in zip(images.shape[2:], sides, strict=True):
        centre = _whole_numbers(0, side - cut % 2, len(images), random)
        first = (centre - cut // 2)[:, None]
        place = torch.arange(side)
        kept.append(((place < first) | (place >= first + cut)).to(images.device))
    return images * (kept[0][:, None, :, None] | kept[1][:, None, None, :])


def _pixels(side: int, share: float) -> int:
    return math.floor(side * share + 0.5)


def _within(places: Tensor, side: int) -> Tensor:
    return (places >= 0) & (places < side)


def _whole_numbers(low: int, high: int, count: int, random: torch.Generator) -> Tensor:
    """int64 [count] from `low` to `high`, both possible."""
    return torch.randint(low, high + 1, (count,), generator=random)
