"""Ways to bring training images of different sizes to one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.errors import OptionError, did_you_mean

Pixels = npt.NDArray[np.uint8]


def _cropped(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The largest middle part of the size's shape, scaled."""
    (height, width), (high, wide) = size, pixels.shape[:2]
    scale = min(high / height, wide / width)
    tall, broad = height * scale, width * scale
    top, left = (high - tall) / 2, (wide - broad) / 2
    return _scaled(pixels, size, (left, top, left + broad, top + tall))


def _squashed(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """All of the image, whatever that does to its proportions."""
    return _scaled(pixels, size, (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0])))


def _scaled(pixels: Pixels, size: tuple[int, int], box: tuple[float, float, float, float]) -> Pixels:
    # Plane by plane, so that any number of channels is treated alike; Lanczos with antialiasing.
    planes = [
        Image.fromarray(np.ascontiguousarray(pixels[..., channel])).resize(size[::-1], Image.Resampling.LANCZOS, box)
        for channel in range(pixels.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


#: Ways to bring an image [height, width, channels] of another size to the asked for; ``"none"`` refuses it.
RESIZES: dict[str, Callable[[Pixels, tuple[int, int]], Pixels] | None] = {
    "crop": _cropped,
    "squash": _squashed,
    "none": None,
}


def check_resize(resize: str) -> None:
    """Refuse a way to resize that there isn't.

    Raises
    ------
    OptionError
        With the nearest name.
    """
    if resize not in RESIZES:
        raise OptionError(f"unknown way to resize {resize!r}", hint=did_you_mean(resize, RESIZES))
