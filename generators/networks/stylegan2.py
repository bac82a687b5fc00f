"""StyleGAN2's generator: a mapping network, and a synthesis network with skip connections (Karras et al. 2020)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganeval.generators.networks.convolutional import channel_counts
from ganeval.generators.networks.equalised import EqualisedLinear, activate, normalised
from ganeval.generators.networks.modulated import ModulatedConvolution
from ganeval.generators.networks.resampling import upsample
from ganeval.generators.networks.sizes import Halvings


class Mapping(nn.Module):
    """z to w: fully connected layers with a hundredth of the learning rate (Karras et al. 2019, section 2).

    Parameters
    ----------
    latent
        Dimensions of z.
    styles
        Dimensions of w, and of the layers between.
    layers
        The papers have 8.
    classes
        Of the labels, whose embeddings stand beside z; 0 without.
    rate
        Multiplier of the learning rate.
    """

    #: w [styles] averaged over training, towards which truncation draws.
    average: Tensor

    def __init__(self, latent: int, styles: int, layers: int = 8, classes: int = 0, rate: float = 0.01) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, styles) if classes else None
        inputs = latent + (styles if classes else 0)
        self.layers = nn.ModuleList(
            EqualisedLinear(styles if layer else inputs, styles, rate) for layer in range(layers)
        )
        self.register_buffer("average", torch.zeros(styles))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """w, float32 [N, styles], from `z` [N, latent] and, where there are classes, `labels` int64 [N]."""
        # In full precision: a style's rounding would reach every layer of the image.
        with torch.autocast(z.device.type, enabled=False):
            values = normalised(z)
            if self.embedding is not None and labels is not None:
                values = torch.cat([values, normalised(self.embedding(labels))], dim=1)
            for layer in self.layers:
                values = activate(layer(values))
        return values

    @torch.no_grad()
    def track(self, mean: Tensor, decay: float = 0.995) -> None:
        """Move the average of w towards the `mean` [styles] of some samples, by the share 1 − `decay`."""
        self.average.lerp_(mean.to(self.average.dtype), 1 - decay)


class StyledConvolution(nn.Module):
    """A modulated convolution, then noise of a learned strength (0 at the start), biases and the activation.

    Parameters
    ----------
    inputs, outputs
        Channels.
    styles
        Dimensions of w.
    up
        Whether maps get twice their height and width.
    """

    def __init__(self, inputs: int, outputs: int, styles: int, *, up: bool = False) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(inputs, outputs, 3, styles, up=up)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, maps: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """[N, outputs, H, W] from maps, w [N, styles] and noise [N, 1, H, W], or None for none."""
        maps = self.convolution(maps, style)
        if noise is not None:
            maps = maps + (self.strength * noise).to(maps.dtype)
        return activate(maps + self.bias[:, None, None].to(maps.dtype))


class ToImage(nn.Module):
    """Maps to an image by a modulated 1×1 convolution, without demodulation.

    Parameters
    ----------
    inputs
        Channels of the maps.
    channels
        Of the image.
    styles
        Dimensions of w.
    """

    def __init__(self, inputs: int, channels: int, styles: int) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(inputs, channels, 1, styles, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """float32 [N, channels, H, W]: resolutions are added up in full precision."""
        image: Tensor = self.convolution(maps, style).float()
        return image + self.bias[:, None, None]


class Synthesis(nn.Module):
    """Styles and noise to images: each resolution adds its image to the upsampled one of those below (figure 7b).

    Parameters
    ----------
    channels
        Of the images.
    halvings
        Of the images' size; the smallest map is a learned constant.
    width
        Channels of the maps next to the image, doubled at each halving up to `widest`.
    widest
        Most channels of a map.
    styles
        Dimensions of w.
    """

    def __init__(self, channels: int, halvings: Halvings, width: int, widest: int, styles: int) -> None:
        super().__init__()
        widths = channel_counts(halvings.count + 1, width, widest)[::-1]
        self.constant = nn.Parameter(torch.randn(widths[0], *halvings.base))
        self.first = StyledConvolution(widths[0], widths[0], styles)
        self.ups = nn.ModuleList(
            StyledConvolution(before, after, styles, up=True) for before, after in pairwise(widths)
        )
        self.flats = nn.ModuleList(StyledConvolution(after, after, styles) for after in widths[1:])
        self.images = nn.ModuleList(ToImage(count, channels, styles) for count in widths)
        height, breadth = halvings.base
        #: Height and width of each layer's noise, in the order in which `forward` takes it.
        self.noise_shapes = [(height, breadth)] + [
            (height << level, breadth << level) for level in range(1, halvings.count + 1) for _ in range(2)
        ]
        #: How many styles an image has: one a convolution, shared with the image before it, and the last image's.
        self.style_count = 2 * halvings.count + 2

    @property
    def noise_count(self) -> int:
        """Numbers of noise that an image takes."""
        return sum(height * breadth for height, breadth in self.noise_shapes)

    def forward(self, styles: Tensor, noise: Tensor | None) -> Tensor:
        """Images float32 [N, channels, height, width], not bounded, from w of each layer and all layers' noise.

        Parameters
        ----------
        styles
            [N, style_count, D].
        noise
            [N, noise_count], or None for none.
        """
        w = styles.unbind(dim=1)
        noises = self._noises(noise)
        maps = self.first(self.constant.expand(len(styles), -1, -1, -1), w[0], noises[0])
        image: Tensor = self.images[0](maps, w[1])
        for level, (up, flat, to_image) in enumerate(zip(self.ups, self.flats, self.images[1:], strict=True)):
            layer = 2 * level + 1
            maps = up(maps, w[layer], noises[layer])
            maps = flat(maps, w[layer + 1], noises[layer + 1])
            image = upsample(image) + to_image(maps, w[layer + 2])
        return image

    def _noises(self, noise: Tensor | None) -> list[Tensor | None]:
        if noise is None:
            return [None] * len(self.noise_shapes)
        parts = torch.split(noise, [height * breadth for height, breadth in self.noise_shapes], dim=1)
        return [part.reshape(-1, 1, *shape) for part, shape in zip(parts, self.noise_shapes, strict=True)]


class StyleGenerator(nn.Module):
    """Both networks, which make samples together and share an optimiser.

    Parameters
    ----------
    mapping, synthesis
        The networks.
    """

    def __init__(self, mapping: Mapping, synthesis: Synthesis) -> None:
        super().__init__()
        self.mapping, self.synthesis = mapping, synthesis

    def forward(self, styles: Tensor, noise: Tensor | None) -> Tensor:
        """As `Synthesis.forward`."""
        images: Tensor = self.synthesis(styles, noise)
        return images
