"""What a training loop hands over as images, checked and brought to the one form in which images travel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from ganeval.errors import ImageRangeError, OptionError
from ganeval.images.pixels import SYMMETRIC, UNIT, RangeRule, ValueRange
from ganeval.wording import counted

_CHANNELS = (1, 3)


def require_value_range(value_range: Any) -> ValueRange | None:
    """``(0.0, 1.0)``, ``(-1.0, 1.0)`` or None; raises `OptionError` for anything else."""
    if value_range is None:
        return None
    ends = tuple(value_range) if isinstance(value_range, Iterable) else None
    for known in (UNIT, SYMMETRIC):
        if ends == known:
            return known
    raise OptionError(f"value_range is {value_range!r}", hint="Use (0.0, 1.0) or (-1.0, 1.0).")


def as_image_batch(images: Any, value_range: ValueRange | None) -> torch.Tensor:
    """A batch of images as uint8 RGB, to the same bytes as `ganeval.open_source` makes of them.

    Parameters
    ----------
    images
        Tensor or array [N, C, H, W], N from 0 on, C 1 (grey) or 3, any H and W: uint8, or float of 16 to 64 bits.
    value_range
        Of floats: ``(0.0, 1.0)`` or ``(-1.0, 1.0)``; it is never guessed.

    Returns
    -------
    torch.Tensor
        uint8 [N, 3, H, W] in 0..255 on the images' device, without a gradient; floats are rounded, halves to even.

    Raises
    ------
    ImageRangeError
        For another shape or dtype, floats without a declared range, NaN, infinity, or values outside the range.
    """
    tensor = _as_tensor(images).detach()
    if tensor.dtype == torch.uint8:
        return _rgb(tensor)
    wide = tensor.to(_widest(tensor.device))
    _check_values(wide, tensor.dtype, value_range)
    return _rgb(_levels(wide, value_range).round_().clamp_(0, 255).to(torch.uint8))


def as_pixel_levels(images: Any, value_range: ValueRange | None) -> torch.Tensor:
    """A batch of float images as float32 [N, 3, H, W] in 0..255, not rounded, through which gradients flow.

    Parameters and errors are those of `as_image_batch`; uint8 is refused with `ImageRangeError`, since it has no
    gradient.
    """
    tensor = _as_tensor(images)
    if tensor.dtype == torch.uint8:
        raise ImageRangeError(
            "uint8 images can't have a gradient", hint="Give the generator's own output, float in [-1, 1] or [0, 1]."
        )
    _check_values(tensor.detach(), tensor.dtype, value_range)
    return _rgb(_levels(tensor.float(), value_range))


def _as_tensor(images: Any) -> torch.Tensor:
    tensor = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    if not isinstance(tensor, torch.Tensor):
        raise ImageRangeError(
            f"a batch of images is a tensor, not {type(images).__name__}", hint="Stack the images to [N, C, H, W]."
        )
    if tensor.ndim != 4 or tensor.shape[1] not in _CHANNELS or 0 in tensor.shape[1:]:
        raise ImageRangeError(
            f"the batch has shape {tuple(tensor.shape)}, which is not [N, C, H, W] with C = 1 (grey) or 3 (RGB)",
            hint="Images with channels last need images.permute(0, 3, 1, 2), a single image images[None].",
        )
    if tensor.dtype != torch.uint8 and not tensor.is_floating_point():
        raise ImageRangeError(
            f"the batch has values of type {tensor.dtype}, which are not pixels",
            hint="Use uint8 (0..255), or floats in [0, 1] or [-1, 1].",
        )
    return tensor


def _check_values(values: torch.Tensor, dtype: torch.dtype, value_range: ValueRange | None) -> None:
    if values.numel() == 0:
        return
    low, high = (float(end) for end in values.aminmax())
    if value_range is None:
        raise ImageRangeError(
            f"the {counted(values, 'image')} of the batch are {dtype} with values from {low:g} to {high:g}, "
            "and which range such images have wasn't declared",
            hint="Declare it: value_range=(-1, 1) or value_range=(0, 1).",
        )
    RangeRule(value_range).check_extremes(low, high, "the batch")


def _levels(values: torch.Tensor, value_range: ValueRange | None) -> torch.Tensor:
    unit = (values + 1) / 2 if value_range == SYMMETRIC else values
    return unit * 255


def _rgb(images: torch.Tensor) -> torch.Tensor:
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


def _widest(device: torch.device) -> torch.dtype:
    # Apple's GPUs have no float64; a value a rounding away from half a level may then fall to the other side.
    return torch.float32 if device.type == "mps" else torch.float64
