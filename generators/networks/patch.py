"""The PatchGAN discriminator (Isola et al. 2017): an output for every overlapping patch of an image."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ganeval.errors import OptionError
from ganeval.generators.networks.convolutional import NORMS, channel_counts

#: Strided layers of the paper's 70×70 discriminator.
MOST_LAYERS = 3
# The paper's patches are 70 of 256 pixels, and at lower resolutions a larger share: below that nothing is left to see.
_LARGEST_SHARE = 0.55
_KERNEL = 4


def receptive_field(layers: int) -> int:
    """Side in pixels of the patch that an output sees, from the number of strided layers: 70 for 3."""
    field = 1
    for stride in [1, 1] + [2] * layers:
        field = (field - 1) * stride + _KERNEL
    return field


def patch_layers(size: tuple[int, int]) -> int:
    """Strided layers for a size: 3 as in the paper where its patches are at most about half the image, else fewer.

    256 and 128 pixels get patches of 70, 64 pixels of 34, 28 and 32 pixels of 16.
    """
    fitting = [n for n in range(1, MOST_LAYERS + 1) if receptive_field(n) <= _LARGEST_SHARE * min(size)]
    return max(fitting, default=1)


class PatchDiscriminator(nn.Module):
    """C64-C128-C256-C512 and a last convolution to one channel (appendix 6.1.2), at the paper's width and 3 layers.

    4×4 convolutions, of stride 2 but for the last two; LeakyReLU of slope 0.2; no norm in the first layer.

    Parameters
    ----------
    channels
        Of the images, or of those that are judged together.
    size
        Height and width of the images.
    layers
        Of stride 2.
    width
        Channels of the first layer, doubled at each further one up to eight times as many.
    norm
        A key of `ganeval.generators.networks.convolutional.NORMS`.

    Raises
    ------
    OptionError
        If images of that size are too small for so many layers.
    """

    def __init__(self, channels: int, size: tuple[int, int], layers: int = 3, width: int = 64, norm: str = "instance"):
        super().__init__()
        check_patches(size, layers)
        widths = channel_counts(layers + 1, width, widest=8 * width)
        parts: list[nn.Module] = [
            nn.Conv2d(channels, widths[0], _KERNEL, stride=2 if layers else 1, padding=1),
            nn.LeakyReLU(0.2),
        ]
        for level, (before, after) in enumerate(pairwise(widths), start=1):
            stride = 2 if level < layers else 1
            parts += [
                nn.Conv2d(before, after, _KERNEL, stride=stride, padding=1, bias=norm == "none"),
                *NORMS[norm](after),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*parts, nn.Conv2d(widths[-1], 1, _KERNEL, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        """Outputs [N, 1, h, w], one for each patch, larger where it looks more real, of `images` [N, C, H, W]."""
        outputs: Tensor = self.layers(images)
        return outputs


def check_patches(size: tuple[int, int], layers: int) -> None:
    """Refuse more layers than images have pixels for.

    Raises
    ------
    OptionError
        Unless the last normalised map has more than one pixel, and the outputs at least one.
    """
    sides = list(size)
    for _ in range(layers):
        sides = [side // 2 for side in sides]
    # Each of the last two convolutions takes one pixel.
    if layers < 1 or min(sides) < 3:
        raise OptionError(
            f"a discriminator of patches with {layers} strided layers can't judge images of {size[0]}×{size[1]} pixels",
            hint=f"Choose 1 to {MOST_LAYERS} or more layers; after so many halvings 3 pixels have to be left.",
        )
