"""Differences of pixels within blocks of 2 x 2 (NPR), and the ResNet-50 cut after its second stage that reads them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Standard deviations of ImageNet's channels in 0..1; their means cancel in a difference.
IMAGENET_STD = (0.229, 0.224, 0.225)
#: Width of the network of the paper.
PAPER_WIDTH = 64
_BLOCKS = (3, 4)
_EXPANSION = 4


def neighbouring_pixel_residual(x: Tensor) -> Tensor:
    """Each pixel minus the top left one of its block of 2 x 2: ``x - up2(down2(x))``, both nearest.

    Parameters
    ----------
    x
        Float [n, c, height, width]; an odd last row or column is dropped.

    Returns
    -------
    Tensor
        Same type [n, c, 2 * (height // 2), 2 * (width // 2)], zero at even rows and columns.

    References
    ----------
    Tan et al. 2024, "Rethinking the Up-Sampling Operations in CNN-based Generative Network", equation 4.
    """
    x = x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]
    return x - F.interpolate(x[..., ::2, ::2], scale_factor=2.0, mode="nearest")


class Bottleneck(nn.Module):
    """The residual block of ResNet-50 (He et al. 2016), with the stride in its 3 x 3 convolution."""

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        outputs = planes * _EXPANSION
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        inner = self.bn3(self.conv3(inner))
        skipped = x if self.downsample is None else self.downsample(x)
        return self.relu(inner + skipped)  # type: ignore[no-any-return]


def _stage(inputs: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    rest = [Bottleneck(planes * _EXPANSION, planes, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(inputs, planes, stride), *rest)


class NPRNetwork(nn.Module):
    """float32 pixels [n, 3, h, w] in 0..255, of any size from 16, to one logit each, [n].

    Names of the parameters are those of the authors' file.

    Parameters
    ----------
    width
        Channels of the first stage: 64 is the paper's network (1.4 million parameters), 28 has .3 million.
    """

    scale: Tensor

    def __init__(self, width: int = PAPER_WIDTH) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(width, width, _BLOCKS[0], 1)
        self.layer2 = _stage(width * _EXPANSION, 2 * width, _BLOCKS[1], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Linear(2 * width * _EXPANSION, 1)
        # The paper multiplies the residual of normalised pixels by 2/3.
        scale = 2.0 / 3.0 / 255.0 / torch.tensor(IMAGENET_STD)
        self.register_buffer("scale", scale[:, None, None], persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pixels: Tensor) -> Tensor:
        x = neighbouring_pixel_residual(pixels) * self.scale
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layer2(self.layer1(x))).flatten(1)
        return self.fc1(x).squeeze(1)  # type: ignore[no-any-return]
