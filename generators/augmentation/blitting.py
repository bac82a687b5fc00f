"""Augmentations that move whole pixels: mirroring, quarter turns, translation."""

from __future__ import annotations

import torch
from torch import Tensor

#: Most that images are moved by, as a share of their sides.
MOVED = 0.125


def blitted(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Mirror, turn and move images [N, C, H, W] (Karras et al. 2020, ADA, appendix B, pixel blitting).

    Mirroring and turns are drawn uniformly, so that half (a quarter) of those that are chosen stay as they are.
    Quarter turns are those of square images; others are turned by half. What comes in is mirrored.
    """
    count, channels, height, width = images.shape
    draws = torch.rand(7, count, generator=random)
    chosen = draws[:3] < probability
    mirror = chosen[0] & (draws[3] < 0.5)
    quarters = (draws[4] * 4).long() if height == width else (draws[4] * 2).long() * 2
    quarters = torch.where(chosen[1], quarters, 0)
    moves = (draws[5:] * 2 - 1) * MOVED * torch.tensor([[height], [width]])
    down, right = torch.where(chosen[2], moves.round().long(), 0)
    if not bool(mirror.any() | (quarters != 0).any() | (down != 0).any() | (right != 0).any()):
        return images
    parameters = (values.to(images.device)[:, None, None] for values in (mirror, quarters, down, right))
    places = _sources(height, width, *parameters).flatten(1)
    return images.flatten(2).gather(2, places[:, None, :].expand(-1, channels, -1)).view_as(images)


def _sources(height: int, width: int, mirror: Tensor, quarters: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """int64 [N, H, W]: which pixel of the row-wise image comes to each place; undone in the reverse order."""
    y = mirrored(torch.arange(height, device=mirror.device)[:, None] - down, height)
    x = mirrored(torch.arange(width, device=mirror.device)[None, :] - right, width)
    # Counter-clockwise: two quarters turn both axes round, an odd one swaps them too.
    half = quarters >= 2
    y, x = torch.where(half, height - 1 - y, y), torch.where(half, width - 1 - x, x)
    odd = quarters % 2 == 1
    y, x = torch.where(odd, x, y), torch.where(odd, width - 1 - y, x)
    return y * width + torch.where(mirror, width - 1 - x, x)


def mirrored(places: Tensor, side: int) -> Tensor:
    """Whole numbers folded into 0 … `side` − 1, as if images stood between mirrors at their edges."""
    folded = places % (2 * side)
    return torch.where(folded < side, folded, 2 * side - 1 - folded)
