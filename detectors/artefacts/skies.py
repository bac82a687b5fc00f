"""Fills a part of a scene with what only changes slowly, as skies and walls do in large photographs.

There a JPEG's blocks are near even, and from each to the next is a step of the same sign: the whole area repeats itself
with a period of 8, far more than textures do. Small photographs hardly have such areas, wallpapers have little else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from ganeval.detectors.artefacts.backgrounds import shape_mask
from ganeval.detectors.artefacts.draws import log_uniform
from ganeval.detectors.artefacts.scenes import Pixels, sometimes

#: How fast brightness changes, in grey levels a pixel, evenly over its logarithm, and how far it gets at most; and how
#: much of it bends and twists, relative to that.
SLOPES = (0.02, 0.8)
RANGE = 160.0
BENT = 0.7
#: Sides that scenes are enlarged to with sky, if they are smaller: only over a large area does it add up.
SIDES = (0, 384, 512)
#: Standard deviation of the noise, in grey levels, evenly over its logarithm: little is left by a camera's denoising.
NOISE = (0.1, 1.5)
#: Share of skies whose noise was smoothed, and its width in pixels.
DENOISED = 0.5
WIDTHS = (0.5, 2.5)
#: Share of skies that reach to a horizon; of the others, half leave a thing in the middle, half fill the scene.
HORIZONS = 0.5


def sky(rng: np.random.Generator, share: float) -> Callable[[Pixels], Pixels]:
    """What fills a part of a scene with a sky, for that share of draws, by `sometimes`."""
    return sometimes(_with_sky, rng, share)


def _with_sky(scene: Pixels, rng: np.random.Generator) -> Pixels:
    side = int(rng.choice(SIDES))
    scene = np.pad(scene, (*((0, max(0, side - length)) for length in scene.shape[:2]), (0, 0)), mode="symmetric")
    height, width = scene.shape[:2]
    slope = min(log_uniform(rng, *SLOPES), RANGE / max(height, width))
    colour, tint = rng.uniform(20, 235) + rng.normal(0, 30, 3), rng.uniform(0.5, 1.2, 3)
    noise = log_uniform(rng, *NOISE)
    # One value a pixel and, weaker, one for each colour.
    grain = noise * (rng.standard_normal((height, width, 1)) + 0.4 * rng.standard_normal(scene.shape))
    if rng.random() < DENOISED:
        blur = rng.uniform(*WIDTHS)
        grain = gaussian_filter(grain, (blur, blur, 0))
    behind = colour + slope * _shading(height, width, rng)[..., None] * tint + grain
    mask = _land(height, width, rng)[..., None]
    return np.asarray(np.clip(np.rint(mask * scene + (1 - mask) * behind), 0, 255), np.uint8)


def _shading(height: int, width: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """float32 [height, width]: a slope of one level a pixel in some direction, bent and twisted."""
    half = max(height, width) / 2
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = (y - height / 2) / half, (x - width / 2) / half
    angle = rng.uniform(0, 2 * np.pi)
    bends = BENT * rng.standard_normal(3)
    straight = x * np.cos(angle) + y * np.sin(angle)
    return np.asarray(half * (straight + bends[0] * x**2 + bends[1] * y**2 + bends[2] * x * y), np.float32)


def _land(height: int, width: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """float32 [height, width]: 1 where the scene stays, 0 where the sky is."""
    kind = rng.random()
    shape = shape_mask(height, width, rng)
    if kind >= (1 + HORIZONS) / 2:
        return np.zeros((height, width), np.float32)
    if kind >= HORIZONS:
        return shape
    x = np.linspace(0, 2 * np.pi, width)
    horizon = rng.uniform(0.3, 0.95)
    hills = np.sum([rng.normal(0, 0.04) * np.sin(k * x + rng.uniform(0, 2 * np.pi)) for k in (1, 2, 5)], axis=0)
    below = np.linspace(0, 1, height)[:, None] > (horizon + hills)[None, :]
    return np.asarray(gaussian_filter(below.astype(np.float32), rng.uniform(0.4, 1.5)), np.float32)
