"""Augmentations by an affine map of the image plane, resampled at twice the resolution between orthogonal filters."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ganeval.generators.augmentation.blitting import mirrored
from ganeval.generators.networks.resampling import upfirdn

#: Symlet of order 6 (Daubechies 1992), orthonormal to its shifts by 2: doubling and halving with it are inverse.
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
#: Deviations: of the logarithms (base 2) of scales, and of the translation as a share of the sides.
SCALED, MOVED = 0.2, 0.125
# Pixels that the filters need beyond an edge.
_BEYOND_UP, _BEYOND_DOWN = 6, 3


def warped(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Scale, turn, stretch, turn and move images [N, C, H, W] (Karras et al. 2020, ADA, appendix B, geometric).

    The two rotations have the probability 1 − √(1 − p) each, so that together they have p. Images between mirrors at
    their edges fill the plane.
    """
    count = len(images)
    drawn = torch.rand(5, count, generator=random)
    angles = (torch.rand(2, count, generator=random) * 2 - 1) * math.pi
    normal = torch.randn(4, count, generator=random)
    turning = 1 - math.sqrt(1 - min(probability, 1.0))
    chosen = drawn < torch.tensor([probability, turning, probability, turning, probability])[:, None]
    scale = torch.where(chosen[0], torch.exp2(normal[0] * SCALED), 1.0)
    stretch = torch.where(chosen[2], torch.exp2(normal[1] * SCALED), 1.0)
    before, after = (torch.where(chosen[row], angle, 0.0) for row, angle in zip((1, 3), angles, strict=True))
    moves = torch.where(chosen[4], normal[2:] * MOVED, 0.0)
    touched = chosen.any(dim=0).nonzero().flatten()
    if not len(touched):
        return images
    stretched = torch.stack([1 / stretch, stretch])
    inverse = rotations(-before) @ torch.diag_embed(stretched.T) @ rotations(-after) / scale[:, None, None]
    shift = moves.T * torch.tensor([images.shape[3], images.shape[2]])
    where = touched.to(images.device)
    changed = resampled(images[where], inverse[touched].to(images.device), shift[touched].to(images.device))
    return images.index_copy(0, where, changed)


def rotations(angles: Tensor) -> Tensor:
    """Matrices [N, 2, 2] that turn (x, y) by `angles` [N] in radians."""
    cosine, sine = angles.cos(), angles.sin()
    return torch.stack([torch.stack([cosine, -sine], dim=1), torch.stack([sine, cosine], dim=1)], dim=1)


def resampled(images: Tensor, inverse: Tensor, shift: Tensor) -> Tensor:
    """Images [N, C, H, W] under affine maps of the plane around their centres, without aliasing.

    Parameters
    ----------
    images
        float32.
    inverse
        float32 [N, 2, 2]: the linear part of the inverse map, on (x, y) in pixels.
    shift
        float32 [N, 2]: how far the map moves the centre, (x, y) in pixels.
    """
    height, width = images.shape[2:]
    large = _doubled(images)
    places = _sources(height, width, inverse, shift)
    sampled = _BilinearSample.apply(large, places)
    # The filter's peak is at tap 5; the margin is twice 3 pixels.
    return upfirdn(sampled, [tap / math.sqrt(2) for tap in reversed(SYM6)], down=2, padding=(-1, -1))


def _doubled(images: Tensor) -> Tensor:
    """[N, C, 2H, 2W] whose pixel 2i is where pixel i was."""
    for axis in (2, 3):
        side = images.shape[axis]
        places = torch.arange(-_BEYOND_UP, side + _BEYOND_UP, device=images.device)
        images = images.index_select(axis, mirrored(places, side))
    return upfirdn(images, [tap * math.sqrt(2) for tap in SYM6], up=2, padding=(-6, -7))


def _sources(height: int, width: int, inverse: Tensor, shift: Tensor) -> Tensor:
    """Where in the doubled image each pixel of the doubled result with its margin comes from, for `grid_sample`."""
    device = inverse.device
    x = torch.arange(2 * (width + 2 * _BEYOND_DOWN), device=device) / 2 - _BEYOND_DOWN
    y = torch.arange(2 * (height + 2 * _BEYOND_DOWN), device=device) / 2 - _BEYOND_DOWN
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=device)
    plane = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1) - centre
    source = torch.einsum("nij,nhwj->nhwi", inverse, plane - shift[:, None, None, :]) + centre
    # Pixel 2i of the doubled image, of sides 2W and 2H, in coordinates from −1 to 1 between its edges.
    return (4 * source + 1) / torch.tensor([2 * width, 2 * height], device=device) - 1


class _BilinearSample(torch.autograd.Function):
    """`grid_sample` between mirrors, whose gradient by the images has gradients of its own (R1 needs them)."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.shape = images.shape
        return grid_sample(images, places, mode="bilinear", padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        return _BilinearSpread.apply(gradient, places, ctx.shape), None


class _BilinearSpread(torch.autograd.Function):
    """The transpose of `_BilinearSample`, which is linear in the images."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, places: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(places)
        # The images' values don't enter the gradient by them.
        images = gradient.new_zeros(()).expand(shape)
        bilinear, reflection = 0, 2
        spread: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            gradient.contiguous(), images.contiguous(), places, bilinear, reflection, False, [True, False]
        )[0]
        return spread

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        return _BilinearSample.apply(gradient, places), None, None
