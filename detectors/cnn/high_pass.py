"""What is left of a picture when its content is predicted from its surroundings: fixed and learned residual filters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 5
#: Larger residuals are content rather than traces, in grey levels.
LARGEST = 8.0

# ITU-R BT.601: luma and two chroma differences, the colours of JPEG.
_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))

_LAPLACIAN = ((-1, 2, -1), (2, -4, 2), (-1, 2, -1))
_KV = ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1))


def residual_filters() -> Tensor:
    """Six linear predictors' residuals of Fridrich and Kodovsky 2012 (SRM), float32 [6, 5, 5], each summing to 0.

    First and second differences along rows and along columns, the 3 x 3 and the 5 x 5 square.
    """
    filters = torch.zeros(6, SIDE, SIDE)
    filters[0, 2, 2:4] = torch.tensor([-1.0, 1.0])
    filters[1, 2:4, 2] = torch.tensor([-1.0, 1.0])
    filters[2, 2, 1:4] = torch.tensor([1.0, -2.0, 1.0]) / 2
    filters[3, 1:4, 2] = torch.tensor([1.0, -2.0, 1.0]) / 2
    filters[4, 1:4, 1:4] = torch.tensor(_LAPLACIAN) / 4
    filters[5] = torch.tensor(_KV) / 12
    return filters


class HighPass(nn.Module):
    """float32 pixels [n, 3, h, w] in 0..255 to clipped residuals [n, channels, h - 4, w - 4] in -1..1.

    Each of luma and two chroma planes goes through the fixed filters and through `learned` more whose centre is -1 and
    whose other taps sum to 1 (Bayar and Stamm 2016): whatever they learn, they see no content that is smooth.

    Parameters
    ----------
    learned
        Filters a plane.
    """

    colours: Tensor
    fixed: Tensor
    centre: Tensor

    def __init__(self, learned: int = 4) -> None:
        super().__init__()
        self.taps = nn.Parameter(torch.randn(3 * learned, 1, SIDE, SIDE) * 0.1)
        fixed = residual_filters()[:, None].repeat(3, 1, 1, 1)
        self.register_buffer("colours", torch.tensor(_YCBCR), persistent=False)
        self.register_buffer("fixed", fixed, persistent=False)
        centre = torch.zeros(SIDE, SIDE)
        centre[SIDE // 2, SIDE // 2] = 1.0
        self.register_buffer("centre", centre, persistent=False)
        self.channels = len(fixed) + 3 * learned

    def constrained(self) -> Tensor:
        """The learned filters as they act, [3 * learned, 1, 5, 5]."""
        around = self.taps * (1 - self.centre)
        # Projected onto taps that sum to 1, not divided by their sum, which may be near 0.
        excess = (around.sum(dim=(2, 3), keepdim=True) - 1.0) / (SIDE * SIDE - 1)
        return around - excess * (1 - self.centre) - self.centre

    def kernels(self) -> Tensor:
        """All filters on the colours of pixels, [channels, 3, 5, 5]: plane by plane, fixed before learned."""
        planes = torch.cat(
            [self.fixed.reshape(3, -1, SIDE, SIDE), self.constrained().reshape(3, -1, SIDE, SIDE)], dim=1
        )
        return (planes[:, :, None] * self.colours[:, None, :, None, None]).flatten(0, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        return F.conv2d(pixels, self.kernels()).clamp(-LARGEST, LARGEST) / LARGEST
