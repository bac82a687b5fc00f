"""A simulated camera: a photograph through a Bayer colour filter, noise and demosaicing, which leave a lattice too.

Demosaicing interpolates two of three colours at every pixel, with a period of 2 (Popescu, Farid 2005, "Exposing digital
forgeries in color filter array interpolated images"). Photographs at a camera's own resolution have that trace, small
copies of them from the web have lost it; a detector that knows only those would call a camera a generator.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from ganeval.detectors.artefacts.draws import log_uniform
from ganeval.detectors.perturbations import Jpeg

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Rng = np.random.Generator

#: Row and column, modulo 2, of red, the two greens and blue in each arrangement of the filter.
_PATTERNS = {
    "RGGB": ((0, 0), ((0, 1), (1, 0)), (1, 1)),
    "BGGR": ((1, 1), ((0, 1), (1, 0)), (0, 0)),
    "GRBG": ((0, 1), ((0, 0), (1, 1)), (1, 0)),
    "GBRG": ((1, 0), ((0, 0), (1, 1)), (0, 1)),
}


def _masks(shape: tuple[int, int], pattern: str) -> Floats:
    red, greens, blue = _PATTERNS[pattern]
    masks = np.zeros((3, *shape), np.float32)
    masks[0, red[0] :: 2, red[1] :: 2] = 1
    for row, column in greens:
        masks[1, row::2, column::2] = 1
    masks[2, blue[0] :: 2, blue[1] :: 2] = 1
    return masks


_BILINEAR_GREEN = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
_BILINEAR_OTHER = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4


def bilinear(mosaic: Floats, masks: Floats) -> Floats:
    """Each missing colour is the mean of its nearest neighbours of that colour.

    Parameters
    ----------
    mosaic
        float32 [height, width].
    masks
        float32 [3, height, width], 1 where a pixel has that colour.

    Returns
    -------
    float32 [3, height, width].
    """
    kernels = (_BILINEAR_OTHER, _BILINEAR_GREEN, _BILINEAR_OTHER)
    return np.stack([scipy.ndimage.convolve(mosaic * m, k, mode="mirror") for m, k in zip(masks, kernels, strict=True)])


def colour_difference(mosaic: Floats, masks: Floats) -> Floats:
    """Green by corrected bilinear interpolation, then red and blue by their difference to green.

    Green is corrected by the Laplacian of the other colour with gain 1/2 (Malvar, He, Cutler 2004, "High-quality linear
    interpolation for demosaicing of Bayer-patterned color images"); constant hue for the rest.
    """
    plain = scipy.ndimage.convolve(mosaic * masks[1], _BILINEAR_GREEN, mode="mirror")
    laplacian = np.array([[0, 0, -1, 0, 0], [0] * 5, [-1, 0, 4, 0, -1], [0] * 5, [0, 0, -1, 0, 0]], np.float32) / 8
    green = np.where(masks[1] > 0, mosaic, plain + scipy.ndimage.convolve(mosaic, laplacian, mode="mirror"))
    channels = [green, green, green]
    for channel in (0, 2):
        difference = (mosaic - green) * masks[channel]
        channels[channel] = green + scipy.ndimage.convolve(difference, _BILINEAR_OTHER, mode="mirror")
    return np.stack(channels)


def directional(mosaic: Floats, masks: Floats) -> Floats:
    """Green along the direction of the smaller gradient, then red and blue by their difference to green.

    Hamilton, Adams 1997 (US patent 5,629,734, expired): first and second differences decide between horizontal and
    vertical.
    """
    west, east = np.roll(mosaic, 1, 1), np.roll(mosaic, -1, 1)
    north, south = np.roll(mosaic, 1, 0), np.roll(mosaic, -1, 0)
    across = 2 * mosaic - np.roll(mosaic, 2, 1) - np.roll(mosaic, -2, 1)
    down = 2 * mosaic - np.roll(mosaic, 2, 0) - np.roll(mosaic, -2, 0)
    horizontal = np.abs(west - east) + np.abs(across)
    vertical = np.abs(north - south) + np.abs(down)
    by_row, by_column = (west + east) / 2 + across / 4, (north + south) / 2 + down / 4
    interpolated = np.where(
        horizontal < vertical, by_row, np.where(vertical < horizontal, by_column, (by_row + by_column) / 2)
    )
    green = np.where(masks[1] > 0, mosaic, interpolated)
    channels = [green, green, green]
    for channel in (0, 2):
        difference = (mosaic - green) * masks[channel]
        channels[channel] = green + scipy.ndimage.convolve(difference, _BILINEAR_OTHER, mode="mirror")
    return np.stack(channels)


DEMOSAICING: dict[str, Callable[[Floats, Floats], Floats]] = {
    "bilinear": bilinear,
    "colour-difference": colour_difference,
    "directional": directional,
}


def take_photograph(pixels: Pixels, rng: Rng) -> Pixels:
    """`pixels` as a simulated camera would have taken the scene.

    Linear light, a Bayer mosaic with white balance, noise of photons and of reading, demosaicing, smoothing of chroma,
    a tone curve, sharpening, and the camera's own JPEG.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3], free of other traces: shrunk by at least a factor of 0.6 before.
    rng
        Draws the camera.
    """
    light = (pixels.astype(np.float32) / 255).transpose(2, 0, 1) ** 2.2
    gains = np.array([rng.uniform(1.4, 2.4), 1.0, rng.uniform(1.3, 2.2)], np.float32)[:, None, None]
    masks = _masks(pixels.shape[:2], str(rng.choice(list(_PATTERNS))))
    mosaic = (light / gains * masks).sum(axis=0)
    photons = log_uniform(rng, 3e-5, 3e-3)
    reading = log_uniform(rng, 2e-4, 4e-3)
    noise = rng.standard_normal(mosaic.shape).astype(np.float32)
    mosaic = mosaic + noise * np.sqrt(photons * mosaic + reading**2)
    balanced = mosaic * (gains * masks).sum(axis=0)
    image = DEMOSAICING[str(rng.choice(list(DEMOSAICING)))](balanced, masks)
    if rng.random() < 0.8:
        luma = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
        sigma = float(rng.uniform(0.5, 2.0))
        image = luma + np.stack([scipy.ndimage.gaussian_filter(c - luma, sigma) for c in image])
    image = np.clip(image, 0, 1) ** (1 / 2.2)
    if rng.random() < 0.4:  # Denoising of luma, as every telephone does.
        image = scipy.ndimage.gaussian_filter(image, (0, *(float(rng.uniform(0.3, 0.7)),) * 2))
    if rng.random() < 0.6:
        amount = float(rng.uniform(0.2, 1.2))
        image = image + amount * (image - scipy.ndimage.gaussian_filter(image, (0, 1.0, 1.0)))
    developed = np.clip(np.round(image.transpose(1, 2, 0) * 255), 0, 255).astype(np.uint8)
    subsampling = str(rng.choice(["420", "422", "444"], p=[0.6, 0.25, 0.15]))
    # Its own JPEG: without it, the lattice would stand in the chroma as it never does in a photograph.
    return Jpeg(int(rng.integers(86, 100)), subsampling)(developed)
