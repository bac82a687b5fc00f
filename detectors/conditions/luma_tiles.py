"""A few luma tiles that stand for a picture of any size, so that its conditions cost the same time and memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ganeval.detectors.specimen import Pixels

Luma = npt.NDArray[np.float32]
# As JPEG converts (ITU-T T.871).
_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_LATTICE = 8


def luma_tiles(pixels: Pixels, side: int, count: int) -> list[Luma]:
    """Up to `count` by `count` tiles of `side` pixels, evenly spread, with corners on the lattice of eight.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3].
    side
        Of a tile; where the picture is smaller, the tile is as large as the picture.
    count
        Of tiles in each direction, at most; fewer where they would overlap.

    Returns
    -------
    float32 arrays, 0..255.
    """
    tops, lefts = (_starts(length, side, count) for length in pixels.shape[:2])
    return [pixels[top : top + side, left : left + side] @ _WEIGHTS for top in tops for left in lefts]


def _starts(length: int, side: int, count: int) -> list[int]:
    room = length - side
    if room <= 0:
        return [0]
    number = max(1, min(count, length // side))
    if number == 1:
        return [room // 2 // _LATTICE * _LATTICE]
    return [round(index * room / (number - 1)) // _LATTICE * _LATTICE for index in range(number)]
