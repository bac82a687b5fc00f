"""Ways of resizing images to a network's input, by name: they change every score, so each is exact and recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ganeval.errors import OptionError, did_you_mean

# Up to this many pixels an image is resized faster by two small matrix products than by Pillow (measured).
_MATRIX_PIXELS = 96 * 96


@dataclass(frozen=True)
class Preprocessing:
    """A named way of resizing.

    Parameters
    ----------
    name
        As on the command line, in reports and in the feature store's key.
    summary
        What it does, in one line.
    resize
        Takes uint8 [N, 3, H, W] and a side S, gives float32 [N, 3, S, S] in 0..255, channels last; any device.
    """

    name: str
    summary: str
    resize: Callable[[Tensor, int], Tensor]


def resize_tf1(images: Tensor, size: int) -> Tensor:
    """Bilinear resize as TensorFlow 1 does it: source = target * in / out, no half-pixel centres, no antialiasing.

    It is what torch-fidelity and the original FID code feed to Inception. PyTorch's corner-aligned resize samples the
    same points once the image has one more (repeated) row and column and one more is asked for.

    Parameters
    ----------
    images
        uint8 [N, 3, H, W] in 0..255.
    size
        Side S of the result.

    Returns
    -------
    Tensor
        float32 [N, 3, S, S] in 0..255, channels last, within 1e-4 of torch-fidelity's.
    """
    if tuple(images.shape[-2:]) == (size, size):
        return images.to(torch.float32, memory_format=torch.channels_last)
    padded = torch.cat([images, images[:, :, -1:, :]], dim=2)
    padded = torch.cat([padded, padded[:, :, :, -1:]], dim=3)
    pixels = padded.to(torch.float32, memory_format=torch.channels_last)
    enlarged = F.interpolate(pixels, size=(size + 1, size + 1), mode="bilinear", align_corners=True)
    return enlarged[:, :, :size, :size].contiguous(memory_format=torch.channels_last)


def resize_clean(images: Tensor, size: int) -> Tensor:
    """Antialiased bicubic resize in float as in clean-fid: Pillow's filter a channel, clipped to 0..255, not rounded.

    Parmar et al. 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation".

    Parameters
    ----------
    images
        uint8 [N, 3, H, W] in 0..255.
    size
        Side S of the result.

    Returns
    -------
    Tensor
        float32 [N, 3, S, S] in 0..255, channels last.
    """
    height, width = images.shape[-2:]
    if (height, width) == (size, size):
        return images.to(torch.float32, memory_format=torch.channels_last)
    # Pillow knows no gradients, and a loss through the resizing needs them.
    if images.device.type == "cpu" and height * width > _MATRIX_PIXELS and not images.requires_grad:
        return _resize_clean_pillow(images, size)
    rows = _bicubic_matrix(height, size).to(images.device)
    columns = _bicubic_matrix(width, size).to(images.device)
    planes = images.contiguous().float()
    resized = rows @ (planes @ columns.T)
    return resized.clamp_(0.0, 255.0).contiguous(memory_format=torch.channels_last)


def _resize_clean_pillow(images: Tensor, size: int) -> Tensor:
    planes: npt.NDArray[np.float32] = images.to(torch.float32, memory_format=torch.contiguous_format).numpy()
    resized = np.empty((len(planes), size, size, 3), dtype=np.float32)
    for image, target in zip(planes, resized, strict=True):
        for channel, plane in enumerate(image):
            target[:, :, channel] = _pillow_bicubic(plane, size, size)
    np.clip(resized, 0.0, 255.0, out=resized)
    return torch.from_numpy(resized).permute(0, 3, 1, 2)


def _pillow_bicubic(plane: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    return np.asarray(Image.fromarray(plane).resize((width, height), resample=Image.Resampling.BICUBIC))


@lru_cache(maxsize=64)
def _bicubic_matrix(source: int, target: int) -> Tensor:
    """Pillow's bicubic filter as a float32 matrix [target, source]: the filter is linear, so it is its own response."""
    response = _pillow_bicubic(np.eye(source, dtype=np.float32), target, source)
    # Kept for whoever comes next: one made in inference mode could never serve a loss.
    with torch.inference_mode(False):
        return torch.from_numpy(response.T.copy())


PREPROCESSINGS: dict[str, Preprocessing] = {
    "tf1": Preprocessing("tf1", "bilinear without antialiasing, as TensorFlow 1 and torch-fidelity", resize_tf1),
    "clean": Preprocessing("clean", "antialiased bicubic in float, as clean-fid", resize_clean),
}


def find_preprocessing(name: str | None, default: str, allowed: tuple[str, ...] | None = None) -> Preprocessing:
    """The preprocessing called `name`, or the `default` for None.

    Raises
    ------
    OptionError
        If there is none of that name, or the extractor doesn't offer it.
    """
    chosen = default if name is None else name
    known = tuple(PREPROCESSINGS) if allowed is None else allowed
    if chosen not in known or chosen not in PREPROCESSINGS:
        raise OptionError(f"unknown preprocessing {chosen!r} for this extractor", hint=did_you_mean(chosen, known))
    return PREPROCESSINGS[chosen]
