"""Batch normalisation whose gains and biases follow from a condition, such as a class (de Vries et al. 2017)."""

from __future__ import annotations

from torch import Tensor, nn


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose gain is 1 plus a linear function, and whose bias is another, of a vector for each sample.

    With the vector of one class this is class-conditional batch norm with a shared embedding; with a part of z beside
    it, BigGAN's hierarchical latent space (Brock et al. 2019, section 3.1 and appendix B).

    Parameters
    ----------
    channels
        Of the map.
    condition
        Dimensions of the vector.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(condition, channels, bias=False)
        self.bias = nn.Linear(condition, channels, bias=False)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Features of the same shape [N, channels, H, W], given `condition` [N, condition]."""
        gain, bias = (layer(condition)[:, :, None, None] for layer in (self.gain, self.bias))
        result: Tensor = self.norm(features) * (1 + gain) + bias
        return result
