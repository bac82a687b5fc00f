"""A discriminator that also recognises the codes behind generated images (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganeval.generators.networks.convolutional import Discriminator
from ganeval.generators.networks.sizes import Halvings

#: log σ of a recognised code is kept within ± this: a σ of 0 has an infinite density.
LARGEST_LOG_DEVIATION = 5.0


class Recognised(NamedTuple):
    """What Q says of the codes behind N images.

    Parameters
    ----------
    categories
        Logits [N, K] of each categorical code.
    mean, log_deviation
        Of the continuous codes' normal distributions, [N, M] each.
    """

    categories: list[Tensor]
    mean: Tensor
    log_deviation: Tensor


class RecognisingDiscriminator(nn.Module):
    """D and Q on one trunk: convolutions, a hidden layer; then D's output, and a layer more for Q's.

    As the paper's appendix C.1 (MNIST), with as many convolutions as the size has halvings.

    Parameters
    ----------
    channels, halvings, width, norm
        As of `ganeval.generators.networks.convolutional.Discriminator`.
    hidden
        Units of the trunk's fully connected layer.
    categories
        How many values each categorical code has.
    continuous
        How many continuous codes there are.
    """

    def __init__(
        self,
        channels: int,
        halvings: Halvings,
        width: int,
        norm: str,
        hidden: int,
        categories: Sequence[int],
        continuous: int,
    ) -> None:
        super().__init__()
        trunk = Discriminator(channels, halvings, width, norm)
        inputs = trunk.features * halvings.base[0] * halvings.base[1]
        self.trunk = nn.Sequential(trunk.layers, nn.Flatten(), *_dense(inputs, hidden, norm))
        self.head = nn.Linear(hidden, 1)
        self._sizes = [*categories, continuous, continuous]
        between = max(1, hidden // 8)
        self.recogniser = nn.Sequential(*_dense(hidden, between, norm), nn.Linear(between, sum(self._sizes)))

    def forward(self, images: Tensor) -> Tensor:
        """Outputs [N], larger for real ones, for `images` [N, C, H, W]."""
        outputs: Tensor = self.head(self.trunk(images))[:, 0]
        return outputs

    def judge_and_recognise(self, images: Tensor) -> tuple[Tensor, Recognised]:
        """Outputs [N], and what Q says of the images' codes."""
        features = self.trunk(images)
        *categories, mean, log_deviation = torch.split(self.recogniser(features), self._sizes, dim=1)
        limit = LARGEST_LOG_DEVIATION
        return self.head(features)[:, 0], Recognised(categories, mean, log_deviation.clamp(-limit, limit))


def _dense(inputs: int, outputs: int, norm: str) -> list[nn.Module]:
    # A penalty on gradients of single images forbids batch norm here as in the convolutions.
    norms: list[nn.Module] = [nn.BatchNorm1d(outputs)] if norm == "batch" else []
    return [nn.Linear(inputs, outputs, bias=not norms), *norms, nn.LeakyReLU(0.2)]
