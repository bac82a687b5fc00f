"""Images as small pictures of one size, whose distances are those of pixel space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ganeval.features.features import Features
from ganeval.metrics.image_sets import reader_of

#: Height and width in pixels: enough to tell pictures apart, few enough to average noise out.
SIDE = 32


def small_pictures(features: Features, name: str, rows: Sequence[int] | None = None) -> torch.Tensor:
    """Images, each averaged to `SIDE` x `SIDE` pixels, float32 [n, 3·SIDE·SIDE] in 0..255.

    Parameters
    ----------
    features
        Of the set.
    name
        What the set is called in messages.
    rows
        Which images, ascending; all by default.

    Raises
    ------
    MetricError
        If the images can't be read again.
    """
    reader = reader_of(features, name)
    wanted = range(len(reader)) if rows is None else rows
    found = torch.empty(len(wanted), 3 * SIDE * SIDE)
    for place, (_, pixels) in enumerate(reader.rows(wanted)):
        found[place] = shrunk(pixels).flatten()
    return found


def shrunk(pixels: npt.NDArray[np.uint8], side: int = SIDE) -> torch.Tensor:
    """A picture uint8 [H, W, 3] averaged over a grid of `side` x `side` cells, float32 [3, side, side] in 0..255."""
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float()
    return torch.nn.functional.adaptive_avg_pool2d(image, side)
