"""Convolutions whose weights a style scales (Karras et al. 2020, section 2.2 of the StyleGAN2 paper)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from ganeval.generators.networks.equalised import EqualisedLinear
from ganeval.generators.networks.resampling import blur


class ModulatedConvolution(nn.Module):
    """A convolution with weights w'_ijk = s_i·w_ijk, divided by their norm √(Σ_ik w'²_ijk + ε) (equations 1 and 3).

    Scaling the inputs by s, and the outputs by the inverse norms, is the same as scaling the weights of each sample,
    and takes one ordinary convolution for the whole batch.

    Parameters
    ----------
    inputs, outputs
        Channels.
    kernel
        Side in pixels, odd.
    styles
        Dimensions of the style vector w, of which an affine layer makes s, 1 at the start but for its weights.
    demodulate
        Whether to divide by the norm.
    up
        Whether maps get twice their height and width: a transposed convolution, then a blur (appendix B).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, styles: int, *, demodulate: bool = True, up: bool = False
    ) -> None:
        super().__init__()
        self.affine = EqualisedLinear(styles, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self._gain, self._kernel = 1 / math.sqrt(inputs * kernel**2), kernel
        self._demodulate, self._up = demodulate, up

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """[N, outputs, H, W] (twice H and W if `up`) from maps [N, inputs, H, W] and w [N, styles]."""
        return self.convolve(maps, self.affine(style))

    def convolve(self, maps: Tensor, scales: Tensor) -> Tensor:
        """As `forward`, from the scales s [N, inputs] themselves."""
        weight, scales = self.weight * self._gain, scales.float()
        if self._demodulate and maps.dtype == torch.float16:
            # The norm undoes it; products of large scales and maps would run over.
            scales = scales / scales.abs().amax(dim=1, keepdim=True).clamp_min(1e-8)
        result = self._convolved(maps * scales[:, :, None, None].to(maps.dtype), weight)
        if not self._demodulate:
            return result
        with torch.autocast(maps.device.type, enabled=False):
            norms = (scales.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt()
        return result * norms[:, :, None, None].to(result.dtype)

    def _convolved(self, maps: Tensor, weight: Tensor) -> Tensor:
        if not self._up:
            return conv2d(maps, weight, padding=self._kernel // 2)
        large = conv_transpose2d(maps, weight.transpose(0, 1), stride=2)
        # A transposed convolution leaves kernel − 2 pixels more than twice as many, a blur takes 3.
        spare = 5 - self._kernel
        return blur(large, ((spare + 1) // 2, spare // 2), gain=4.0)
