"""The deep convolutional GAN of Radford, Metz and Chintala (2016): generator and discriminator for square images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from ganeval.errors import OptionError

#: Sides in pixels that the smallest feature map may have: the paper's is 4, and 28 pixels halve to 7.
SMALLEST_BASE, LARGEST_BASE = 4, 7


@dataclass(frozen=True)
class DCGANConfig:
    """The size of a DCGAN.

    Parameters
    ----------
    resolution
        Height and width of the images in pixels: 4, 5, 6 or 7 doubled one or more times, such as 8, 28, 32, 48 or 64.
    channels
        Colour channels: 1 for greyscale, 3 for RGB.
    latent
        Dimensions of the latent vector, uniform on [-1, 1] as in section 4 of the paper.
    width
        Channels next to the image, doubled at each halving of the resolution. The paper has 64 at best; narrower nets
        train on a CPU.

    Raises
    ------
    OptionError
        If the resolution can't be reached by doubling, or a size is not positive.
    """

    resolution: int = 28
    channels: int = 1
    latent: int = 100
    width: int = 64

    def __post_init__(self) -> None:
        for name in ("resolution", "channels", "latent", "width"):
            value = getattr(self, name)
            if value < 1:
                raise OptionError(f"{name} of a DCGAN is {value}", hint="It has to be 1 or more.")
        if not SMALLEST_BASE <= self.base <= LARGEST_BASE or self.doublings == 0:
            raise OptionError(
                f"a DCGAN can't make images of {self.resolution}×{self.resolution} pixels",
                hint="The side has to be 4, 5, 6 or 7 doubled one or more times, such as 8, 28, 32, 48 or 64.",
            )

    @property
    def doublings(self) -> int:
        """How many times the generator doubles the resolution."""
        count, side = 0, self.resolution
        while side % 2 == 0 and side // 2 >= SMALLEST_BASE:
            count, side = count + 1, side // 2
        return count

    @property
    def base(self) -> int:
        """Side in pixels of the smallest feature map."""
        return self.resolution >> self.doublings

    @property
    def widths(self) -> list[int]:
        """Channels of the feature maps, from next to the image to the smallest."""
        return [self.width << level for level in range(self.doublings)]


class Generator(nn.Module):
    """Latent vectors to images: a projection, then fractionally strided convolutions.

    As the paper's section 3 asks: no pooling, batch normalisation in all layers but the last, ReLU, tanh at the end.
    Kernels are 4×4 where the paper's are 5×5, so that each output pixel is reached by equally many inputs.
    """

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths[::-1]
        layers: list[nn.Module] = [
            nn.Linear(config.latent, widths[0] * config.base**2, bias=False),
            nn.Unflatten(1, (widths[0], config.base, config.base)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        layers += [nn.ConvTranspose2d(widths[-1], config.channels, kernel_size=4, stride=2, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Images of shape [N, channels, resolution, resolution], values in [-1, 1], from `z` of shape [N, latent]."""
        images: Tensor = self.layers(z)
        return images


class Discriminator(nn.Module):
    """Images to one logit each, larger for real ones: strided convolutions with LeakyReLU of slope 0.2.

    As the paper's section 3 asks: no pooling, no hidden fully connected layer, batch normalisation in all layers but
    the first.
    """

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        layers: list[nn.Module] = [
            nn.Conv2d(config.channels, widths[0], kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
            ]
        layers += [nn.Conv2d(widths[-1], 1, kernel_size=config.base), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape [N] for `images` of shape [N, channels, resolution, resolution] in [-1, 1]."""
        logits: Tensor = self.layers(images)
        return logits


Network = TypeVar("Network", Generator, Discriminator)


def without_weights(network: type[Network], config: DCGANConfig) -> Network:
    """A network on the CPU whose weights are yet to be set by `initialise` or ``load_state_dict``.

    Unlike calling the class, this leaves torch's global random state as it is.
    """
    with torch.device("meta"):
        built = network(config)
    return built.to_empty(device="cpu")


def initialise(network: nn.Module, random: torch.Generator) -> None:
    """Draw all weights anew from N(0, 0.02²) (section 4); scales of batch norms from N(1, 0.02²), biases are zero.

    Running statistics of batch norms start anew.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02, generator=random)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02, generator=random)
            module.reset_running_stats()
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
