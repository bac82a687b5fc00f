"""Residual blocks that double or halve maps, and the networks built of them (Gulrajani 2017; Miyato 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

#: A normalisation layer for that many channels. Conditional ones take (features, condition).
Norm = Callable[[int], nn.Module]


class UpBlock(nn.Module):
    """Norm, ReLU, nearest-neighbour doubling, 3×3 convolution, norm, ReLU, 3×3 convolution; beside it a 1×1 one.

    As Miyato et al. (2018), figure 8 and table 4, and Brock et al. (2019), figure 15 (a).

    Parameters
    ----------
    inputs, outputs
        Channels before and after.
    norm
        Makes each of the two norms from its number of channels.
    scale
        How often each pixel is repeated in height and width: 2, or 1 for a block that keeps the size.
    """

    def __init__(self, inputs: int, outputs: int, norm: Norm = nn.BatchNorm2d, scale: int = 2) -> None:
        super().__init__()
        self.scale = scale
        self.norm1, self.norm2 = norm(inputs), norm(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, kernel_size=1) if scale > 1 or inputs != outputs else nn.Identity()

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Features [N, outputs, scale·H, scale·W] from [N, inputs, H, W].

        `condition` [N, ...] goes to both norms; without one they get the features alone.
        """
        inner = self._enlarged(normalised(self.norm1, features, condition).relu())
        inner = normalised(self.norm2, self.conv1(inner), condition).relu()
        # A 1×1 convolution before the repetition gives what it would give after it, for a quarter of the work.
        result: Tensor = self._enlarged(self.shortcut(features)) + self.conv2(inner)
        return result

    def _enlarged(self, features: Tensor) -> Tensor:
        return interpolate(features, scale_factor=self.scale, mode="nearest") if self.scale > 1 else features


class DownBlock(nn.Module):
    """ReLU, 3×3 convolution, ReLU, 3×3 convolution, mean over 2×2 pixels; beside it a 1×1 convolution and the mean.

    As Miyato et al. (2018), figure 8, and Brock et al. (2019), figure 15 (b).

    Parameters
    ----------
    inputs, outputs
        Channels before and after.
    halve
        Whether the size is halved.
    first
        Whether the block gets an image, which isn't rectified.
    norm
        Makes norms before the two ReLUs; None leaves them out.
    hidden
        Channels between the two convolutions; None takes `outputs`. Miyato et al. have `inputs` there but in the first
        block.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        halve: bool = True,
        first: bool = False,
        norm: Norm | None = None,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        hidden = outputs if hidden is None else hidden
        self.halve, self.first = halve, first
        self.norm1 = nn.Identity() if norm is None or first else norm(inputs)
        self.norm2 = nn.Identity() if norm is None else norm(hidden)
        self.conv1 = nn.Conv2d(inputs, hidden, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(hidden, outputs, kernel_size=3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, kernel_size=1) if halve or inputs != outputs else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Features [N, outputs, H/2, W/2], or [N, outputs, H, W] unless `halve`, from [N, inputs, H, W]."""
        inner = features if self.first else self.norm1(features).relu()
        inner = self.conv2(self.norm2(self.conv1(inner)).relu())
        # Mean and 1×1 convolution commute: the mean comes first, for a quarter of the work.
        result: Tensor = self.shortcut(self._reduced(features)) + self._reduced(inner)
        return result

    def _reduced(self, features: Tensor) -> Tensor:
        return avg_pool2d(features, 2) if self.halve else features


def normalised(norm: nn.Module, features: Tensor, condition: Tensor | None) -> Tensor:
    """The norm of features [N, C, H, W], which gets the condition where there is one."""
    result: Tensor = norm(features) if condition is None else norm(features, condition)
    return result


class ResidualGenerator(nn.Module):
    """Latent vectors to images: a projection, up-blocks, norm, ReLU, 3×3 convolution, tanh.

    Parameters
    ----------
    inputs
        Dimensions of the latent vectors.
    channels
        Of the images.
    base
        Height and width of the smallest map, doubled once in each block.
    widths
        Channels of the smallest map and after each block.
    between
        Makes a layer for a map of that many channels, by number of blocks before it (attention).
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        base: tuple[int, int],
        widths: Sequence[int],
        between: dict[int, Norm] | None = None,
    ) -> None:
        super().__init__()
        height, breadth = base
        self.project = nn.Sequential(
            nn.Linear(inputs, widths[0] * height * breadth), nn.Unflatten(1, (widths[0], height, breadth))
        )
        self.blocks = nn.Sequential(*_stack([UpBlock(*pair) for pair in pairwise(widths)], widths[1:], between))
        self.norm = nn.BatchNorm2d(widths[-1])
        self.to_image = nn.Conv2d(widths[-1], channels, kernel_size=3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Images [N, channels, height, width] in [-1, 1] from `z` [N, inputs]."""
        return torch.tanh(self.to_image(self.norm(self.blocks(self.project(z))).relu()))


class ResidualDiscriminator(nn.Module):
    """Images to one output each, larger for real ones: down-blocks, ReLU, sum over pixels, a linear layer.

    Parameters
    ----------
    channels
        Of the images.
    widths
        Channels after each block.
    halvings
        How many of the blocks, the first ones, halve the size.
    norm
        Of the blocks; None leaves them out.
    between
        Makes a layer for a map of that many channels, by number of blocks before it (attention).
    outputs
        Numbers for each image.
    """

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        halvings: int,
        norm: Norm | None = None,
        between: dict[int, Norm] | None = None,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        blocks = [
            DownBlock(
                before, after, halve=number < halvings, first=number == 0, norm=norm, hidden=before if number else after
            )
            for number, (before, after) in enumerate(pairwise([channels, *widths]))
        ]
        self.blocks = nn.Sequential(*_stack(blocks, widths, between))
        self.head = nn.Linear(widths[-1], outputs)
        #: Channels of the last feature map.
        self.features = widths[-1]

    def forward(self, images: Tensor) -> Tensor:
        """Outputs [N], or [N, outputs] where there are several, for `images` [N, C, H, W] in [-1, 1]."""
        outputs: Tensor = self.head(self.blocks(images).relu().sum(dim=(2, 3)))
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def _stack(blocks: Sequence[nn.Module], widths: Sequence[int], between: dict[int, Norm] | None) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for number, (block, width) in enumerate(zip(blocks, widths, strict=True), start=1):
        layers.append(block)
        if between and number in between:
            layers.append(between[number](width))
    return layers
