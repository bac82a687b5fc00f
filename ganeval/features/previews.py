"""Small pictures of a few images of a set, chosen alike whatever the batch size or the order of work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.features.features import Preview

#: How many previews a set has, and their longest side in pixels.
PREVIEW_COUNT = 48
PREVIEW_SIDE = 128


class PreviewChoice:
    """Which positions of a set get a preview: a fixed random choice where the length is known.

    Parameters
    ----------
    count
        Length of the set; where it is None the first images are taken.
    """

    def __init__(self, count: int | None) -> None:
        if count is None or count <= PREVIEW_COUNT:
            self._chosen = frozenset(range(PREVIEW_COUNT))
        else:
            keys = np.random.RandomState(0).random_sample(count)
            self._chosen = frozenset(np.argpartition(keys, PREVIEW_COUNT)[:PREVIEW_COUNT].tolist())

    def __contains__(self, position: int) -> bool:
        return position in self._chosen


def make_preview(image_id: str, pixels: npt.NDArray[np.uint8]) -> Preview:
    """A preview of uint8 RGB [H, W, 3], reduced to `PREVIEW_SIDE` where it is larger, never enlarged."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return Preview(image_id, np.asarray(picture).copy())
