"""Estimates the quality setting with which a JPEG was saved, from its quantisation tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

# The luminance table of ITU-T T.81 (JPEG), Annex K, table K.1, in natural (row by row) order.
_K1_LUMINANCE = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61),
        *(12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56),
        *(14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77),
        *(24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101),
        *(72, 92, 95, 98, 112, 100, 103, 99),
    ],
    dtype=np.int64,
)

# A table that is further than this from every table of the IJG scale (mean relative difference of its entries) was
# not made from it, and a number would only pretend to say something.
_MAX_MEAN_DEVIATION = 0.15


def ijg_luminance_table(quality: int) -> npt.NDArray[np.int64]:
    """The luminance table of the Independent JPEG Group's scale, int64 [64] in natural order, for quality 1..100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_K1_LUMINANCE * scale + 50) // 100, 1, 255)


@lru_cache(maxsize=1)
def _ijg_scale() -> npt.NDArray[np.int64]:
    return np.stack([ijg_luminance_table(quality) for quality in range(1, 101)])


@lru_cache(maxsize=1024)
def _nearest_quality(table: tuple[int, ...]) -> int:
    scale = _ijg_scale()
    deviation = np.abs(scale - np.asarray(table, dtype=np.int64)) / scale
    mean_deviation = deviation.mean(axis=1)
    best = int(np.argmin(mean_deviation))
    return best + 1 if mean_deviation[best] <= _MAX_MEAN_DEVIATION else 0


def estimate_quality(tables: Mapping[int, Sequence[int]]) -> int:
    """Quality on the Independent JPEG Group's scale, 1..100, or 0 where the tables tell nothing.

    Parameters
    ----------
    tables
        Quantisation tables in natural order by their number, as Pillow's ``JpegImageFile.quantization``. Only the
        first, the luminance table, is looked at.
    """
    table = tuple(tables.get(0, ()))
    return _nearest_quality(table) if len(table) == 64 else 0
