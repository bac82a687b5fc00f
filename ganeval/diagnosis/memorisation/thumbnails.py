"""Small grey pictures of whole sets, in which copies are found whatever a network makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.images.digest import pixel_digest
from ganeval.images.reading import ImageReader

Floats = npt.NDArray[np.float32]

#: Edge of the pictures that are kept, and of those that are compared: from the former, crops of the latter are made.
BASE = 20
SIDE = 10
#: Edges of crops, relative to the image's, that copies are tried as; each at nine places.
_CROPS = (0.93, 0.86, 0.8)
#: Standard deviation of grey values (of 1) below which a picture counts as flat, so that its noise isn't blown up.
_FLAT = 0.05


@dataclass(frozen=True)
class Thumbnails:
    """Of a set of images, in its order.

    Parameters
    ----------
    grey
        float32 [N, BASE·BASE], 0..1.
    mirrored
        Digest of each image's pixels, mirrored left to right.
    """

    grey: Floats
    mirrored: tuple[bytes, ...]


def thumbnails(reader: ImageReader) -> Thumbnails:
    """Thumbnails of all of a reader's images; raises `CorruptImageError` if one can't be read any more."""
    grey = np.empty((len(reader), BASE * BASE), dtype=np.float32)
    mirrored = []
    for row, pixels in enumerate(reader):
        picture = Image.fromarray(pixels).convert("L").resize((BASE, BASE), Image.Resampling.BILINEAR, reducing_gap=3.0)
        grey[row] = np.asarray(picture, dtype=np.float32).ravel()
        mirrored.append(pixel_digest(pixels[:, ::-1]))
    return Thumbnails(grey / np.float32(255), tuple(mirrored))


def mirror(grey: Floats) -> Floats:
    """The pictures [N, BASE·BASE] mirrored left to right."""
    return np.ascontiguousarray(grey.reshape(-1, BASE, BASE)[:, :, ::-1]).reshape(len(grey), -1)


def whole(grey: Floats) -> Floats:
    """What is compared: float32 [N, SIDE·SIDE], without the pictures' brightness and contrast."""
    return _without_contrast(grey @ _operators()[0])


def crops(grey: Floats) -> Iterator[Floats]:
    """As `whole`, of the whole picture and then of each crop that is tried."""
    return (_without_contrast(grey @ operator) for operator in _operators())


def _without_contrast(small: Floats) -> Floats:
    small = small - small.mean(axis=1, keepdims=True)
    return np.asarray(small / (np.linalg.norm(small, axis=1, keepdims=True) + _FLAT * SIDE), dtype=np.float32)


@lru_cache(maxsize=1)
def _operators() -> tuple[Floats, ...]:
    """Matrices [BASE·BASE, SIDE·SIDE] that cut out a square and average it down."""
    lines = [_line(0.0, 1.0)]
    found = [np.kron(lines[0], lines[0])]
    for edge in _CROPS:
        placed = [_line(start, edge) for start in (0.0, (1 - edge) / 2, 1 - edge)]
        found += [np.kron(vertical, horizontal) for vertical in placed for horizontal in placed]
    return tuple(np.ascontiguousarray(operator.T, dtype=np.float32) for operator in found)


def _line(start: float, length: float) -> npt.NDArray[np.float64]:
    """Weights [SIDE, BASE] of pixels in the averages over equal parts of a stretch of the unit line."""
    edges = (start + length * np.arange(SIDE + 1) / SIDE) * BASE
    pixels = np.arange(BASE)
    low, high = np.maximum(edges[:-1, None], pixels), np.minimum(edges[1:, None], pixels + 1)
    return np.asarray(np.maximum(high - low, 0) / (length * BASE / SIDE), dtype=np.float64)
