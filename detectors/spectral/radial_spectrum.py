"""Detector "spectral": the azimuthally integrated power spectrum, whose high end up-sampling distorts."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ganeval.detectors.detector import Example, PixelDetector, Pixels, State
from ganeval.detectors.spectral.classifiers import FeatureClassifier
from ganeval.detectors.spectral.examples import collect
from ganeval.detectors.spectral.tiles import choose_tiles, luma
from ganeval.errors import ImageRangeError
from ganeval.progress import Progress

#: Side of the tiles, in pixels: a profile depends on the size it is taken at, so there is one.
TILE = 128
_TILES = 32


@functools.lru_cache(maxsize=8)
def _radii(height: int, width: int) -> npt.NDArray[np.int64]:
    """int64 [height * width]: integer distance of each place of a shifted spectrum from ((h-1)/2, (w-1)/2)."""
    rows, columns = np.indices((height, width))
    distances = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    return np.asarray(distances.astype(np.int64).ravel())


def azimuthal_profile(grey: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Azimuthally integrated power spectrum (Durall, Keuper, Keuper 2020, section 3; Durall et al. 2019).

    The mean of 20 ln|F + 1e-8| over each integer radius about ((h-1)/2, (w-1)/2), F being the two-dimensional
    discrete Fourier transform with its zero frequency moved to the middle. As in the authors' work the first and the
    last radius are left out: 1024 x 1024 pixels give 722 values.

    Parameters
    ----------
    grey
        [height, width], any real type and range. It is taken as it is: no resizing, no window.

    Returns
    -------
    numpy.ndarray
        float64 [bins]. Multiplying the picture by c adds 20 ln c everywhere.

    Raises
    ------
    ImageRangeError
        If `grey` isn't two-dimensional or is too small to have three radii.
    """
    if grey.ndim != 2 or min(grey.shape) < 4:
        raise ImageRangeError(
            f"an array of shape {grey.shape} has no radial spectrum: [height, width] of 4 or more is needed"
        )
    spectrum = np.fft.fftshift(np.fft.fft2(grey.astype(np.float64))) + 1e-8
    radii = _radii(*grey.shape)
    sums = np.bincount(radii, weights=20 * np.log(np.abs(spectrum)).ravel())
    return np.asarray((sums / np.bincount(radii))[1:-1], np.float64)


_BINS = int(np.hypot((TILE - 1) / 2, (TILE - 1) / 2)) - 1


def spectral_features(pixels: Pixels) -> npt.NDArray[np.float64] | None:
    """float64 [88]: the mean profile over tiles of 128 pixels, less its mean over all radii; None where all is flat.

    Durall divides by the first value, so a picture's contrast changes the shape of the rest; subtracting logarithms
    takes contrast out exactly, and the mean over all radii is steadier than one value.
    """
    tiles = choose_tiles(pixels, TILE, limit=_TILES)
    if len(tiles) == 0:
        return None
    profile = np.mean([azimuthal_profile(tile) for tile in luma(tiles.pixels)], axis=0)
    return np.asarray(profile - profile.mean(), np.float64)


class RadialSpectrumDetector(PixelDetector):
    """Durall and Keuper's spectrum with one of their three classifiers: see `fit`."""

    name: ClassVar[str] = "spectral"
    title: ClassVar[str] = "azimuthally integrated power spectrum"
    paper: ClassVar[str] = (
        "Durall, Keuper, Keuper 2020, Watch your up-convolution: up-sampling distorts the high end of the spectrum"
    )
    minimum_side: ClassVar[int] = TILE

    def __init__(self, classifier: FeatureClassifier) -> None:
        self.classifier = classifier

    def score(self, pixels: Pixels) -> float:
        """Signed distance from the classifier's boundary; see `PixelDetector.score`."""
        features = spectral_features(pixels)
        return float("nan") if features is None else float(self.classifier.score(features[None])[0])

    @classmethod
    def fit(
        cls,
        examples: Iterable[Example],
        *,
        seed: int = 2020,
        progress: Progress | None = None,
        classifier: str = "svm-rbf",
    ) -> RadialSpectrumDetector:
        """Train; `classifier` is ``"svm-rbf"`` (C=6.37, gamma=.86), ``"svm-linear"`` or ``"logistic"``."""
        features, generated = collect(examples, spectral_features, progress, "radial spectra")
        return cls(FeatureClassifier.fit(classifier, np.asarray(features, np.float64), generated, seed=seed))

    def state(self) -> State:
        """See `PixelDetector.state`."""
        return State(self.classifier.arrays(), {**self.classifier.settings(), "tile": TILE})

    @classmethod
    def restore(cls, state: State) -> RadialSpectrumDetector:
        """See `PixelDetector.restore`."""
        return cls(FeatureClassifier.restore(state, _BINS))
