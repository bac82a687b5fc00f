"""Finds in pixels alone whether a picture was once a JPEG, where its blocks lie, and how strongly it was compressed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from ganeval.detectors.conditions.luma_tiles import Luma, luma_tiles
from ganeval.detectors.specimen import Pixels
from ganeval.images.jpeg_quality import ijg_luminance_table

_BLOCK = 8
_TILE = 512
_TILES = 2
# Values per DCT frequency, at most: to choose among offsets, and to tell the quality.
_FEW_SAMPLES = 20
_SAMPLES = 120
_BLOCKS = 600
_LARGEST_STEP = 128
# Of what rounding to whole red, green and blue after decoding adds to a luma coefficient.
_ROUNDING = 0.28
# Share of coefficients that are off the comb: clipped, or changed afterwards.
_STRAY = 0.05
# Smaller coefficients are zero under any step, and tell nothing.
_ZERO = 1.2
# Mean log-likelihood ratio per coefficient, and number of coefficients, from which a history is believed.
_BELIEVED = 0.15
_FEWEST = 150
_LOWEST_QUALITY = 5


@dataclass(frozen=True)
class JpegHistory:
    """What the pixels tell of the last JPEG compression.

    Parameters
    ----------
    quality
        On the scale of the Independent JPEG Group, 5..100: whose luminance table explains the coefficients best.
    top, left
        Row and column, 0..7, of the first block corner: other than 0 if the picture was cut afterwards.
    evidence
        Mean log-likelihood ratio per coefficient of "multiples of the table's steps" against "anything".
    """

    quality: int
    top: int
    left: int
    evidence: float


def jpeg_history(pixels: Pixels) -> JpegHistory | None:
    """The last JPEG compression as the pixels tell it, None where they tell of none.

    Quantised DCT coefficients are multiples of their step, up to rounding (Fan and de Queiroz 2003, "Identification of
    bitmap compression history", whose likelihood of steps this follows; Neelamani and others 2006). Each quality's
    luminance table is tried on the luma coefficients of blocks at the offsets where block edges show, and the likeliest
    is taken. Works on up to four tiles of 512 x 512 pixels.

    Seen on 13 photographs, shrunk to about 300 x 200 pixels and compressed at qualities 50, 75, 90, 95 and 98: found in
    77, 92, 92, 100 and 92 of 100, cut off their lattice in 77, 92, 77, 77 and 46; where found, quality and offset were
    always right. Quality 100 leaves no trace. Of 26 pictures without a history, none was believed to have one.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3].
    """
    if min(pixels.shape[:2]) < 2 * _BLOCK:
        return None
    tiles = luma_tiles(pixels, _TILE, _TILES)
    found: tuple[float, int, int, npt.NDArray[np.float32]] | None = None
    for top, left in _candidate_offsets(tiles):
        coefficients = _coefficients(tiles, top, left)
        if coefficients is not None:
            evidence, _ = _likeliest_quality(coefficients, _FEW_SAMPLES)
            if found is None or evidence > found[0]:
                found = evidence, top, left, coefficients
    if found is None:
        return None
    _, top, left, coefficients = found
    evidence, quality = _likeliest_quality(coefficients, _SAMPLES)
    return JpegHistory(quality, top, left, evidence) if evidence > _BELIEVED else None


def _candidate_offsets(tiles: list[Luma]) -> list[tuple[int, int]]:
    """Offsets of the block lattice, likeliest first: the two best in each direction, and none."""
    down: npt.NDArray[np.float64] = np.zeros(_BLOCK)
    across: npt.NDArray[np.float64] = np.zeros(_BLOCK)
    for tile in tiles:
        # Zero on anything that is a sum of a function of the row and one of the column, such as straight edges.
        crossing = np.abs(tile[1:, 1:] - tile[1:, :-1] - tile[:-1, 1:] + tile[:-1, :-1])
        np.minimum(crossing, 8.0, out=crossing)
        down += _by_phase(crossing.mean(axis=1))
        across += _by_phase(crossing.mean(axis=0))
    tops, lefts = (np.argsort(profile)[::-1][:2] for profile in (down, across))
    offsets = [(int(top), int(left)) for top in tops for left in lefts]
    return offsets if (0, 0) in offsets else [*offsets, (0, 0)]


def _by_phase(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Means of differences across the edge before row (column) 0, 1 .. 7 modulo eight."""
    phases = np.arange(1, values.size + 1) % _BLOCK
    counts = np.bincount(phases, minlength=_BLOCK)
    sums = np.bincount(phases, weights=values, minlength=_BLOCK)
    means: npt.NDArray[np.float64] = sums / np.maximum(counts, 1)
    return means


def _likeliest_quality(coefficients: npt.NDArray[np.float32], samples: int) -> tuple[float, int]:
    """Mean log-likelihood ratio of the best quality, minus infinity where there are too few values, and the quality."""
    likelihoods, counts = _step_likelihoods(coefficients, samples)
    total = int(counts.sum())
    if total < _FEWEST:
        return -np.inf, 0
    scores = likelihoods[np.arange(64)[None, :], _tables() - 1].sum(axis=1)
    best = int(np.argmax(scores))
    return float(scores[best]) / total, best + _LOWEST_QUALITY


@lru_cache(maxsize=1)
def _tables() -> npt.NDArray[np.int64]:
    tables = np.stack([ijg_luminance_table(quality) for quality in range(_LOWEST_QUALITY, 101)])
    return np.minimum(tables, _LARGEST_STEP)


def _coefficients(tiles: list[Luma], top: int, left: int) -> npt.NDArray[np.float32] | None:
    """DCT coefficients of blocks without clipped pixels and with some detail, float32 [blocks, 64]; None for none."""
    kept: list[npt.NDArray[np.float32]] = []
    for tile in tiles:
        part = tile[top:, left:]
        rows, columns = part.shape[0] // _BLOCK, part.shape[1] // _BLOCK
        if not rows or not columns:
            continue
        part = part[: rows * _BLOCK, : columns * _BLOCK]
        blocks = part.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)
        flat = blocks.reshape(-1, _BLOCK * _BLOCK)
        lowest, highest = flat.min(axis=1), flat.max(axis=1)
        kept.append(blocks[(lowest > 4) & (highest < 251) & (highest - lowest > 3)])
    chosen = np.concatenate(kept) if kept else np.empty((0, _BLOCK, _BLOCK), np.float32)
    if not len(chosen):
        return None
    chosen = chosen[:: max(1, len(chosen) // _BLOCKS)]
    transformed = dct(dct(chosen - np.float32(128), axis=1, norm="ortho"), axis=2, norm="ortho")
    return np.asarray(transformed, dtype=np.float32).reshape(-1, _BLOCK * _BLOCK)


def _step_likelihoods(
    coefficients: npt.NDArray[np.float32], samples: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Summed log-likelihood ratio of each step 1..128 at each frequency, [64, 128], and the number of values, [64]."""
    steps = np.arange(1, _LARGEST_STEP + 1, dtype=np.float32)
    peak = (1 - _STRAY) * steps / np.float32(_ROUNDING * np.sqrt(2 * np.pi))
    likelihoods = np.zeros((64, _LARGEST_STEP))
    counts = np.zeros(64, dtype=np.int64)
    for frequency in range(64):
        values = coefficients[:, frequency]
        values = values[np.abs(values) > _ZERO][:samples]
        if not values.size:
            continue
        # Steps above twice the largest value explain none of them.
        tried = min(_LARGEST_STEP, int(2 * np.abs(values).max()) + 2)
        ratios = values[:, None] / steps[:tried]
        distances = (ratios - np.rint(ratios)) * (steps[:tried] / np.float32(_ROUNDING))
        densities = np.exp(-0.5 * np.square(distances)) * peak[:tried] + np.float32(_STRAY)
        likelihoods[frequency, :tried] = np.log(densities).sum(axis=0)
        likelihoods[frequency, tried:] = values.size * np.log(_STRAY)
        counts[frequency] = values.size
    return likelihoods, counts
