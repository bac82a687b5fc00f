"""A fully convolutional network that sees 51 pixels at a time and gives each such patch a logit of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganeval.detectors.cnn.high_pass import SIDE, HighPass

#: Stride of each separable block; the first two see every pixel, so that a period of 2 is measured before it is folded.
_STRIDES = (1, 1, 2, 1, 2, 1, 2, 1)
_WIDENINGS = (1, 1, 2, 2, 4, 4, 4, 4)


def _geometry() -> tuple[int, int]:
    seen, step = SIDE, 1
    for stride in _STRIDES:
        seen, step = seen + 2 * step, step * stride
    return seen, step


#: Side of the patch that one logit depends on, and the distance between neighbouring patches, in pixels.
PATCH, STEP = _geometry()


class Separable(nn.Module):
    """Depthwise 3 x 3 and 1 x 1 convolution without padding, around which the input is carried where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.carries = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.norm(self.pointwise(self.depthwise(x))))
        return inner + x[..., 1:-1, 1:-1] if self.carries else inner


class PatchNetwork(nn.Module):
    """float32 pixels [n, 3, h, w] in 0..255 to logits [n, (h - 51) // 8 + 1, (w - 51) // 8 + 1].

    Nothing is padded: the logit of a patch depends on its 51 x 51 pixels and on nothing else, wherever it lies.

    Parameters
    ----------
    width
        Channels at full resolution; twice and four times as many further on.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.residuals = HighPass()
        self.mix = nn.Conv2d(self.residuals.channels, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        channels = [width, *(width * widening for widening in _WIDENINGS)]
        self.blocks = nn.Sequential(
            *(Separable(channels[i], channels[i + 1], stride) for i, stride in enumerate(_STRIDES))
        )
        self.hidden = nn.Conv2d(channels[-1], channels[-1], 1)
        self.logit = nn.Conv2d(channels[-1], 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, pixels: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.mix(self.residuals(pixels))))
        return self.logit(torch.relu(self.hidden(self.blocks(x)))).squeeze(1)  # type: ignore[no-any-return]
