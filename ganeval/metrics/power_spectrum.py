"""How the power of an image is spread over spatial frequencies, whatever their direction."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ganeval.errors import OptionError

#: Windows by which an image may be multiplied before its Fourier transform.
WINDOWS = ("none", "hann")
#: The highest spatial frequency of an image, in its corners: half a cycle a pixel both ways.
HIGHEST_FREQUENCY = math.sqrt(0.5)
#: Shortest side in pixels with more than one frequency to speak of.
SMALLEST_SIDE = 4
#: Most bins that are chosen unless more are asked for.
MOST_BINS = 128

# Luma of ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114])
# Rounding to 8 bits is noise of this power a pixel, on the scale 0..1: nothing below it can be seen.
_ROUNDING_NOISE = (1 / 255) ** 2 / 12

Profile = npt.NDArray[np.float64]


def default_bins(side: int) -> int:
    """As many rings as the shortest `side` in pixels of all images fills: about as wide as its step of frequency."""
    return max(1, min(MOST_BINS, int(side * HIGHEST_FREQUENCY)))


def bin_centres(bins: int) -> Profile:
    """Middles of the rings [bins], in cycles a pixel."""
    return (np.arange(bins, dtype=np.float64) + 0.5) * (HIGHEST_FREQUENCY / bins)


def power_profile(pixels: npt.NDArray[np.uint8], bins: int, *, window: str = "none") -> Profile:
    """Azimuthally averaged power of one image in decibels (Durall et al. 2020).

    The image's luma in 0..1 less its mean, windowed, Fourier transformed; |F|² a pixel (and by the window's own power)
    is averaged over rings of equal width from 0 to √½ cycles a pixel, which makes images of different sizes
    comparable; to which the power of rounding to 8 bits is added, so that a blank image has a logarithm too.

    Parameters
    ----------
    pixels
        uint8 RGB [H, W, 3].
    bins
        How many rings.
    window
        ``"none"`` as in the paper, or ``"hann"``, which keeps the jump from one border to the opposite one from
        appearing at all frequencies.

    Returns
    -------
    numpy.ndarray
        float64 [bins], 10·log10 of power.

    Raises
    ------
    OptionError
        If the image has too few frequencies for so many rings, or the window is unknown.
    """
    if window not in WINDOWS:
        raise OptionError(f"window is {window!r}", hint=f"Choose of: {', '.join(WINDOWS)}.")
    height, width = pixels.shape[:2]
    ring, weight, total = _rings(height, width, bins)
    luma = (pixels @ _LUMA) / 255
    luma -= luma.mean()
    energy = float(height * width)
    if window == "hann":
        shape = _hann(height, width)
        luma *= shape
        energy = float((shape**2).sum())
    spectrum = np.fft.rfft2(luma)
    power = (spectrum.real**2 + spectrum.imag**2) / energy
    mean = np.bincount(ring, weights=power.ravel() * weight, minlength=bins) / total
    decibels: Profile = 10 * np.log10(mean + _ROUNDING_NOISE)
    return decibels


@lru_cache(maxsize=32)
def _rings(
    height: int, width: int, bins: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ring of each entry of the half spectrum, how many entries of the whole it stands for, and their sum a ring."""
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    radius = np.hypot(y, x)
    ring = np.minimum((radius * (bins / HIGHEST_FREQUENCY)).astype(np.intp), bins - 1).ravel()
    # Columns in the inside of the half stand for their mirror images too.
    twice = (x > 0) & ~((width % 2 == 0) & (np.arange(x.shape[1])[None, :] == x.shape[1] - 1))
    weight = np.broadcast_to(np.where(twice, 2.0, 1.0), radius.shape).ravel().copy()
    weight[0] = 0.0
    total: Profile = np.bincount(ring, weights=weight, minlength=bins).astype(np.float64)
    if not total.all():
        raise OptionError(
            f"{bins} frequency bins are too many for an image of {width}x{height} pixels",
            hint=f"{default_bins(min(height, width))} would do.",
        )
    return ring, weight, total


@lru_cache(maxsize=32)
def _hann(height: int, width: int) -> npt.NDArray[np.float64]:
    # Half a pixel in from the ends, so that no row or column is lost.
    rows, columns = (np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in (height, width))
    return np.outer(rows, columns)
