"""Networks that take a label next to a latent vector or an image, around ones that take none."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganeval.generators.networks.convolutional import Discriminator
from ganeval.generators.networks.sizes import Halvings


class LabelledGenerator(nn.Module):
    """A generator whose latent vector is followed by a learned vector of the label (Mirza and Osindero 2014).

    Parameters
    ----------
    network
        From vectors [N, latent + embedding] to images.
    classes
        How many labels there are.
    embedding
        Dimensions of a label's vector. What a linear layer makes of it, it can also make of a one-hot label.
    """

    def __init__(self, network: nn.Module, classes: int, embedding: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, embedding)
        self.network = network

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images [N, C, H, W] of `z` [N, latent] and `labels` int64 [N]."""
        images: Tensor = self.network(torch.cat([z, self.embedding(labels)], dim=1))
        return images


class LabelledDiscriminator(nn.Module):
    """A discriminator that sees one more channel: a learned picture of the label (Mirza and Osindero 2014).

    Parameters
    ----------
    network
        From images [N, C + 1, H, W] to outputs.
    classes
        How many labels there are.
    size
        Height and width of the images.
    """

    def __init__(self, network: nn.Module, classes: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, size[0] * size[1])
        self.network = network
        self._size = size

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Outputs for `images` [N, C, H, W] and `labels` int64 [N]."""
        plane = self.embedding(labels).view(len(labels), 1, *self._size)
        outputs: Tensor = self.network(torch.cat([images, plane.to(images.dtype)], dim=1))
        return outputs


class TwoHeadedDiscriminator(nn.Module):
    """A convolutional discriminator whose last features also give class scores (Odena et al. 2017).

    Parameters
    ----------
    channels, halvings, width, norm
        As of `ganeval.generators.networks.convolutional.Discriminator`.
    classes
        How many labels there are.
    """

    def __init__(self, channels: int, halvings: Halvings, width: int, norm: str, classes: int) -> None:
        super().__init__()
        trunk = Discriminator(channels, halvings, width, norm)
        self.layers, self.head = trunk.layers, trunk.head
        self.classifier = nn.Conv2d(trunk.features, classes, kernel_size=halvings.base)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [N], larger for real ones, and logits of the classes [N, classes], for `images` [N, C, H, W]."""
        features = self.layers(images)
        return self.head(features).flatten(), self.classifier(features).flatten(1)
