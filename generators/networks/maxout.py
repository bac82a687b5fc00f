"""The fully connected networks of the conditional GAN's paper: labels are one more input (Mirza and Osindero 2014)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganeval.generators.networks.dropout import Dropout


class Maxout(nn.Module):
    """The largest of several linear functions for each unit (Goodfellow et al. 2013, section 2).

    Parameters
    ----------
    inputs, units
        Numbers before and after.
    pieces
        Linear functions of each unit.
    """

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self._shape = (units, pieces)

    def forward(self, features: Tensor) -> Tensor:
        """[N, units] from [N, inputs]."""
        largest: Tensor = self.linear(features).unflatten(1, self._shape).amax(dim=2)
        return largest


class LabelledPerceptronGenerator(nn.Module):
    """z to 200 units and the label to 1,000, both to 1,200, all rectified, then to the pixels (section 4.1).

    Parameters
    ----------
    latent
        Dimensions of z.
    classes
        How many labels there are.
    channels, size
        Of the images. The paper's sigmoid onto [0, 1] is a tanh onto [-1, 1] here, its affine image.
    dropout
        Probability that a hidden unit is left out in training.
    """

    def __init__(self, latent: int, classes: int, channels: int, size: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.of_latent = nn.Sequential(nn.Linear(latent, 200), nn.ReLU(), Dropout(dropout))
        # A row for each class is a linear layer on its one-hot vector, and starts as such a layer would.
        rows = nn.Embedding(classes, 1000)
        nn.init.uniform_(rows.weight, -(classes**-0.5), classes**-0.5)
        self.of_label = nn.Sequential(rows, nn.ReLU(), Dropout(dropout))
        self.of_both = nn.Sequential(nn.Linear(1200, 1200), nn.ReLU(), Dropout(dropout))
        self.to_image = nn.Sequential(nn.Linear(1200, channels * size[0] * size[1]), nn.Tanh())
        self._shape = (channels, *size)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images [N, channels, height, width] in [-1, 1] of `z` [N, latent] and `labels` int64 [N]."""
        both = self.of_both(torch.cat([self.of_latent(z), self.of_label(labels)], dim=1))
        images: Tensor = self.to_image(both).unflatten(1, self._shape)
        return images


class LabelledMaxoutDiscriminator(nn.Module):
    """The image to 240 maxout units of 5 pieces, the label to 50 of 5, both to 240 of 4, then one (section 4.1).

    Parameters
    ----------
    classes
        How many labels there are.
    channels, size
        Of the images.
    dropout
        Probability that a hidden unit is left out in training.
    """

    def __init__(self, classes: int, channels: int, size: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.of_image = nn.Sequential(nn.Flatten(), Maxout(channels * size[0] * size[1], 240, 5), Dropout(dropout))
        self.of_label = nn.Sequential(Maxout(classes, 50, 5), Dropout(dropout))
        self.of_both = nn.Sequential(Maxout(290, 240, 4), Dropout(dropout), nn.Linear(240, 1))
        self._classes = classes

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Outputs [N] for `images` [N, channels, height, width] and `labels` int64 [N]."""
        marked = nn.functional.one_hot(labels, self._classes).to(images.dtype)
        outputs: Tensor = self.of_both(torch.cat([self.of_image(images), self.of_label(marked)], dim=1))
        return outputs[:, 0]
