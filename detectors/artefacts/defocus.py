"""Takes a scene out of focus, wholly or but for a part of it, as lenses do and portraits want."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from ganeval.detectors.artefacts.backgrounds import shape_mask
from ganeval.detectors.artefacts.draws import log_uniform
from ganeval.detectors.artefacts.scenes import Pixels, sometimes

#: Widths of the blur, standard deviations in pixels, evenly over their logarithms.
WIDTHS = (0.7, 8.0)
#: Share of the scenes out of focus that have a part in focus.
SHALLOW = 0.5
#: How soft the edge of that part is, as a part of the scene's shorter side.
EDGE = (0.01, 0.12)
#: Share of the scenes out of focus whose grain is kept: a sensor's noise isn't blurred by the lens.
GRAINED = 0.6
#: Its standard deviation, in grey levels.
GRAIN = (0.3, 2.0)


def defocus(rng: np.random.Generator, share: float) -> Callable[[Pixels], Pixels]:
    """What takes a scene out of focus, for that share of draws, by `sometimes`."""
    return sometimes(_out_of_focus, rng, share)


def _out_of_focus(scene: Pixels, rng: np.random.Generator) -> Pixels:
    width = log_uniform(rng, *WIDTHS)
    shallow, grained = rng.random() < SHALLOW, rng.random() < GRAINED
    height, columns = scene.shape[:2]
    sharp = scene.astype(np.float32)
    made = gaussian_filter(sharp, (width, width, 0))
    if shallow:
        edge = rng.uniform(*EDGE) * min(height, columns)
        mask = gaussian_filter(shape_mask(height, columns, rng), edge)[..., None]
        made = mask * sharp + (1 - mask) * made
    if grained:
        # One value a pixel: grain is mostly of luma.
        made = made + rng.normal(0, rng.uniform(*GRAIN), (height, columns, 1)).astype(np.float32)
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)
