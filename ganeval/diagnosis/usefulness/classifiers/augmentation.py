"""Random crops and mirror images of a batch, each image its own, from a random stream alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

#: Share of the area, and proportions of width to height, of a random part.
AREAS = (0.08, 1.0)
PROPORTIONS = (3 / 4, 4 / 3)
#: Share of the edge of the middle part on which networks are tested that were trained on random parts.
MIDDLE = 7 / 8
_TRIES = 10


def as_input(images: Tensor) -> Tensor:
    """uint8 [n, 3, H, W] as float32 in [-1, 1]."""
    return images.float().div_(127.5).sub_(1.0)


def random_parts(images: Tensor, random: torch.Generator, *, flip: bool) -> Tensor:
    """A random part of each image, brought to the whole's size (Szegedy et al. 2015), and half of them mirrored.

    Parameters
    ----------
    images
        float32 [n, 3, H, W].
    random
        On the CPU.
    flip
        Whether half of them are mirrored.
    """
    count, _, height, width = images.shape
    areas = torch.empty(count, _TRIES).uniform_(*AREAS, generator=random)
    low, high = map(math.log, PROPORTIONS)
    proportions = torch.empty(count, _TRIES).uniform_(low, high, generator=random).exp()
    # As shares of the edges; what is wider than the image isn't there, and the next try counts.
    wide = (areas * proportions * height / width).sqrt()
    high_ = (areas / proportions * width / height).sqrt()
    fits = (wide <= 1) & (high_ <= 1)
    first = torch.where(fits.any(dim=1), fits.float().argmax(dim=1), torch.zeros(count, dtype=torch.long))
    chosen = first[:, None]
    whole = ~fits.any(dim=1, keepdim=True)
    sizes = [torch.where(whole, 1.0, side.gather(1, chosen)).squeeze(1) for side in (wide, high_)]
    corners = [torch.rand(count, generator=random) * (1 - side) for side in sizes]
    mirrored = (torch.rand(count, generator=random) < 0.5) & flip
    return _parts(images, sizes, corners, mirrored)


def middle_part(images: Tensor) -> Tensor:
    """The middle seven eighths of each image, brought to the whole's size."""
    count = len(images)
    sides = [torch.full((count,), MIDDLE)] * 2
    corners = [torch.full((count,), (1 - MIDDLE) / 2)] * 2
    return _parts(images, sides, corners, torch.zeros(count, dtype=torch.bool))


def _parts(images: Tensor, sizes: list[Tensor], corners: list[Tensor], mirrored: Tensor) -> Tensor:
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0] = torch.where(mirrored, -sizes[0], sizes[0])
    theta[:, 1, 1] = sizes[1]
    for axis in (0, 1):
        theta[:, axis, 2] = 2 * corners[axis] + sizes[axis] - 1
    grid = functional.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def random_shifts(images: Tensor, random: torch.Generator, *, flip: bool) -> Tensor:
    """Each image moved by up to an eighth of its edges, with zeros where nothing is left, and half of them mirrored.

    Parameters
    ----------
    images
        float32 [n, 3, H, W].
    random
        On the CPU.
    flip
        Whether half of them are mirrored.
    """
    count, channels, height, width = images.shape
    reach = max(1, round(height / 8)), max(1, round(width / 8))
    padded = functional.pad(images, (reach[1], reach[1], reach[0], reach[0]))
    down = torch.randint(2 * reach[0] + 1, (count, 1), generator=random) + torch.arange(height)
    right = torch.randint(2 * reach[1] + 1, (count, 1), generator=random) + torch.arange(width)
    mirrored = (torch.rand(count, 1, generator=random) < 0.5) & flip
    right = torch.where(mirrored, right.flip(1), right).to(images.device)
    rows = padded.gather(2, down.to(images.device)[:, None, :, None].expand(-1, channels, -1, padded.shape[3]))
    return rows.gather(3, right[:, None, None, :].expand(-1, channels, height, -1))
