"""SSIM and MS-SSIM of batches of image pairs, through torchmetrics, with as many scales as the images have room for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganeval.errors import MetricError

#: Exponents of the five scales, finest first (Wang, Simoncelli & Bovik 2003, section 3.2).
BETAS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

# The Gaussian window of Wang et al. 2004, 11 pixels wide, and one 5 pixels wide for images that it doesn't fit into.
_SIGMA, _WIDTH = 1.5, 11
_SMALL_SIGMA, _SMALL_WIDTH = 0.5, 5


def window_for(side: int) -> tuple[float, int]:
    """Standard deviation and width in pixels of the Gaussian window for images with that shortest side.

    1.5 and 11 pixels from 11 pixels on; 0.5 and 5 pixels below.

    Raises
    ------
    MetricError
        Below 5 pixels, which no window fits into.
    """
    if side >= _WIDTH:
        return _SIGMA, _WIDTH
    if side >= _SMALL_WIDTH:
        return _SMALL_SIGMA, _SMALL_WIDTH
    raise MetricError(
        f"images of {side} pixels height or width are too small for structural similarity",
        hint=f"It needs at least {_SMALL_WIDTH} pixels.",
    )


def scales_for(side: int) -> tuple[float, ...]:
    """Exponents of as many scales, up to five, as fit images with that shortest side in pixels.

    Each scale halves the image, and the window has to fit into the last: all five from 176 pixels on, four from 99,
    three from 44, two from 22, one below (MS-SSIM is then SSIM). The exponents are the first ones of the five, scaled
    to the sum of 1.
    """
    _, width = window_for(side)
    count = max(n for n in range(1, len(BETAS) + 1) if n == 1 or _fits(side, n, width))
    total = sum(BETAS[:count])
    return BETAS if count == len(BETAS) else tuple(beta / total for beta in BETAS[:count])


def _fits(side: int, count: int, width: int) -> bool:
    # The second is torchmetrics' own condition.
    return side >> (count - 1) >= width and side // (count - 1) ** 2 >= width


def structural_similarity(first: Tensor, second: Tensor) -> Tensor:
    """SSIM (Wang et al. 2004) of pairs of images, averaged over the three channels and all pixels.

    At the border torchmetrics mirrors the image; the authors' program and scikit-image leave out the outer 5 pixels,
    which on images of 50 pixels changes the second or third decimal.

    Parameters
    ----------
    first, second
        [n, 3, H, W] in 0..255.

    Returns
    -------
    Tensor
        float64 [n], at most 1.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    sigma, width = window_for(min(first.shape[-2:]))
    values = structural_similarity_index_measure(
        _unit(first), _unit(second), sigma=sigma, kernel_size=width, reduction="none", data_range=1.0
    )
    return _one_each(values, len(first))


def multi_scale_structural_similarity(first: Tensor, second: Tensor) -> Tensor:
    """MS-SSIM (Wang, Simoncelli & Bovik 2003) of pairs of images; factors below 0 count as 0, as their roots need.

    Parameters
    ----------
    first, second
        [n, 3, H, W] in 0..255; see `scales_for` for small ones.

    Returns
    -------
    Tensor
        float64 [n] in 0..1.
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    side = min(first.shape[-2:])
    sigma, width = window_for(side)
    values = multiscale_structural_similarity_index_measure(
        _unit(first),
        _unit(second),
        sigma=sigma,
        kernel_size=width,
        reduction="none",
        data_range=1.0,
        betas=scales_for(side),
        normalize="relu",
    )
    return _one_each(values, len(first)).clamp(0.0, 1.0)


def scale_parameters(side: int) -> dict[str, Any]:
    """What a report says of the scales for images with that shortest side."""
    return {"scales": len(scales_for(side)), "betas": [round(beta, 6) for beta in scales_for(side)]}


def _unit(images: Tensor) -> Tensor:
    return images.float() / 255


def _one_each(values: Any, count: int) -> Tensor:
    similarities: Tensor = torch.as_tensor(values).double().reshape(count)
    return similarities
