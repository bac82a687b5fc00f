"""The networks of a variational autoencoder: images to normal distributions of latent vectors, and these to images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganeval.generators.networks.convolutional import Discriminator, Generator
from ganeval.generators.networks.sizes import Halvings

#: log σ² of an encoded image is kept within ± this: the exponential of more may overflow in a step gone astray.
LARGEST_LOG_VARIANCE = 20.0


class VariationalEncoder(nn.Module):
    """Images to the mean and log-variance of their latent vectors: strided convolutions.

    Parameters
    ----------
    latent
        Dimensions of the latent vectors.
    channels, halvings, width
        As of `ganeval.generators.networks.convolutional.Discriminator`.
    """

    def __init__(self, latent: int, channels: int, halvings: Halvings, width: int) -> None:
        super().__init__()
        self.network = Discriminator(channels, halvings, width, outputs=2 * latent)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ², [N, latent] each, of `images` [N, C, H, W]."""
        mean, log_variance = self.network(images).chunk(2, dim=1)
        return mean, log_variance.clamp(-LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE)


class VariationalDecoder(nn.Module):
    """Latent vectors to images before the last nonlinearity, and how far pixels lie from them.

    Parameters
    ----------
    latent
        Dimensions of the latent vectors.
    channels, halvings, width
        As of `ganeval.generators.networks.convolutional.Generator`.
    deviation
        First value of the pixels' standard deviation, which is one number, learned where the loss uses it.
    """

    def __init__(self, latent: int, channels: int, halvings: Halvings, width: int, deviation: float) -> None:
        super().__init__()
        # All but the tanh.
        self.layers = Generator(latent, channels, halvings, width).layers[:-1]
        self.log_deviation = nn.Parameter(torch.tensor(deviation).log())

    def forward(self, z: Tensor) -> Tensor:
        """Activations a [N, C, H, W] of `z` [N, latent]: images are tanh(a), and (1 + tanh(a)) / 2 = sigmoid(2a)."""
        activations: Tensor = self.layers(z)
        return activations
