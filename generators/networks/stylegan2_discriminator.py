"""StyleGAN2's discriminator: residual blocks with blurred halvings (Karras et al. 2020, figure 7c)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganeval.generators.networks.convolutional import channel_counts
from ganeval.generators.networks.equalised import EqualisedConvolution, EqualisedLinear, activate, normalised
from ganeval.generators.networks.resampling import blur, downsample
from ganeval.generators.networks.sizes import Halvings


class MinibatchDeviation(nn.Module):
    """Adds a map of how much the images of a group differ (Karras et al. 2018, section 3).

    Parameters
    ----------
    group
        Most images of a group; the largest number up to it that divides the batch is taken.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self._group = group

    def forward(self, maps: Tensor) -> Tensor:
        """[N, C + 1, H, W] from [N, C, H, W]: the mean over C, H and W of the deviation over each group."""
        count, channels, height, width = maps.shape
        group = next(size for size in range(min(self._group, count), 0, -1) if count % size == 0)
        grouped = maps.float().reshape(group, -1, channels, height, width)
        variances = (grouped - grouped.mean(dim=0)).square().mean(dim=0)
        deviations = (variances + 1e-8).sqrt().mean(dim=(1, 2, 3))
        extra = deviations.repeat(group)[:, None, None, None].expand(-1, 1, height, width)
        return torch.cat([maps, extra.to(maps.dtype)], dim=1)


class ResidualHalving(nn.Module):
    """Two convolutions, the second after a blur and with stride 2, beside a 1×1 convolution of the halved input.

    Parameters
    ----------
    inputs, outputs
        Channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = EqualisedConvolution(inputs, inputs, 3, padding=1)
        self.second = EqualisedConvolution(inputs, outputs, 3, stride=2)
        self.skip = EqualisedConvolution(inputs, outputs, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """[N, outputs, H/2, W/2] from [N, inputs, H, W]; the sum's variance is halved again."""
        narrow: Tensor = self.skip(downsample(maps))
        maps = activate(self.first(maps))
        maps = activate(self.second(blur(maps, (2, 2))))
        return (maps + narrow) / math.sqrt(2)


class StyleDiscriminator(nn.Module):
    """Images to one output each, larger for real ones.

    With classes, the output is the projection of the features onto the label's embedding (Miyato and Koyama 2018, as
    Karras et al. 2020, ADA, have it).

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
    classes
        Of the labels; 0 without.
    """

    def __init__(self, channels: int, halvings: Halvings, width: int, widest: int, classes: int = 0) -> None:
        super().__init__()
        widths = channel_counts(halvings.count + 1, width, widest)
        last, (height, breadth) = widths[-1], halvings.base
        self.from_image = EqualisedConvolution(channels, widths[0], 1)
        self.blocks = nn.Sequential(*(ResidualHalving(before, after) for before, after in pairwise(widths)))
        self.deviation = MinibatchDeviation()
        self.convolution = EqualisedConvolution(last + 1, last, 3, padding=1)
        self.linear = EqualisedLinear(last * height * breadth, last)
        self.embedding = nn.Embedding(classes, last) if classes else None
        self.head = EqualisedLinear(last, last if classes else 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Outputs float32 [N] for `images` [N, C, H, W] and, where there are classes, `labels` int64 [N]."""
        maps = self.blocks(activate(self.from_image(images)))
        maps = activate(self.convolution(self.deviation(maps)))
        outputs: Tensor = self.head(activate(self.linear(maps.flatten(1)))).float()
        if self.embedding is None or labels is None:
            return outputs.flatten()
        return (outputs * normalised(self.embedding(labels))).mean(dim=1) * math.sqrt(outputs.shape[1])
