"""The residual generator of CycleGAN (Zhu et al. 2017, after Johnson et al. 2016), from images to images."""

from __future__ import annotations

from torch import Tensor, nn

from ganeval.generators.networks.padding import padded_to_multiple

#: Halvings before the residual blocks.
HALVINGS = 2


def residual_blocks(size: tuple[int, int]) -> int:
    """As many blocks as the paper has for a size: 6 for images of 128 pixels, 9 for those of 256 or more."""
    return 9 if min(size) >= 256 else 6


class ResidualTranslator(nn.Module):
    """Two halvings, residual blocks, two doublings (appendix 7.2): c7s1-64, d128, d256, R256 …, u128, u64, c7s1-3.

    Instance normalisation and ReLU after each convolution but the last; reflection padding; tanh at the end. Sides that
    aren't divisible by 4 are padded by repeating the border, and the result is cut to size.

    Parameters
    ----------
    inputs, outputs
        Channels of the images.
    width
        Channels next to the image: 64 in the paper.
    blocks
        Residual blocks.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), *_normalised(nn.Conv2d(inputs, width, 7, bias=False))]
        for level in range(HALVINGS):
            before = width << level
            layers += _normalised(nn.Conv2d(before, 2 * before, 3, stride=2, padding=1, bias=False))
        layers += [ResidualBlock(width << HALVINGS) for _ in range(blocks)]
        for level in reversed(range(HALVINGS)):
            after = width << level
            layers += _normalised(
                nn.ConvTranspose2d(2 * after, after, 3, stride=2, padding=1, output_padding=1, bias=False)
            )
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, outputs, H, W] in [-1, 1] from `images` [N, inputs, H, W] of any height and width."""
        height, width = images.shape[-2:]
        multiple = 1 << HALVINGS
        # Reflection by 1 pixel needs maps of 2 in the middle of the network.
        padded = padded_to_multiple(images, 2 * multiple if min(height, width) <= multiple else multiple)
        translated: Tensor = self.layers(padded)
        return translated[..., :height, :width]


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with reflection padding, added to what they are given.

    Parameters
    ----------
    channels
        Of its maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normalised(nn.Conv2d(channels, channels, 3, bias=False)),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=False),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape [N, channels, H, W]."""
        added: Tensor = self.layers(maps)
        return maps + added


def _normalised(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]
