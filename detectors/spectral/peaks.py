"""Detector "peaks": peaks, replicas and checkerboards in the averaged spectrum of a picture's high-pass residual."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ganeval.detectors.detector import Example, PixelDetector, Pixels, State
from ganeval.detectors.spectral.classifiers import FeatureClassifier
from ganeval.detectors.spectral.examples import collect
from ganeval.detectors.spectral.tiles import LUMA, choose_tiles
from ganeval.errors import ImageRangeError
from ganeval.progress import Progress

#: Side of the tiles, in pixels: frequencies are multiples of 1/128 cycles a pixel.
TILE = 128
_TILES = 32
#: Up-sampling three times by two repeats with a period of 8 pixels.
PERIOD = 8
# Power, in squared grey levels, below which nothing can be seen: an eighth of the noise of rounding to integers.
_FLOOR = 0.01
# Sides of the square that a place of the spectrum is compared with, and of its middle that is left out.
_AROUND, _CORE = 13, 3
# Heights, in deviations of all heights, from which a place counts as a peak.
_PEAK = 5.0
_HIGHEST = 16
_DECIBELS = 10 / np.log(10)

Float = npt.NDArray[np.float64]


def median_residual(tiles: Pixels) -> npt.NDArray[np.int16]:
    """int16 [..., height, width, 3]: each pixel minus the median of the 3 x 3 around it, of uint8 of that shape.

    The high-pass filter of Wang et al. 2020 (figure 8): unlike a linear one it takes edges out. Borders are repeated.
    """
    padding = [(0, 0)] * (tiles.ndim - 3) + [(1, 1), (1, 1), (0, 0)]
    padded = np.pad(tiles, padding, mode="edge")
    # The median of nine is the median of three: of the columns' largest minimum, median median, smallest maximum.
    low, middle, high = _sorted3(padded[..., :-2, :, :], padded[..., 1:-1, :, :], padded[..., 2:, :, :])
    lows = functools.reduce(np.maximum, _columns(low))
    highs = functools.reduce(np.minimum, _columns(high))
    median = _sorted3(lows, _sorted3(*_columns(middle))[1], highs)[1]
    return tiles.astype(np.int16) - median


def _columns(x: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    return x[..., :-2, :], x[..., 1:-1, :], x[..., 2:, :]


def _sorted3(a: Pixels, b: Pixels, c: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    a, b = np.minimum(a, b), np.maximum(a, b)
    b, c = np.minimum(b, c), np.maximum(b, c)
    return np.minimum(a, b), np.maximum(a, b), c


@functools.lru_cache(maxsize=1)
def _window() -> Float:
    """float64 [128, 128]: a Hann window of power 1, without which a tile's borders would draw a cross."""
    line = np.sin(np.pi * (np.arange(TILE) + 0.5) / TILE) ** 2
    window = np.outer(line, line)
    return np.asarray(window / np.sqrt((window**2).sum()))


def residual_spectrum(pixels: Pixels) -> Float | None:
    """Averaged log-spectrum of the high-pass residual (Zhang et al. 2019; Wang et al. 2020; Marra et al. 2019).

    Parameters
    ----------
    pixels
        uint8 [height, width, 3], native resolution.

    Returns
    -------
    numpy.ndarray or None
        float64 [3, 128, 128]: for luma, B - Y and R - Y, the mean over tiles of ln(power + .01), power in squared
        grey levels: white noise of variance v has power v on average. The zero frequency stands at [:, 64, 64], and
        (i/128, j/128) cycles a pixel, down and right, at [:, 64 + i, 64 + j]. None where no tile fits or all are flat.

    Raises
    ------
    ImageRangeError
        For another shape or type.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageRangeError(
            f"an array of shape {pixels.shape} and type {pixels.dtype} isn't uint8 [height, width, 3]"
        )
    tiles = choose_tiles(pixels, TILE, limit=_TILES)
    if len(tiles) == 0:
        return None
    weights = np.array(LUMA)
    mix = np.stack([weights, np.array([0.0, 0.0, 1.0]) - weights, np.array([1.0, 0.0, 0.0]) - weights])
    total = np.zeros((3, TILE, TILE // 2 + 1))
    for tile in tiles.pixels:
        residual = np.moveaxis(median_residual(tile) @ mix.T, -1, 0)
        spectrum = np.fft.rfft2(residual * _window())
        total += np.log(spectrum.real**2 + spectrum.imag**2 + _FLOOR)
    return _whole(total / len(tiles))


def _whole(half: Float) -> Float:
    """The shifted spectrum [3, n, n] from the half [3, n, n/2 + 1] that a real signal's transform consists of."""
    size = half.shape[1]
    # F(-u, -v) is the conjugate of F(u, v).
    mirrored = np.roll(half[:, ::-1, :], 1, axis=1)[:, :, size // 2 - 1 : 0 : -1]
    return np.asarray(np.fft.fftshift(np.concatenate([half, mirrored], axis=2), axes=(1, 2)))


def peak_heights(spectrum: Float) -> Float:
    """float64 [..., n, n]: a log-spectrum minus its mean over the 13 x 13 around each place, less the 3 x 3 within."""
    around, core = (_wrapped_mean(spectrum, side) for side in (_AROUND, _CORE))
    ring = (around * _AROUND**2 - core * _CORE**2) / (_AROUND**2 - _CORE**2)
    return np.asarray(spectrum - ring)


def _wrapped_mean(spectrum: Float, side: int) -> Float:
    sides = (1,) * (spectrum.ndim - 2) + (side, side)
    return np.asarray(ndimage.uniform_filter(spectrum, sides, mode="wrap"))


def lattice_frequencies() -> list[tuple[int, int]]:
    """Pairs (i, j) for the 33 frequencies (i/8, j/8) cycles a pixel that differ, mirrored and zero ones left out."""
    half = PERIOD // 2
    # (i, j) and (-i, -j), taken modulo 8 with 4 = -4, are one frequency of a real signal.
    edges = [(i, j) for i in (0, half) for j in range(half + 1) if (i, j) != (0, 0)]
    return edges + [(i, j) for i in range(1, half) for j in range(-half + 1, half + 1)]


@functools.lru_cache(maxsize=1)
def _elsewhere() -> npt.NDArray[np.bool_]:
    """bool [128, 128]: places off the lattice and off the low frequencies, half of them: the others mirror these."""
    down, right = np.meshgrid(*[np.arange(TILE) - TILE // 2] * 2, indexing="ij")
    step = TILE // PERIOD
    off = np.maximum(*(np.minimum(axis % step, -axis % step) for axis in (down, right))) > 2
    return np.asarray(
        off & (np.maximum(abs(down), abs(right)) > step // 2) & ((down > 0) | ((down == 0) & (right > 0)))
    )


@functools.lru_cache(maxsize=1)
def _rings() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Offsets int64 [k, 2] near a place (2 to 4 places away) and farther (5 to 8)."""
    offsets = np.stack(np.meshgrid(*[np.arange(-8, 9)] * 2, indexing="ij"), -1).reshape(-1, 2)
    distance = np.hypot(*offsets.T)
    return offsets[(distance >= 2) & (distance < 5)], offsets[(distance >= 5) & (distance <= 8)]


def peak_features(spectrum: Float) -> Float:
    """What the classifier sees of `residual_spectrum`.

    For each of the three channels: heights above the surroundings at the 33 lattice frequencies; at the same places
    how far the mean of the near surroundings lies above that of the farther ones, for up-sampling repeats the whole low
    end of the spectrum there (Zhang et al. 2019, section 3); and elsewhere, in deviations of all heights,
    the highest peak, the mean of the 16 highest, and ln(1 + number of peaks).

    Returns
    -------
    numpy.ndarray
        float64 [207].
    """
    heights = peak_heights(spectrum)
    places = np.array(lattice_frequencies()) * (TILE // PERIOD) + TILE // 2
    at = (places % TILE).T
    near, far = (
        np.mean([spectrum[:, (at[0] + i) % TILE, (at[1] + j) % TILE] for i, j in ring], axis=0) for ring in _rings()
    )
    others = np.sort(_deviations(heights)[:, _elsewhere()], axis=1)
    extremes = np.stack(
        [others[:, -1], others[:, -_HIGHEST:].mean(1), np.log1p((others > _PEAK).sum(1))],
        axis=1,
    )
    return np.concatenate([heights[:, at[0], at[1]], near - far, extremes], axis=1).ravel()


def _deviations(heights: Float) -> Float:
    """Heights in multiples of their usual deviation: its robust estimate from the median, each channel for itself."""
    usual = 1.4826 * np.median(np.abs(heights), axis=(1, 2), keepdims=True)
    # A channel that is nothing but the floor has no deviation and no peaks.
    return np.asarray(heights / np.maximum(usual, 1e-3))


class PeakDetector(PixelDetector):
    """Logistic regression on peaks and replicas in the residual's spectrum."""

    name: ClassVar[str] = "peaks"
    title: ClassVar[str] = "peaks in the residual's spectrum"
    paper: ClassVar[str] = (
        "Zhang, Karaman, Chang 2019, Detecting and simulating artifacts in GAN fake images; Marra et al. 2019; "
        "Wang et al. 2020"
    )
    minimum_side: ClassVar[int] = TILE

    def __init__(self, classifier: FeatureClassifier) -> None:
        self.classifier = classifier

    def score(self, pixels: Pixels) -> float:
        """Logit of "generated"; see `PixelDetector.score`."""
        features = _features(pixels)
        return float("nan") if features is None else float(self.classifier.score(features[None])[0])

    @classmethod
    def fit(cls, examples: Iterable[Example], *, seed: int = 2020, progress: Progress | None = None) -> PeakDetector:
        """See `PixelDetector.fit`."""
        features, generated = collect(examples, _features, progress, "residual spectra")
        return cls(FeatureClassifier.fit("logistic", np.asarray(features, np.float64), generated, seed=seed))

    def state(self) -> State:
        """See `PixelDetector.state`."""
        return State(self.classifier.arrays(), {**self.classifier.settings(), "tile": TILE})

    @classmethod
    def restore(cls, state: State) -> PeakDetector:
        """See `PixelDetector.restore`."""
        return cls(FeatureClassifier.restore(state, 3 * (2 * len(lattice_frequencies()) + 3)))

    def weigh_facts(self, pixels: Pixels) -> tuple[tuple[str, str], ...]:
        """The highest peaks of the luma residual on and off the lattice, and the height of the checkerboard."""
        spectrum = residual_spectrum(pixels)
        if spectrum is None:
            return ()
        heights = peak_heights(spectrum)[0]
        middle, step = TILE // 2, TILE // PERIOD
        lattice = np.array(lattice_frequencies()) * step
        elsewhere = np.argwhere(_elsewhere()) - middle
        return (
            ("highest peak on the period-8 lattice", _described(heights, lattice)),
            ("highest peak elsewhere", _described(heights, elsewhere)),
            ("checkerboard, a change every pixel both ways", f"{_DECIBELS * heights[0, 0]:+.1f} dB"),
        )


def _features(pixels: Pixels) -> Float | None:
    spectrum = residual_spectrum(pixels)
    return None if spectrum is None else peak_features(spectrum)


def _described(heights: Float, offsets: npt.NDArray[np.int64]) -> str:
    at = (offsets + TILE // 2) % TILE
    found = heights[at[:, 0], at[:, 1]]
    down, right = offsets[int(np.argmax(found))] / TILE
    return f"{_DECIBELS * found.max():+.1f} dB at {right:.3g} cycles a pixel across and {down:.3g} down"
