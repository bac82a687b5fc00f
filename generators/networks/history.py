"""A store of images that a generator made earlier, for its discriminator to see again (Shrivastava et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ImageHistory(nn.Module):
    """Of each image that comes, half are swapped for an earlier one (section 2.3; Zhu et al. 2017, section 4).

    As long as there is room, an image is stored and given back. Afterwards, with probability 1/2, a stored image is
    given back and the new one takes its place; otherwise the new one is given back and not stored.

    What is stored is a buffer, so that checkpoints hold it. It has eight bits a value, as real images have, and so has
    all that is given back: the discriminator can't tell generated images by their finer steps, nor new from old ones.

    Parameters
    ----------
    capacity
        Images that are stored; with 0, all images are given back.
    channels
        Of the images.
    size
        Their height and width.
    """

    images: Tensor
    count: Tensor

    def __init__(self, capacity: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(capacity, channels, *size, dtype=torch.uint8))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def swapped(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Images [N, C, H, W] in [-1, 1], some of them for earlier ones; `random` is on the CPU."""
        levels = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        capacity, stored = len(self.images), int(self.count)
        given = []
        for image in levels:
            if stored < capacity:
                self.images[stored] = image
                stored += 1
            elif capacity and torch.rand((), generator=random) < 0.5:
                place = int(torch.randint(capacity, (), generator=random))
                earlier = self.images[place].clone()
                self.images[place] = image
                image = earlier
            given.append(image)
        self.count.fill_(stored)
        return torch.stack(given).float().div_(127.5).sub_(1.0)
