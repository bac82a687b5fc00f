"""The networks as they judge: batch norms folded into convolutions and activations fused, in half the time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganeval.detectors.cnn.high_pass import LARGEST, HighPass
from ganeval.detectors.cnn.neighbouring_pixels import Bottleneck, NPRNetwork, neighbouring_pixel_residual
from ganeval.detectors.cnn.patch_network import PatchNetwork, Separable
from ganeval.features.folding import FusedConv2d, folded_weights


def _fused(convolution: nn.Conv2d, norm: nn.BatchNorm2d | None, activation: str = "relu") -> FusedConv2d:
    weight, bias = folded_weights(convolution, norm)
    padding = convolution.padding[0]
    stride = int(convolution.stride[0])
    assert isinstance(padding, int)
    return FusedConv2d(weight, bias, (stride, stride), (padding, padding), convolution.groups, activation)


class _FoldedBottleneck(nn.Module):
    def __init__(self, block: Bottleneck) -> None:
        super().__init__()
        self.inner = nn.Sequential(_fused(block.conv1, block.bn1), _fused(block.conv2, block.bn2))
        self.last = _fused(block.conv3, block.bn3)
        self.skip: nn.Module = nn.Identity()
        if block.downsample is not None:
            convolution, norm = block.downsample.children()
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            self.skip = _fused(convolution, norm, "none")

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = self.last(self.inner(x), self.skip(x))
        return summed


class FoldedNPR(nn.Module):
    """`NPRNetwork` in evaluation mode; float32 pixels [n, 3, h, w] in 0..255 to logits [n]."""

    def __init__(self, network: NPRNetwork) -> None:
        super().__init__()
        self.stem = _fused(network.conv1, network.bn1)
        # The residual is scaled by the stem; it is padded with zeros, which scaling leaves as they are.
        self.stem.weight = (self.stem.weight * network.scale[None]).contiguous(memory_format=torch.channels_last)
        self.maxpool = network.maxpool
        blocks = [block for stage in (network.layer1, network.layer2) for block in stage]
        self.blocks = nn.Sequential(*(_FoldedBottleneck(block) for block in blocks if isinstance(block, Bottleneck)))
        self.logit = network.fc1

    def forward(self, pixels: Tensor) -> Tensor:
        x = neighbouring_pixel_residual(pixels).contiguous(memory_format=torch.channels_last)
        pooled = self.blocks(self.maxpool(self.stem(x))).mean(dim=(2, 3))
        logits: Tensor = self.logit(pooled).squeeze(1)
        return logits


class _FoldedSeparable(nn.Module):
    def __init__(self, block: Separable) -> None:
        super().__init__()
        self.depthwise = block.depthwise
        self.pointwise = _fused(block.pointwise, block.norm)
        self.carries = block.carries

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.pointwise(self.depthwise(x))
        return inner.add_(x[..., 1:-1, 1:-1]) if self.carries else inner


class FoldedPatch(nn.Module):
    """`PatchNetwork` in evaluation mode; float32 pixels [n, 3, h, w] in 0..255 to logits [n, rows, columns]."""

    kernels: Tensor

    def __init__(self, network: PatchNetwork) -> None:
        super().__init__()
        residuals = network.residuals
        assert isinstance(residuals, HighPass)
        kernels = residuals.kernels().detach().contiguous(memory_format=torch.channels_last)
        self.register_buffer("kernels", kernels)
        self.mix = _fused(network.mix, network.norm)
        self.mix.weight = (self.mix.weight / LARGEST).contiguous(memory_format=torch.channels_last)
        blocks = [block for block in network.blocks if isinstance(block, Separable)]
        self.blocks = nn.Sequential(*(_FoldedSeparable(block) for block in blocks))
        self.hidden = _fused(network.hidden, None)
        self.logit = network.logit

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.hardtanh_(F.conv2d(pixels, self.kernels), -LARGEST, LARGEST)
        logits: Tensor = self.logit(self.hidden(self.blocks(self.mix(x)))).squeeze(1)
        return logits
