"""Fully connected networks of the first GAN (Goodfellow et al. 2014)."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

from ganeval.generators.networks.dropout import Dropout
from ganeval.generators.networks.maxout import Maxout

#: Share of pixels that the discriminator drops where it drops half of the hidden units (its published configuration).
PIXEL_DROPOUT = 0.2


class MLPGenerator(nn.Module):
    """Latent vectors to images through rectified layers; tanh at the end, where the paper's [0, 1] has a sigmoid.

    Parameters
    ----------
    inputs
        Dimensions of the latent vectors.
    shape
        Channels, height and width of the images.
    width
        Units of a hidden layer.
    depth
        Hidden layers.
    """

    def __init__(self, inputs: int, shape: tuple[int, int, int], width: int, depth: int = 2) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        layers += [nn.Linear(sizes[-1], math.prod(shape)), nn.Tanh(), nn.Unflatten(1, shape)]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] from `z` [N, inputs]."""
        images: Tensor = self.layers(z)
        return images


class MaxoutDiscriminator(nn.Module):
    """Images to one output each, larger for real ones, through maxout layers with dropout before each.

    Parameters
    ----------
    shape
        Channels, height and width of the images.
    units
        Of a hidden layer.
    pieces
        Linear functions of each unit.
    depth
        Hidden layers.
    dropout
        Share of hidden units that are dropped; of pixels it is 2/5 of that, as the paper's 0.2 to 0.5. Masks are drawn
        within `ganeval.generators.networks.dropout.drawing_masks` alone.
    """

    def __init__(self, shape: tuple[int, int, int], units: int, pieces: int, depth: int, dropout: float) -> None:
        super().__init__()
        sizes = [math.prod(shape), *[units] * depth]
        layers: list[nn.Module] = [nn.Flatten(), Dropout(dropout * PIXEL_DROPOUT / 0.5)]
        for before, after in pairwise(sizes):
            layers += [Maxout(before, after, pieces), Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 1), nn.Flatten(0))

    def forward(self, images: Tensor) -> Tensor:
        """Outputs [N] for `images` [N, C, H, W] in [-1, 1]."""
        outputs: Tensor = self.layers(images)
        return outputs
