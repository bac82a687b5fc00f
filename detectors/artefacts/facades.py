"""Puts straight lines along the rows and columns into a scene, as rectified buildings, shelves, pages and screens have.

All of such a line falls on few rows or columns: the picture's spectrum is high along both axes, where a lattice's
frequencies lie too, and the means by phase hold a few lines' weight in place of thousands of independent pixels'.
Photographs of landscapes and animals hardly have such lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from ganeval.detectors.artefacts.draws import log_uniform
from ganeval.detectors.artefacts.scenes import Pixels, sometimes

Floats = npt.NDArray[np.float32]

#: Distance from one opening (window, shelf, letter) to the next, in pixels, evenly over its logarithm; the part of it
#: that the opening takes; and how unevenly they stand in half of the façades, as a part of that distance.
PITCHES = (14.0, 128.0)
OPEN = (0.25, 0.75)
UNEVEN = 0.12
#: How much of the scene's contrast a wall takes away.
PLASTER = (0.0, 0.9)
#: Contrast of openings and of lines, in grey levels.
DEPTH = (8.0, 140.0)
#: Lines through a whole façade (ledges, gutters, seams) at each storey and each column, and their widths in pixels.
LEDGES = (0, 2)
THIN = (0.6, 5.0)
#: Blur of all edges, standard deviation in pixels; 0 for some, as on screens.
EDGES = (0.0, 0.9)
#: Standard deviation of the grain that a sensor adds, in grey levels.
GRAIN = (0.2, 3.0)


@dataclass(frozen=True)
class _Axis:
    """Openings along one direction: float32 [openings, length] how much of each pixel they cover; where they start."""

    openings: Floats
    starts: npt.NDArray[np.float64]
    width: float
    blur: float

    def lines(self, offsets: npt.NDArray[np.float64], thickness: float) -> Floats:
        """Lines so far from the start of each opening."""
        at = (self.starts[:, None] + offsets[None, :]).ravel()
        return _boxes(at, at + thickness, self.openings.shape[1], self.blur)


def facade(rng: np.random.Generator, share: float) -> Callable[[Pixels], Pixels]:
    """What makes a scene the wall behind rows of openings, for that share of draws, by `sometimes`."""
    return sometimes(_as_facade, rng, share)


def _as_facade(scene: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = scene.shape[:2]
    blur = rng.uniform(*EDGES) if rng.random() < 0.8 else 0.0
    down, across = _axis(height, rng, blur), _axis(width, rng, blur)
    made = scene.astype(np.float32)
    plaster = rng.uniform(*PLASTER)
    made = (1 - plaster) * made + plaster * made.mean(axis=(0, 1))
    made = _opened(made, scene, down, across, rng)
    for axis, other in ((down, across), (across, down)):
        lines = axis.lines(rng.uniform(-0.3, 1.3, int(rng.integers(*LEDGES, endpoint=True))) * axis.width, _thin(rng))
        shade = np.clip(lines.sum(axis=0), 0, 1)
        made = made + (shade[:, None, None] if axis is down else shade[None, :, None]) * _contrast(rng)
        # Bars of windows: lines along the one direction, only where the other one is open.
        bars = np.clip(axis.lines(rng.choice([0.0, 0.5, 1.0], 1) * axis.width, _thin(rng)).sum(axis=0), 0, 1)
        within = np.clip(other.openings.sum(axis=0), 0, 1)
        both = np.outer(bars, within) if axis is down else np.outer(within, bars)
        made = made + both[..., None] * _contrast(rng)
    made = made + rng.normal(0, log_uniform(rng, *GRAIN), (height, width, 1)).astype(np.float32)
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)


def _opened(wall: Floats, scene: Pixels, down: _Axis, across: _Axis, rng: np.random.Generator) -> Floats:
    """The wall with openings, each of its own brightness, that the mirrored scene shimmers in."""
    values = _contrast(rng) + rng.normal(0, log_uniform(rng, 1, 40), (len(down.openings), len(across.openings)))
    cover = np.clip(down.openings.sum(axis=0)[:, None] * across.openings.sum(axis=0)[None, :], 0, 1)[..., None]
    shift = np.asarray(down.openings.T @ values.astype(np.float32) @ across.openings, np.float32)[..., None]
    inside = wall.mean(axis=(0, 1)) + rng.uniform(0, 0.6) * (scene[:, ::-1].astype(np.float32) - scene.mean())
    return np.asarray((1 - cover) * wall + cover * inside + shift, np.float32)


def _axis(length: int, rng: np.random.Generator, blur: float) -> _Axis:
    pitch = log_uniform(rng, *PITCHES)
    starts = np.arange(rng.uniform(-pitch, 0), length, pitch)
    if rng.random() < 0.5:
        starts = starts + rng.normal(0, UNEVEN * pitch, len(starts))
    width = rng.uniform(*OPEN) * pitch
    return _Axis(_boxes(starts, starts + width, length, blur), starts, width, blur)


def _boxes(starts: npt.NDArray[np.float64], ends: npt.NDArray[np.float64], length: int, blur: float) -> Floats:
    """float32 [boxes, length]: how much of each pixel lies between a start and its end, blurred."""
    pixel = np.arange(length)
    covered = np.minimum(pixel + 1, ends[:, None]) - np.maximum(pixel, starts[:, None])
    covered = np.clip(covered, 0, 1).astype(np.float32)
    return np.asarray(gaussian_filter1d(covered, blur, axis=1), np.float32) if blur > 0 else covered


def _thin(rng: np.random.Generator) -> float:
    return log_uniform(rng, *THIN)


def _contrast(rng: np.random.Generator) -> float:
    return float(rng.choice([-1, 1])) * log_uniform(rng, *DEPTH)
