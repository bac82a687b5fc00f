"""Autoencoders that serve as discriminators: those of EBGAN (Zhao et al. 2017) and BEGAN (Berthelot et al. 2017)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, interpolate

from ganeval.generators.networks.convolutional import channel_counts
from ganeval.generators.networks.sizes import Halvings

# Of an autoencoder's smallest map, in pixels: the papers have 8, and 28 halves to 7.
_SMALLEST_MAP = 7


def until_eight(halved: Halvings) -> Halvings:
    """The halvings that leave a smallest map of 7 pixels or more, as 28 gives and the papers' 8; at least one."""
    height, breadth = halved.base
    if halved.count == 1 or min(height, breadth) >= _SMALLEST_MAP:
        return halved
    return Halvings(halved.count - 1, (2 * height, 2 * breadth))


class Autoencoder(nn.Module):
    """Strided convolutions to a code and fractionally strided ones back, batch norm in all but the first and last.

    As Zhao et al. (2017), appendix D.3: 4×4 kernels, LeakyReLU of slope 0.2 in the encoder, ReLU in the decoder.

    Parameters
    ----------
    channels
        Of the images.
    halvings
        Of the images' size.
    width
        Channels next to the image, doubled at each halving up to `widest`.
    widest
        Most channels of a map.
    """

    def __init__(self, channels: int, halvings: Halvings, width: int, widest: int = 1024) -> None:
        super().__init__()
        widths = channel_counts(halvings.count, width, widest)
        down: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for before, after in pairwise(widths):
            convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
            down += [convolution, nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
        up: list[nn.Module] = []
        for before, after in pairwise(widths[::-1]):
            transposed = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            up += [transposed, nn.BatchNorm2d(after), nn.ReLU()]
        up.append(nn.ConvTranspose2d(widths[0], channels, 4, stride=2, padding=1))
        self.encoder, self.decoder = nn.Sequential(*down), nn.Sequential(*up)

    def encode(self, images: Tensor) -> Tensor:
        """Codes [N, width, h, w] of images [N, C, H, W]."""
        codes: Tensor = self.encoder(images)
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Reconstructions [N, C, H, W] from codes."""
        images: Tensor = self.decoder(codes)
        return images

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions of images [N, C, H, W] in [-1, 1]; not bounded themselves."""
        return self.decode(self.encode(images))


class Decoder(nn.Module):
    """Vectors to images: a projection, pairs of 3×3 convolutions with ELU, nearest-neighbour doubling between.

    As Berthelot et al. (2017), figure 1 and section 3.5; also BEGAN's generator. The output isn't bounded.

    Parameters
    ----------
    inputs
        Dimensions of the vectors.
    channels
        Of the images.
    halvings
        Of the images' size.
    width
        Channels of every map.
    skips
        Whether the first map comes again, enlarged, after each doubling (section 3.5.1).
    """

    def __init__(self, inputs: int, channels: int, halvings: Halvings, width: int, skips: bool = True) -> None:
        super().__init__()
        self.skips = skips
        height, breadth = halvings.base
        self.project = nn.Sequential(
            nn.Linear(inputs, width * height * breadth), nn.Unflatten(1, (width, *halvings.base))
        )
        later = 2 * width if skips else width
        firsts = [width, *[later] * halvings.count]
        self.pairs = nn.ModuleList(_Pair(first, width) for first in firsts)
        self.to_image = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Images [N, channels, H, W] from [N, inputs]."""
        first = features = self.project(vectors)
        for number, pair in enumerate(self.pairs):
            if number:
                features = interpolate(features, scale_factor=2, mode="nearest")
                if self.skips:
                    features = torch.cat([features, interpolate(first, size=features.shape[2:], mode="nearest")], dim=1)
            features = pair(features)
        images: Tensor = self.to_image(features)
        return images


class Encoder(nn.Module):
    """Images to vectors: pairs of 3×3 convolutions with ELU, a strided one after each but the last.

    As Berthelot et al. (2017), figure 1: channels grow by `width` at each halving.

    Parameters
    ----------
    channels
        Of the images.
    halvings
        Of the images' size.
    width
        Channels next to the image.
    outputs
        Dimensions of the vectors.
    """

    def __init__(self, channels: int, halvings: Halvings, width: int, outputs: int) -> None:
        super().__init__()
        widths = [width * (level + 1) for level in range(halvings.count + 1)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ELU()]
        for before, after in pairwise(widths):
            layers += [_Pair(before, before), nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ELU()]
        height, breadth = halvings.base
        layers += [_Pair(widths[-1], widths[-1]), nn.Flatten(), nn.Linear(widths[-1] * height * breadth, outputs)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Vectors [N, outputs] of images [N, channels, H, W]."""
        vectors: Tensor = self.layers(images)
        return vectors


class _Pair(nn.Module):
    """Two 3×3 convolutions with ELU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return elu(self.conv2(elu(self.conv1(features))))
