"""First weights of networks."""

from __future__ import annotations

from torch import nn


def initialise_normal(network: nn.Module, deviation: float = 0.02) -> None:
    """Draw weights from N(0, deviation²), scales of batch norms from N(1, deviation²); biases are 0.

    As Radford et al. (2016), section 4; from torch's global generator.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, deviation)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, deviation)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def initialise_orthogonal(network: nn.Module) -> None:
    """Draw weights as random orthogonal matrices [outputs, rest] (Saxe et al. 2014); biases are 0.

    As Brock et al. (2019), section 3; from torch's global generator. Before weights are normalised.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
            nn.init.orthogonal_(module.weight)
            if not isinstance(module, nn.Embedding) and module.bias is not None:
                nn.init.zeros_(module.bias)
