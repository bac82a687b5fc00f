"""The lattice detector: traces of up-sampling by 2, 4 or 8 in the residual, weighed by gradient-boosted trees."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ganeval.detectors.detector import Example, PixelDetector, Pixels, State
from ganeval.detectors.evidence import Heatmap
from ganeval.detectors.spectral.boosted_trees import BoostedTrees
from ganeval.detectors.spectral.lattice_features import lattice_features, lattice_frequencies
from ganeval.detectors.spectral.tiles import choose_tiles
from ganeval.errors import OptionError
from ganeval.progress import Progress

#: A larger picture is judged by tiles of this side, at most so many of them; their mean is its score.
TILE = 512
TILES = 6
#: Trainings whose mean is the detector: each draws its own share of the features at every split, and single ones differ
#: by several percent in what they find of a generator that they never saw.
MEMBERS = 3
#: Side of a heatmap's windows and their least distance, in pixels, and how many there are at most.
WINDOW = 96
STEP = 32
WINDOWS = 600


class LatticeDetector(PixelDetector):
    """Looks for what up-sampling layers leave: a residual that differs by row and column modulo 2, 4 or 8.

    The features are those of `ganeval.detectors.spectral.lattice_features`. JPEG has a lattice of period 8 of its own,
    which the trees are taught to discount; resizing moves and weakens the traces.

    Source: Odena, Dumoulin, Olah 2016, "Deconvolution and checkerboard artifacts"; Zhang, Karaman, Chang 2019,
    "Detecting and simulating artifacts in GAN fake images"; Popescu, Farid 2005, for phases of interpolation.
    """

    name = "lattice"
    title = "Periodic traces of up-sampling"
    paper = "Odena et al. 2016; Zhang et al. 2019"
    minimum_side = 96

    def __init__(self, trees: BoostedTrees) -> None:
        self.trees = trees

    def score(self, pixels: Pixels) -> float:
        """Log-odds of the trees; NaN for a picture without any detail."""
        parts = self.parts(pixels)
        if min(pixels.shape[:2]) < self.minimum_side or not parts:
            return float("nan")
        return float(np.mean(self.trees(np.stack([lattice_features(part) for part in parts]))))

    @staticmethod
    def parts(pixels: Pixels) -> list[Pixels]:
        """What of a picture is measured: all of it, or textured tiles of a large one; none of it where it is flat."""
        height, width = pixels.shape[:2]
        if max(height, width) > TILE and min(height, width) >= TILE:
            return list(choose_tiles(pixels, TILE, limit=TILES).pixels)
        if max(height, width) > 2 * TILE:  # A strip: its middle.
            top, left = max(0, height // 2 - TILE) // 8 * 8, max(0, width // 2 - TILE) // 8 * 8
            pixels = pixels[top : top + 2 * TILE, left : left + 2 * TILE]
        return [] if _flat(pixels) else [pixels]

    @classmethod
    def fit(cls, examples: Iterable[Example], *, seed: int = 2020, progress: Progress | None = None) -> LatticeDetector:
        """Train on labelled pictures; smaller and flat ones are passed over."""
        rows, labels = [], []
        for example in examples:
            if min(example.pixels.shape[:2]) >= cls.minimum_side and not _flat(example.pixels):
                rows.append(lattice_features(example.pixels))
                labels.append(example.generated)
        return cls.fit_features(np.stack(rows) if rows else np.zeros((0, 1), np.float32), np.array(labels, bool), seed)

    @classmethod
    def fit_features(
        cls, features: npt.NDArray[np.float32], generated: npt.NDArray[np.bool_], seed: int = 2020
    ) -> LatticeDetector:
        """Train on features that were computed before, float32 [n, features] and bool [n]."""
        counts = np.bincount(generated.astype(int), minlength=2)
        if counts.min() < 20:
            raise OptionError(
                f"the lattice detector can't be trained on {counts[0]} photographs and {counts[1]} generated images "
                f"of at least {cls.minimum_side} x {cls.minimum_side} pixels",
                hint="Give at least 20 of each; a thousand is a good number.",
            )
        members = [BoostedTrees.trained(features, generated, seed=seed + member) for member in range(MEMBERS)]
        return cls(BoostedTrees.mean_of(members))

    def state(self) -> State:
        """The trees."""
        return State(self.trees.arrays())

    @classmethod
    def restore(cls, state: State) -> LatticeDetector:
        """Raises `WeightsError` for trees that don't fit."""
        measured = len(lattice_features(np.zeros((128, 128, 3), np.uint8)))
        return cls(BoostedTrees.from_arrays(state.arrays, features=measured))

    def heatmap(self, pixels: Pixels) -> Heatmap | None:
        """Score of windows of 96 pixels, every 32, or further apart in a large picture; NaN where they are flat."""
        height, width = pixels.shape[:2]
        if min(height, width) < WINDOW:
            return None
        step = STEP
        while ((height - WINDOW) // step + 1) * ((width - WINDOW) // step + 1) > WINDOWS:
            step += 8
        rows, columns = (height - WINDOW) // step + 1, (width - WINDOW) // step + 1
        values = np.full((rows, columns), np.nan, dtype=np.float32)
        for i in range(rows):
            for j in range(columns):
                values[i, j] = self.score(pixels[i * step : i * step + WINDOW, j * step : j * step + WINDOW])
        return Heatmap(values, 0, 0, step, WINDOW)

    def weigh_facts(self, pixels: Pixels) -> tuple[tuple[str, str], ...]:
        """The lattice frequency that stands highest above its surroundings in the luma residual's spectrum."""
        parts = self.parts(pixels)
        if not parts:
            return ()
        heights = lattice_features(parts[0])[: len(lattice_frequencies())]
        highest = int(np.argmax(heights))
        vertical, horizontal = lattice_frequencies()[highest]
        return (
            (
                "highest lattice peak",
                f"{heights[highest]:.2f} nats above its surroundings at ({vertical:g}, {horizontal:g}) cycles a pixel",
            ),
        )


def _flat(pixels: Pixels) -> bool:
    return bool(np.ptp(pixels) <= 2)
