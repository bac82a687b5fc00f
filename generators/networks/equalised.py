"""Layers whose weights are scaled as they run, so that all of them learn at one speed (Karras et al. 2018, 4.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, linear

# Where float16 would run over, as Karras et al. (2020, ADA) clamp their maps.
_LARGEST_HALF = 256.0


def activate(values: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2, times √2: the variance of centred inputs is about kept."""
    active = leaky_relu(values, 0.2) * math.sqrt(2)
    return active.clamp(-_LARGEST_HALF, _LARGEST_HALF) if active.dtype == torch.float16 else active


class EqualisedLinear(nn.Module):
    """x ↦ c·W·x + m·b, where W starts as N(0, 1/m²) and c = m/√inputs: at the start outputs have variance 1.

    Parameters
    ----------
    inputs, outputs
        Dimensions.
    rate
        The multiplier m of the learning rate; the mapping network's is 0.01.
    bias
        What biases are at the start.
    """

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self._gain, self._rate = rate / math.sqrt(inputs), rate

    def forward(self, values: Tensor) -> Tensor:
        """[N, outputs] from [N, inputs]."""
        return linear(values, self.weight * self._gain, self.bias * self._rate)


class EqualisedConvolution(nn.Module):
    """A convolution with W from N(0, 1), scaled by 1/√(inputs · kernel²) as it runs.

    Parameters
    ----------
    inputs, outputs
        Channels.
    kernel
        Side in pixels, odd.
    stride, padding
        As `torch.nn.Conv2d` has them.
    bias
        Whether there are biases, 0 at the start.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self._gain, self._stride, self._padding = 1 / math.sqrt(inputs * kernel**2), stride, padding

    def forward(self, images: Tensor) -> Tensor:
        """[N, outputs, H', W'] from [N, inputs, H, W]."""
        return conv2d(images, self.weight * self._gain, self.bias, self._stride, self._padding)


def normalised(values: Tensor) -> Tensor:
    """Vectors [N, D], each scaled to a mean square of 1, in float32."""
    values = values.float()
    return values * (values.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
