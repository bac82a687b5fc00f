"""The networks of the deep convolutional GAN (Radford et al. 2016), which several models share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn

from ganeval.errors import OptionError, did_you_mean
from ganeval.generators.networks.sizes import Halvings


class Generator(nn.Module):
    """Latent vectors to images: a projection, then fractionally strided convolutions.

    As the paper's section 3 asks: no pooling, batch normalisation in all layers but the last, ReLU, tanh at the end.
    Kernels are 4×4 where the paper's are 5×5, so that each output pixel is reached by equally many inputs.

    Parameters
    ----------
    inputs
        Dimensions of the latent vectors.
    channels
        Of the images.
    halvings
        Of the images' size.
    width
        Channels next to the image, doubled at each halving up to `widest`.
    widest
        Most channels of a map.
    """

    def __init__(self, inputs: int, channels: int, halvings: Halvings, width: int, widest: int = 1024) -> None:
        super().__init__()
        widths = channel_counts(halvings.count, width, widest)[::-1]
        height, breadth = halvings.base
        layers: list[nn.Module] = [
            nn.Linear(inputs, widths[0] * height * breadth, bias=False),
            nn.Unflatten(1, (widths[0], height, breadth)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        layers += [nn.ConvTranspose2d(widths[-1], channels, kernel_size=4, stride=2, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Images [N, channels, height, width] in [-1, 1] from `z` [N, inputs]."""
        images: Tensor = self.layers(z)
        return images


class Discriminator(nn.Module):
    """Images to one output each, larger for real ones: strided convolutions with LeakyReLU of slope 0.2.

    As the paper's section 3 asks: no pooling, no hidden fully connected layer, normalisation in all layers but the
    first.

    Parameters
    ----------
    channels
        Of the images.
    halvings
        Of the images' size.
    width
        Channels next to the image, doubled at each halving up to `widest`.
    norm
        ``"batch"`` as the paper; ``"instance"`` or ``"none"`` where a penalty asks for outputs that depend on one image
        alone (Gulrajani et al. 2017, section 4).
    outputs
        Numbers for each image.
    widest
        Most channels of a map.
    """

    def __init__(
        self,
        channels: int,
        halvings: Halvings,
        width: int,
        norm: str = "batch",
        outputs: int = 1,
        widest: int = 1024,
    ) -> None:
        super().__init__()
        widths = channel_counts(halvings.count, width, widest)
        layers: list[nn.Module] = [
            nn.Conv2d(channels, widths[0], kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1, bias=norm == "none"),
                *NORMS[norm](after),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Conv2d(widths[-1], outputs, kernel_size=halvings.base)
        #: Channels of the last feature map.
        self.features = widths[-1]

    def forward(self, images: Tensor) -> Tensor:
        """Outputs [N], or [N, outputs] where there are several, for `images` [N, C, H, W] in [-1, 1]."""
        outputs: Tensor = self.head(self.layers(images)).flatten(1)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs


#: Normalisation of a discriminator's layers, from the number of channels.
NORMS: dict[str, Callable[[int], list[nn.Module]]] = {
    "batch": lambda channels: [nn.BatchNorm2d(channels)],
    "instance": lambda channels: [nn.InstanceNorm2d(channels, affine=True)],
    "none": lambda channels: [],
}


def require_norm(name: str) -> None:
    """Check that there is a normalisation of that name.

    Raises
    ------
    OptionError
        If there is none, with the nearest name.
    """
    if name not in NORMS:
        raise OptionError(f"unknown norm {name!r}", hint=did_you_mean(name, NORMS))


def channel_counts(levels: int, width: int, widest: int) -> list[int]:
    """Channels of maps from next to the image to the smallest."""
    return [min(width << level, widest) for level in range(levels)]
