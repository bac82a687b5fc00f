"""The residuals of one generator's pictures: their sum, and a sample of single ones to measure errors on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.detectors.detector import silent
from ganeval.detectors.fingerprints.residual import Pixels, Plane, picture_residual
from ganeval.progress import Progress

#: Single residuals that are kept of each generator: 96 KiB each at 128 pixels.
KEPT = 48


@dataclass(frozen=True)
class Collected:
    """What is known of one generator, or of photographs.

    Parameters
    ----------
    count
        Pictures that went in.
    skipped
        Pictures that were smaller than a tile, or flat.
    total
        float64 [size, size, 3]: sum of all residuals, each of mean square 1.
    kept
        float16 [k, size, size, 3]: at most `KEPT` of the residuals, drawn at random.
    """

    count: int
    skipped: int
    total: npt.NDArray[np.float64]
    kept: npt.NDArray[np.float16]

    @property
    def fingerprint(self) -> npt.NDArray[np.float64]:
        """float64 [size, size, 3]: the mean residual."""
        return self.total / max(self.count, 1)

    @property
    def coherence(self) -> float:
        """Mean correlation of two pictures' residuals: the share of a residual's power that is fingerprint."""
        power = float(np.mean(self.total**2))
        return (power - self.count) / (self.count * (self.count - 1)) if self.count > 1 else 0.0

    def joined(self, other: Collected, rng: np.random.Generator) -> Collected:
        """Both together; of the kept residuals as many of either as accord with its number of pictures."""
        share = self.count / max(self.count + other.count, 1)
        # At least as many of each as the other can't fill.
        own = int(np.clip(round(KEPT * share), KEPT - len(other.kept), len(self.kept)))
        own = min(max(own, 0), len(self.kept))
        kept = [_drawn(self.kept, own, rng), _drawn(other.kept, KEPT - own, rng)]
        return Collected(
            self.count + other.count, self.skipped + other.skipped, self.total + other.total, np.concatenate(kept)
        )


def _drawn(residuals: npt.NDArray[np.float16], count: int, rng: np.random.Generator) -> npt.NDArray[np.float16]:
    if len(residuals) <= count:
        return residuals
    return residuals[np.sort(rng.permutation(len(residuals))[:count])]


def collect(
    pictures: Iterable[Pixels], size: int, rng: np.random.Generator, progress: Progress | None, label: str
) -> Collected:
    """Residuals of all pictures, uint8 [height, width, 3], read once; memory doesn't grow with their number."""
    total = np.zeros((size, size, 3))
    kept: list[Plane] = []
    count = skipped = 0
    task = silent(progress).start(label, None)
    try:
        for pixels in pictures:
            residual = picture_residual(pixels, size)
            task.advance(1)
            if residual is None:
                skipped += 1
                continue
            total += residual
            count += 1
            # Reservoir sampling: after each picture, every one so far is kept with the same probability.
            place = len(kept) if len(kept) < KEPT else int(rng.integers(count))
            if place < KEPT:
                kept[place : place + 1] = [residual]
    finally:
        task.finish()
    shape = (0, size, size, 3)
    return Collected(count, skipped, total, np.array(kept, np.float16) if kept else np.empty(shape, np.float16))
