"""Brings pixel values of other depths, with or without alpha, to the 8-bit values that ganeval works on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Sixteen-bit values 0..65535 as ``round(v * 255 / 65535)``, uint8 of the same shape.

    65535 / 255 is 257, which is odd, so that no value lies half-way and the rounding leaves no choice.
    """
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def on_white(colour: npt.NDArray[Any], alpha: npt.NDArray[Any], maximum: int) -> npt.NDArray[np.uint8]:
    """Composite on white and scale to 0..255, in one rounding.

    Parameters
    ----------
    colour
        Unsigned integers [height, width, channels] in 0..maximum, not premultiplied.
    alpha
        Unsigned integers [height, width, 1] in 0..maximum; 0 is transparent.
    maximum
        255 or 65535.

    Returns
    -------
    ndarray
        uint8 [height, width, channels], ``round(255 * (c*a + m*(m - a)) / m**2)`` with m the maximum.
    """
    wide = np.uint32 if maximum == 255 else np.uint64
    c, a = colour.astype(wide), alpha.astype(wide)
    blended = c * a + wide(maximum) * (wide(maximum) - a)
    divisor = maximum * maximum // 255
    # The divisor is odd for both depths: no value lies half-way.
    scaled: npt.NDArray[np.uint8] = ((blended + wide(divisor // 2)) // wide(divisor)).astype(np.uint8)
    return scaled


def grey_to_rgb(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Grey [height, width] or [height, width, 1] as RGB [height, width, 3]."""
    return np.repeat(grey.reshape(*grey.shape[:2], 1), 3, axis=2)
