"""Augmentations by an affine map of the colours, of any number of channels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

#: Deviations: of the brightness, and of the logarithms (base 2) of contrast and saturation.
BRIGHTER, CONTRASTED, SATURATED = 0.2, 0.5, 1.0


def recoloured(images: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Brightness, contrast, luma flip, hue and saturation of images [N, C, H, W] (Karras et al. 2020, ADA, appendix B).

    The luma axis is the one on which all channels are equal. Images of one channel have no more than brightness and
    contrast, those of two no hue; of more than three channels, hue turns a plane at random around the luma axis.
    """
    count, channels = images.shape[:2]
    draws = torch.rand(7, count, generator=random)
    normal = torch.randn(3, count, generator=random)
    planes = torch.randn(count, channels, 2, generator=random)
    chosen = draws[:5] < probability
    brightness = torch.where(chosen[0], normal[0] * BRIGHTER, 0.0)
    contrast = torch.where(chosen[1], torch.exp2(normal[1] * CONTRASTED), 1.0)
    flips = chosen[2] & (draws[5] < 0.5)
    angles = torch.where(chosen[3], (draws[6] * 2 - 1) * math.pi, 0.0)
    saturation = torch.where(chosen[4], torch.exp2(normal[2] * SATURATED), 1.0)
    if not bool(chosen.any()):
        return images
    matrix = contrast[:, None, None] * torch.eye(channels)
    offset = (brightness * contrast)[:, None].expand(-1, channels)
    if channels > 1:
        turned = _saturations(channels, saturation) @ _hues(channels, angles, planes) @ _luma_flips(channels, flips)
        offset = (turned @ offset[:, :, None])[:, :, 0]
        matrix = turned @ matrix
    mixed = torch.einsum("nij,njhw->nihw", matrix.to(images.device), images)
    return mixed + offset.to(images.device)[:, :, None, None]


def _grey(channels: int) -> Tensor:
    """The projection onto the luma axis, [C, C]."""
    return torch.full((channels, channels), 1 / channels)


def _luma_flips(channels: int, flips: Tensor) -> Tensor:
    return torch.eye(channels) - 2 * flips.float()[:, None, None] * _grey(channels)


def _saturations(channels: int, factors: Tensor) -> Tensor:
    grey = _grey(channels)
    return grey + factors[:, None, None] * (torch.eye(channels) - grey)


def _hues(channels: int, angles: Tensor, planes: Tensor) -> Tensor:
    """Rotations [N, C, C] by `angles` in the plane that two random vectors [N, C, 2] span across the luma axis."""
    identity = torch.eye(channels)
    if channels == 2:
        return identity
    across = planes - planes.mean(dim=1, keepdim=True)
    first = normalize(across[..., 0], dim=1)
    second = across[..., 1] - (across[..., 1] * first).sum(dim=1, keepdim=True) * first
    basis = torch.stack([first, normalize(second, dim=1)], dim=2)
    cosine, sine = angles.cos()[:, None, None], angles.sin()[:, None, None]
    quarter = basis[..., 1:] @ basis[..., :1].mT - basis[..., :1] @ basis[..., 1:].mT
    return identity + (cosine - 1) * basis @ basis.mT + sine * quarter
