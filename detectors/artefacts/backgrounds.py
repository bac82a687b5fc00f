"""Sets a scene before an even background, as in pictures of products, portraits and logos."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from ganeval.detectors.artefacts.scenes import Pixels, sometimes

#: Share of backgrounds that are white to the last bit; the others have a colour, half of these a gradient and noise.
WHITE = 0.5
#: How far the shape reaches from the middle to the edges, as a part of the way.
REACH = (0.45, 0.95)
#: Softness of its outline, in pixels.
SOFT = (0.4, 1.5)


def background(rng: np.random.Generator, share: float) -> Callable[[Pixels], Pixels]:
    """What sets a scene before an even background, for that share of draws, by `sometimes`."""
    return sometimes(_before_background, rng, share)


def _before_background(scene: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = scene.shape[:2]
    mask = shape_mask(height, width, rng)[..., None]
    behind = np.full(scene.shape, 255.0, np.float32)
    if rng.random() >= WHITE:
        behind[:] = rng.uniform(0, 255, 3)
        if rng.random() < 0.5:
            slope = np.linspace(-0.5, 0.5, width)[None, :] * rng.normal(0, 40) + np.linspace(-0.5, 0.5, height)[
                :, None
            ] * rng.normal(0, 40)
            behind += slope[..., None] + rng.normal(0, rng.uniform(0.3, 2.0), scene.shape)
    blended = mask * scene + (1 - mask) * behind
    return np.clip(np.rint(blended), 0, 255).astype(np.uint8)


def shape_mask(height: int, width: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """float32 [height, width]: 1 inside a blob or a box about the middle, 0 outside, with a soft outline."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    y, x = y - rng.uniform(-0.2, 0.2), x - rng.uniform(-0.2, 0.2)
    angle = np.arctan2(y, x)
    reach = rng.uniform(*REACH)
    outline = reach * (1 + sum(rng.normal(0, 0.12) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5)))
    power = rng.choice([2.0, 8.0])  # An ellipse, or nearly a box.
    inside = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power) < outline
    return np.asarray(gaussian_filter(inside.astype(np.float32), rng.uniform(*SOFT)), np.float32)
