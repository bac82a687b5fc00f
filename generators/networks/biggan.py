"""The residual networks of BigGAN, which take z in parts and labels (Brock et al. 2019, appendix B)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganeval.generators.networks.conditional_norm import ConditionalBatchNorm
from ganeval.generators.networks.residual import DownBlock, UpBlock
from ganeval.generators.networks.sizes import Halvings

#: Makes a layer for a map of that many channels.
Layer = Callable[[int], nn.Module]

#: Channels of the generator's smallest map and after each block, in units of the width, by number of blocks: the
#: paper's tables 4 to 6 for 128, 256 and 512 pixels, and the authors' code for 32 and 64.
_GENERATOR_MULTIPLES = {
    4: (16, 16, 8, 4, 2),
    5: (16, 16, 8, 4, 2, 1),
    6: (16, 16, 8, 8, 4, 2, 1),
    7: (16, 16, 8, 8, 4, 2, 1, 1),
}
#: Up to this many halvings (32 pixels from 4) all maps have 4 widths, and the discriminator halves twice at most.
_SMALL = 3


def generator_widths(halvings: Halvings, width: int) -> list[int]:
    """Channels of the generator's smallest map and after each of its blocks."""
    if halvings.count <= _SMALL:
        return [4 * width] * (halvings.count + 1)
    largest = max(_GENERATOR_MULTIPLES)
    multiples = _GENERATOR_MULTIPLES[min(halvings.count, largest)] + (1,) * max(halvings.count - largest, 0)
    return [multiple * width for multiple in multiples]


def discriminator_widths(halvings: Halvings, width: int) -> tuple[list[int], int]:
    """Channels after each of the discriminator's blocks, and how many of these, the first ones, halve the map."""
    if halvings.count <= _SMALL:
        halved = min(halvings.count, 2)
        return [4 * width] * (halved + 2), halved
    mirrored = generator_widths(halvings, width)[:0:-1]
    return [*mirrored, mirrored[-1]], halvings.count


class BigGANGenerator(nn.Module):
    """z and labels to images: a projection, conditioned up-blocks, norm, ReLU, 3×3 convolution, tanh.

    z is split into one part for the projection and one for each block; a block's norms are conditioned on its part
    and on the label's vector, which all blocks share.

    Parameters
    ----------
    latent
        Dimensions of z. Parts differ by one dimension where their number doesn't divide it.
    classes
        How many labels there are.
    shared
        Dimensions of a label's vector.
    channels
        Of the images.
    halvings
        Of the images' size.
    width
        The unit of `generator_widths`.
    hierarchical
        False gives all of z to the projection and none to the blocks.
    between
        Makes a layer after that many blocks (attention).
    """

    def __init__(
        self,
        latent: int,
        classes: int,
        shared: int,
        channels: int,
        halvings: Halvings,
        width: int,
        hierarchical: bool = True,
        between: Mapping[int, Layer] | None = None,
    ) -> None:
        super().__init__()
        widths = generator_widths(halvings, width)
        height, breadth = halvings.base
        #: Dimensions of the parts of z.
        self.parts = part_sizes(latent, halvings.count + 1) if hierarchical else [latent] + [0] * halvings.count
        self.shared = nn.Embedding(classes, shared)
        self.project = nn.Sequential(
            nn.Linear(self.parts[0], widths[0] * height * breadth), nn.Unflatten(1, (widths[0], height, breadth))
        )
        norms = [partial(ConditionalBatchNorm, condition=shared + part) for part in self.parts[1:]]
        blocks = [UpBlock(*pair, norm=norm) for pair, norm in zip(pairwise(widths), norms, strict=True)]
        self.blocks = nn.ModuleList(blocks)
        self.between = _layers_between(between or {}, widths[1:])
        self.norm = nn.BatchNorm2d(widths[-1])
        self.to_image = nn.Conv2d(widths[-1], channels, kernel_size=3, padding=1)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images [N, channels, height, width] in [-1, 1] of `z` [N, latent] and `labels` int64 [N]."""
        first, *others = torch.split(z, self.parts, dim=1)
        label = self.shared(labels)
        features = self.project(first)
        for block, between, part in zip(self.blocks, self.between, others, strict=True):
            features = between(block(features, torch.cat([label, part], dim=1)))
        images: Tensor = self.to_image(self.norm(features).relu())
        return images.tanh()

    def unshared(self) -> list[nn.Module]:
        """All but the labels' vectors: what is normalised and kept orthogonal."""
        return [self.project, self.blocks, self.between, self.norm, self.to_image]


class BigGANDiscriminator(nn.Module):
    """Images and labels to one output each: down-blocks, ReLU, sum over pixels h, then w·h + b + label·h.

    The last term is the projection of Miyato and Koyama (2018), equation 3.

    Parameters
    ----------
    classes
        How many labels there are.
    channels
        Of the images.
    halvings
        Of the images' size.
    width
        The unit of `discriminator_widths`.
    between
        Makes a layer after that many blocks (attention).
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        halvings: Halvings,
        width: int,
        between: Mapping[int, Layer] | None = None,
    ) -> None:
        super().__init__()
        widths, halved = discriminator_widths(halvings, width)
        pairs = enumerate(pairwise([channels, *widths]))
        blocks = [DownBlock(*pair, halve=number < halved, first=number == 0) for number, pair in pairs]
        self.blocks = nn.ModuleList(blocks)
        self.between = _layers_between(between or {}, widths)
        self.head = nn.Linear(widths[-1], 1)
        self.embedding = nn.Embedding(classes, widths[-1])

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Outputs [N], larger for real ones of that class, for `images` [N, C, H, W] and `labels` int64 [N]."""
        features = images
        for block, between in zip(self.blocks, self.between, strict=True):
            features = between(block(features))
        summed = features.relu().sum(dim=(2, 3))
        outputs: Tensor = self.head(summed)[:, 0] + (self.embedding(labels) * summed).sum(dim=1)
        return outputs


def part_sizes(total: int, parts: int) -> list[int]:
    """Sizes of `parts` parts of `total`, the larger ones first."""
    return [(total + parts - 1 - number) // parts for number in range(parts)]


def _layers_between(between: Mapping[int, Layer], widths: Sequence[int]) -> nn.ModuleList:
    made = [
        between[number](width) if number in between else nn.Identity() for number, width in enumerate(widths, start=1)
    ]
    return nn.ModuleList(made)
