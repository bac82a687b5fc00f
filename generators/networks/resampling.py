"""Resampling of feature maps and images with low-pass filters, so that halving and doubling don't alias."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from ganeval.errors import OptionError

#: The binomial filter of Karras et al. (2019, 2020), whose sum is made 1.
BINOMIAL = (0.125, 0.375, 0.375, 0.125)


def upfirdn(
    images: Tensor,
    taps: Sequence[float],
    *,
    up: int = 1,
    down: int = 1,
    padding: tuple[int, int] = (0, 0),
) -> Tensor:
    """Along both axes: insert zeros, pad with zeros, convolve with a filter, and keep every `down`-th value.

    Sums of slices rather than a convolution: on a CPU they are as fast, and much faster where gradients of gradients
    are asked for (R1, path lengths).

    Parameters
    ----------
    images
        Floating point [N, C, H, W].
    taps
        The filter along one axis, which both share; it is convolved, that is, turned round.
    up
        ``up − 1`` zeros follow each value; 1 or more.
    down
        1 or more.
    padding
        Zeros before and after each axis; below 0 it crops.

    Returns
    -------
    Tensor
        [N, C, H', W'] with H' = ⌈(H·up + padding − (len(taps) − 1)) / down⌉, as W'.

    Raises
    ------
    OptionError
        If the filter is longer than the padded image, or a factor is below 1.
    """
    if min(up, down) < 1:
        raise OptionError(f"factors of resampling are {up} and {down}", hint="They have to be 1 or more.")
    for axis in (2, 3):
        images = _along(images, axis, taps, up, down, padding)
    return images


def _along(images: Tensor, axis: int, taps: Sequence[float], up: int, down: int, padding: tuple[int, int]) -> Tensor:
    if up > 1:
        zeros = images.new_zeros(()).expand_as(images)
        images = torch.stack([images, *[zeros] * (up - 1)], dim=axis + 1).flatten(axis, axis + 1)
    if padding != (0, 0):
        images = pad(images, (0, 0, *padding) if axis == 2 else padding)
    length = images.shape[axis] - len(taps) + 1
    if length < 1:
        raise OptionError(f"a filter of {len(taps)} taps doesn't fit into {images.shape[axis]} pixels")
    kept = math.ceil(length / down)
    result: Tensor | None = None
    for offset, tap in enumerate(reversed(taps)):
        part = images.narrow(axis, offset, (kept - 1) * down + 1)
        if down > 1:
            part = part[:, :, ::down] if axis == 2 else part[..., ::down]
        result = part * tap if result is None else torch.add(result, part, alpha=tap)
    return images if result is None else result


def blur(images: Tensor, padding: tuple[int, int], gain: float = 1.0) -> Tensor:
    """Smooth with [1, 3, 3, 1] along both axes; 3 pixels are lost of what is padded with zeros."""
    return upfirdn(images, [math.sqrt(gain) * tap for tap in BINOMIAL], padding=padding)


def upsample(images: Tensor) -> Tensor:
    """Twice the height and width, by inserted zeros and [1, 3, 3, 1]; brightness is kept but for the edges."""
    return upfirdn(images, [2 * tap for tap in BINOMIAL], up=2, padding=(2, 1))


def downsample(images: Tensor) -> Tensor:
    """Half the height and width, which have to be even, by [1, 3, 3, 1] and every other pixel."""
    return upfirdn(images, BINOMIAL, down=2, padding=(1, 1))
