"""Photographs that were stored as JPEG and then scaled by a simple ratio, such as thumbnails of half the size.

The blocks of eight of the first compression end on a lattice of 4 or 2 pixels, or beat with one: what is left of them
looks like a generator's trace. A ratio that is drawn evenly is never simple.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ganeval.detectors.artefacts.scenes import Pixels
from ganeval.detectors.perturbations import Jpeg, Resize

#: Ratios with how often they are used, relative to each other.
RATIOS = ((1 / 2, 0.4), (1 / 4, 0.15), (1 / 3, 0.1), (3 / 4, 0.2), (2 / 3, 0.05), (3 / 2, 0.05), (2.0, 0.05))
#: Filters of the scaling.
FILTERS = ("bicubic", "lanczos", "bilinear", "box")
#: Range of the first compression's quality, both ends included, and the share with full chroma.
QUALITIES = (25, 96)
FULL_CHROMA = 0.35
#: Shortest side that is left.
SMALLEST = 128
#: Sides beyond this aren't enlarged.
_LARGEST = 1500


def thumbnail(rng: np.random.Generator, share: float) -> Callable[[Pixels], Pixels]:
    """Draw whether photographs are scaled so, and how.

    Parameters
    ----------
    rng
        All randomness comes from it.
    share
        Probability of it, 0..1.

    Returns
    -------
    Of uint8 [height, width, 3] the scaled picture. Where it isn't scaled, or would have a side below `SMALLEST` under
    every ratio, the picture itself.
    """
    if rng.random() >= share:
        return lambda pixels: pixels
    quality = int(rng.integers(*QUALITIES, endpoint=True))
    subsampling = "444" if rng.random() < FULL_CHROMA else "420"
    place, name = rng.random(), str(rng.choice(FILTERS))

    def scaled(pixels: Pixels) -> Pixels:
        ratio = _ratio(place, min(pixels.shape[:2]), max(pixels.shape[:2]))
        return pixels if ratio is None else Resize(ratio, name)(Jpeg(quality, subsampling)(pixels))

    return scaled


def _ratio(place: float, shortest: int, longest: int) -> float | None:
    """Of the ratios that a picture of these sides can have, the one at that place of their shares, 0..1."""
    possible = [
        (ratio, share) for ratio, share in RATIOS if shortest * ratio >= SMALLEST and (ratio < 1 or longest <= _LARGEST)
    ]
    if not possible:
        return None
    ends = np.cumsum([share for _, share in possible])
    return possible[min(int(np.searchsorted(ends / ends[-1], place, side="right")), len(possible) - 1)][0]
