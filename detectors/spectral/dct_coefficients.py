"""Detector "dct": a linear classifier on the logarithms of a picture's DCT coefficients."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.fft

from ganeval.detectors.detector import Example, PixelDetector, Pixels, State
from ganeval.detectors.evidence import Heatmap
from ganeval.detectors.spectral.classifiers import take
from ganeval.detectors.spectral.examples import collect
from ganeval.detectors.spectral.tiles import FLAT, choose_tiles, cut, texture
from ganeval.errors import ImageRangeError
from ganeval.progress import Progress

#: Side of the tiles, in pixels.
TILE = 64
_TILES = 64
#: Weight of the squared norm of each of the two softmax rows in Frank's loss.
L2 = 0.01
_SHAPE = (TILE, TILE, 3)
_HEATMAP_TILES = 1024

Float = npt.NDArray[np.float64]


def log_dct(tile: npt.NDArray[np.generic]) -> Float:
    """Logarithms of DCT coefficients (Frank et al. 2020, section 4): ln(|c| + 1e-12).

    c are the coefficients of the orthonormal two-dimensional DCT-II over rows and columns, each channel for itself.

    Parameters
    ----------
    tile
        [..., height, width, channels], any real type; 0..255 for pictures.

    Returns
    -------
    numpy.ndarray
        float64, of the same shape; coefficient (0, 0) is that of the constant.

    Raises
    ------
    ImageRangeError
        If `tile` has fewer than three axes.
    """
    if tile.ndim < 3:
        raise ImageRangeError(f"an array of shape {tile.shape} isn't a colour tile [..., height, width, channels]")
    coefficients = scipy.fft.dctn(tile.astype(np.float64), type=2, axes=(-3, -2), norm="ortho")
    return np.asarray(np.log(np.abs(coefficients) + 1e-12), np.float64)


def dct_features(pixels: Pixels) -> Float | None:
    """float64 [64 * 64 * 3]: the mean of `log_dct` over colour tiles; None where all is flat."""
    tiles = choose_tiles(pixels, TILE, limit=_TILES)
    return log_dct(tiles.pixels).mean(0).ravel() if len(tiles) else None


class DCTDetector(PixelDetector):
    """Frank et al.'s linear classifier of log-coefficients, standardised by the training set.

    Frank's pictures are of one size and each is one vector; here a picture of any size is the mean of the vectors of
    its tiles. The head being linear, its score is the mean of the scores of its tiles.

    Parameters
    ----------
    centre, scale
        float64 [64, 64, 3]: mean and inverse deviation of each coefficient over the training set.
    weight
        float64 [64, 64, 3].
    bias
        Of the logit.
    """

    name: ClassVar[str] = "dct"
    title: ClassVar[str] = "DCT log-coefficients"
    paper: ClassVar[str] = "Frank et al. 2020, Leveraging frequency analysis for deep fake image recognition"
    minimum_side: ClassVar[int] = TILE

    def __init__(self, centre: Float, scale: Float, weight: Float, bias: float) -> None:
        self.centre = centre
        self.scale = scale
        self.weight = weight
        self.bias = bias

    def score(self, pixels: Pixels) -> float:
        """Logit of "generated"; see `PixelDetector.score`."""
        features = dct_features(pixels)
        return float("nan") if features is None else float(self._logits(features.reshape(_SHAPE)))

    def _logits(self, logs: Float) -> Float:
        """[...] of float64 [..., 64, 64, 3]."""
        return np.asarray(np.tensordot((logs - self.centre) * self.scale, self.weight, axes=3) + self.bias)

    @classmethod
    def fit(
        cls, examples: Iterable[Example], *, seed: int = 2020, progress: Progress | None = None, l2: float = L2
    ) -> DCTDetector:
        """Train to convergence; 48 KiB of memory an example. The optimum is unique, so `seed` decides nothing.

        `l2` is Frank's: the loss is the mean cross-entropy plus `l2` times the squared norm of both softmax rows,
        which for two classes is the logistic loss plus l2/2 times the squared norm of its weights.
        """
        features, generated = collect(examples, dct_features, progress, "DCT coefficients", np.float32)
        centre = features.mean(0, dtype=np.float64)
        deviation = features.std(0, dtype=np.float64)
        scale = np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0.0)
        # In place: the features are by far the largest thing here.
        features -= centre.astype(np.float32)
        features *= scale.astype(np.float32)
        weight, bias = fit_logistic(features, generated, l2)
        return cls(centre.reshape(_SHAPE), scale.reshape(_SHAPE), weight.reshape(_SHAPE), bias)

    def state(self) -> State:
        """See `PixelDetector.state`."""
        arrays = {"centre": self.centre, "scale": self.scale, "weight": self.weight}
        # Half the file; the score changes in its seventh digit.
        stored = {name: array.astype(np.float32) for name, array in arrays.items()}
        return State({**stored, "bias": np.array([self.bias])}, {"tile": TILE})

    @classmethod
    def restore(cls, state: State) -> DCTDetector:
        """See `PixelDetector.restore`."""
        centre, scale, weight = (take(state, name, _SHAPE) for name in ("centre", "scale", "weight"))
        return cls(centre, scale, weight, float(take(state, "bias", (1,))[0]))

    def heatmap(self, pixels: Pixels) -> Heatmap | None:
        """Logits of single tiles, at most 1024 of them, on a regular grid from the upper left corner."""
        rows, columns = pixels.shape[0] // TILE, pixels.shape[1] // TILE
        if rows * columns == 0:
            return None
        stride = math.ceil(math.sqrt(rows * columns / _HEATMAP_TILES))
        values = np.full((math.ceil(rows / stride), math.ceil(columns / stride)), np.nan, np.float32)
        for place in np.ndindex(values.shape):
            tile = cut(pixels, np.array(place) * stride * TILE, TILE)
            if texture(tile) >= FLAT:
                values[place] = self._logits(log_dct(tile))
        return Heatmap(values, top=0, left=0, step=stride * TILE, size=TILE)


def fit_logistic(
    features: npt.NDArray[np.floating], generated: npt.NDArray[np.bool_], l2: float
) -> tuple[Float, float]:
    """Weights float64 [D] and bias that minimise the mean logistic loss plus l2/2 times the weights' squared norm.

    With fewer images than features the optimum lies in the span of the images, so it is looked for there: N numbers
    instead of D. The bias isn't penalised.

    Parameters
    ----------
    features
        [N, D].
    generated
        bool [N], both values present.
    l2
        More than 0.
    """
    from sklearn.linear_model import LogisticRegression

    count, dimension = features.shape
    basis = None
    reduced = np.asarray(features, np.float64) if dimension <= count else None
    if reduced is None:
        gram = np.zeros((count, count))
        for start in range(0, dimension, 1024):
            part = features[:, start : start + 1024].astype(np.float64)
            gram += part @ part.T
        values, vectors = np.linalg.eigh(gram)
        kept = values > values[-1] * 1e-10
        root = np.sqrt(values[kept])
        reduced, basis = vectors[:, kept] * root, vectors[:, kept] / root
    model = LogisticRegression(C=1 / (l2 * count), tol=1e-8, max_iter=20_000).fit(reduced, generated)
    weight = np.asarray(model.coef_[0], np.float64)
    if basis is not None:
        weight = (basis @ weight) @ features
    return np.asarray(weight, np.float64), float(model.intercept_[0])
