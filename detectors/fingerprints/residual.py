"""What is left of a picture when its content is taken away: the residual in which a generator's fingerprint lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Pixels = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

#: Variance, in squared grey levels, of what is taken for noise and not for content: that of PRNU practice, 3 levels.
NOISE = 9.0
_SIDE = 3
_MOST_TILES = 64
_SMOOTH = 9
# Share of the mean power that is added before a logarithm is taken.
_TINY = 1e-6


def denoising_residual(tiles: Pixels) -> Plane:
    """Picture minus its denoised self, float32 [..., height, width, 3] of uint8 of that shape.

    The denoiser is the locally adaptive Wiener filter, m + max(v - s, 0)/max(v, s) (x - m), with mean m and variance v
    of the 3 x 3 around a pixel and noise variance s of 9 squared grey levels. Marra et al. 2019 denoise with a network;
    what counts is that edges don't leak into the residual, and this filter damps them by s/v, without weights to ship.
    A linear high-pass would leave the edges in, which is most of what single pictures differ by.
    """
    x = tiles.astype(np.float32)
    sides = (1,) * (x.ndim - 3) + (_SIDE, _SIDE, 1)
    mean = ndimage.uniform_filter(x, sides, mode="nearest")
    variance = ndimage.uniform_filter((x - mean) ** 2, sides, mode="nearest")
    # x minus the estimate is (x - m) times min(s/v, 1).
    return np.asarray((x - mean) * (NOISE / np.maximum(variance, NOISE)), np.float32)


def picture_residual(pixels: Pixels, size: int) -> Plane | None:
    """The residual by which a picture is compared: float32 [size, size, 3], of mean square 1 a value.

    The picture is cut in tiles that stand at multiples of `size` from its upper left corner, at most 64 of them, and
    the tiles' residuals are averaged: whatever repeats with a period that divides `size` adds up, for pictures of any
    size. Of the mean, rows and columns are centred in each channel (zero-meaning, as in PRNU practice), which takes out
    sensor lines and most of the blocking of JPEG, whose grid is a sum of a pattern of rows and one of columns; then
    `whitened` makes all frequencies count alike.
    PRNU practice goes on with a Wiener filter that takes narrow peaks out of the spectrum:
    left out here, for the peaks of an up-sampler are what is looked for.

    Returns
    -------
    numpy.ndarray or None
        None where no tile fits, or nothing is left: a flat picture.
    """
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    if rows * columns == 0:
        return None
    # Spread over the picture, and the same ones every time.
    places = np.unique(np.linspace(0, rows * columns - 1, min(rows * columns, _MOST_TILES)).astype(np.int64))
    total: Plane = np.zeros((size, size, 3), np.float32)
    for place in places:
        top, left = divmod(int(place), columns)
        total += denoising_residual(pixels[top * size : (top + 1) * size, left * size : (left + 1) * size])
    centred = unit(zero_mean(total / np.float32(len(places))))
    return None if centred is None else unit(whitened(centred))


def zero_mean(plane: Plane) -> Plane:
    """`plane` [height, width, channels] minus the means of its rows and columns."""
    return np.asarray(
        plane - plane.mean(0, keepdims=True) - plane.mean(1, keepdims=True) + plane.mean((0, 1), keepdims=True)
    )


def whitened(plane: Plane) -> Plane:
    """`plane` with its spectrum's smooth magnitude divided out, narrow peaks kept.

    White noise is what a correlation is the best test against, and residuals are far from white. The smooth
    magnitude is the geometric mean over 9 x 9 frequencies, which a peak hardly raises; rows and columns of frequencies
    that `zero_mean` emptied stay empty.
    """
    spectrum = np.fft.fft2(plane, axes=(0, 1))
    power = np.abs(spectrum) ** 2
    known = np.ones(plane.shape[:2])
    known[0], known[:, 0] = 0, 0
    shares = ndimage.uniform_filter(known, _SMOOTH, mode="wrap")[..., None]
    logs = np.log(power + _TINY * power.mean()) * known[..., None]
    smooth = np.exp(ndimage.uniform_filter(logs, (_SMOOTH, _SMOOTH, 1), mode="wrap") / shares / 2)
    return np.asarray(np.fft.ifft2(spectrum / smooth * known[..., None], axes=(0, 1)).real, np.float32)


def unit(plane: Plane) -> Plane | None:
    """`plane` with a mean square of 1; None if it is nothing but rounding."""
    power = float(np.sqrt(np.mean(plane.astype(np.float64) ** 2)))
    return plane / np.float32(power) if power > 1e-4 else None
