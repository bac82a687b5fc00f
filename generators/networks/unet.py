"""The U-Net generator of pix2pix (Isola et al. 2017): encoder and decoder, with connections that skip the middle."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganeval.generators.networks.convolutional import NORMS, channel_counts
from ganeval.generators.networks.noise import drawn_dropout
from ganeval.generators.networks.padding import padded_to_multiple

#: Halvings of the paper's network, which takes 256 pixels to one.
DEEPEST = 8


def unet_depth(size: tuple[int, int]) -> int:
    """How often images of a size are halved: until the smaller side is 1 (or below 2), and not more than 8 times."""
    return max(1, min(DEEPEST, min(size).bit_length() - 1))


class UNet(nn.Module):
    """Images to images of the same size (appendix 6.1.1).

    Encoder: 4×4 convolutions of stride 2 with LeakyReLU of slope 0.2; C64-C128-C256-C512-…-C512 at the paper's width,
    no norm in the first layer, nor in the last, whose single pixel has nothing to be normalised by. Decoder: transposed
    convolutions of the same kind with ReLU, each fed with the encoder's map of its size as well; dropout of 0.5 in the
    innermost layers, three of them in a network of eight.

    Sides that aren't divisible by 2^depth are padded by repeating the border, and the result is cut to size.

    Parameters
    ----------
    inputs, outputs
        Channels of the images.
    depth
        Halvings; 1 or more.
    width
        Channels next to the image, doubled at each halving up to eight times as many.
    norm
        A key of `ganeval.generators.networks.convolutional.NORMS`.
    dropout
        Share of values that are dropped, in training and afterwards.
    """

    def __init__(
        self, inputs: int, outputs: int, depth: int, width: int = 64, norm: str = "instance", dropout: float = 0.5
    ) -> None:
        super().__init__()
        widths = channel_counts(depth, width, widest=8 * width)
        self.multiple = 1 << depth
        self.dropout = dropout
        #: Decoder layers with dropout, counted from the innermost: three of eight, and fewer in shallower networks.
        self.noisy = max(min(1, depth - 1), min(3, depth - 3))
        bias = norm == "none"
        encoder, decoder = [], []
        for level, after in enumerate(widths):
            outermost, innermost = level == 0, level == depth - 1
            before = inputs if outermost else widths[level - 1]
            bare = outermost or innermost
            down: list[nn.Module] = [nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1, bias=bare or bias)]
            encoder.append(nn.Sequential(*down, *([] if bare else NORMS[norm](after))))
            # What comes from inside is doubled by the map that skips it, but for the innermost.
            inside = after if innermost else 2 * after
            made = outputs if outermost else before
            up: list[nn.Module] = [
                nn.ConvTranspose2d(inside, made, kernel_size=4, stride=2, padding=1, bias=outermost or bias)
            ]
            decoder.append(nn.Sequential(*up, *([nn.Tanh()] if outermost else NORMS[norm](made))))
        self.encoder, self.decoder = nn.ModuleList(encoder), nn.ModuleList(decoder[::-1])

    def forward(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Images [N, outputs, H, W] in [-1, 1] from `images` [N, inputs, H, W]; the noise is drawn from `random`."""
        height, width = images.shape[-2:]
        maps = [padded_to_multiple(images, self.multiple)]
        for level, layer in enumerate(self.encoder):
            maps.append(layer(nn.functional.leaky_relu(maps[-1], 0.2) if level else maps[-1]))
        values = maps.pop()
        for level, layer in enumerate(self.decoder):
            joined = torch.cat([values, maps.pop()], dim=1) if level else values
            values = layer(nn.functional.relu(joined))
            if level < self.noisy:
                values = drawn_dropout(values, self.dropout, random)
        return values[..., :height, :width]
