"""The averaged spectrum of a picture's residual, its radial profile, and those of photographs to hold them against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from ganeval.detectors.spectral.peaks import TILE, residual_spectrum

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
__all__ = ["TILE", "Photographs", "mean_spectrum", "photographs", "radial_profile", "residual", "summarise"]

REFERENCE_FILE = "photographs.safetensors"


def residual(pixels: Pixels) -> npt.NDArray[np.float32]:
    """What is left of the luma when each pixel's four neighbours are averaged away.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3].

    Returns
    -------
    float32 [height, width] in grey levels; the border repeats its outermost pixels.
    """
    luma = pixels.astype(np.float32) @ _LUMA
    padded = np.pad(luma, 1, mode="edge")
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    left: npt.NDArray[np.float32] = (luma - neighbours / 4).astype(np.float32)
    return left


def mean_spectrum(pixels: Pixels) -> Floats | None:
    """Shape of the averaged log-spectrum of the luma's residual: `residual_spectrum` less its mean.

    Returns
    -------
    float64 [TILE, TILE], natural logarithm, frequency 0 in the middle (row and column TILE / 2); None for a picture
    that is smaller than a tile or flat throughout.
    """
    spectrum = residual_spectrum(pixels)
    return None if spectrum is None else np.asarray(spectrum[0] - spectrum[0].mean(), dtype=np.float64)


def radial_profile(spectrum: Floats) -> Floats:
    """Mean of a centred square spectrum [n, n] at each whole radius 0 .. n/2, float64 [n/2 + 1]."""
    half = len(spectrum) // 2
    rows, columns = np.indices(spectrum.shape) - half
    radius = np.rint(np.hypot(rows, columns)).astype(np.int64).ravel()
    sums = np.bincount(radius, spectrum.ravel())
    counts = np.bincount(radius)
    return np.asarray(sums[: half + 1] / counts[: half + 1], dtype=np.float64)


@dataclass(frozen=True)
class Photographs:
    """Spectra of photographs.

    Parameters
    ----------
    spectrum
        float64 [TILE, TILE]: mean of `mean_spectrum` over photographs.
    spread
        float64 [TILE, TILE]: standard deviation over photographs.
    low, middle, high
        float64 [TILE/2 + 1]: 5th, 50th and 95th percentile of `radial_profile`.
    count
        Of photographs.
    """

    spectrum: Floats
    spread: Floats
    low: Floats
    middle: Floats
    high: Floats
    count: int


def summarise(spectra: Floats) -> Photographs:
    """The reference from [n, TILE, TILE] spectra of photographs."""
    profiles = np.stack([radial_profile(one) for one in spectra])
    low, middle, high = np.percentile(profiles, (5, 50, 95), axis=0)
    return Photographs(spectra.mean(0), spectra.std(0), low, middle, high, len(spectra))


@cache
def photographs() -> Photographs | None:
    """The bundled reference; None where the installation lacks it."""
    from safetensors.numpy import load

    try:
        data = files("ganeval.detectors.explaining").joinpath(REFERENCE_FILE).read_bytes()
    except OSError:
        return None
    arrays = {name: values.astype(np.float64) for name, values in load(data).items()}
    count = int(arrays.pop("count")[0])
    return Photographs(**arrays, count=count)
