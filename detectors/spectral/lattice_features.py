"""Measures how far a picture's residual repeats itself with a period of 2, 4 or 8 pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: The longest period that is looked for; up-sampling by 2, one to three times, divides it.
PERIOD = 8
#: Side of the tiles whose spectra are averaged; a multiple of `PERIOD`, so that lattice frequencies fall on bins.
TILE = 64
#: Residuals beyond this many grey levels are edges, not noise.
CLIP = 12.0


@lru_cache(maxsize=1)
def _frequencies() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns, in eighths of a cycle per pixel, of the 33 lattice frequencies that aren't 0 or mirrored."""
    chosen = [
        (i, j)
        for i in range(PERIOD)
        for j in range(PERIOD)
        if (i, j) != (0, 0) and (i, j) <= ((-i) % PERIOD, (-j) % PERIOD)
    ]
    rows, columns = np.array(chosen).T
    return rows, columns


def lattice_frequencies() -> npt.NDArray[np.float64]:
    """float64 [33, 2]: the lattice frequencies in cycles per pixel, (vertical, horizontal), each in [0, 1)."""
    rows, columns = _frequencies()
    return np.stack([rows, columns], axis=1) / PERIOD


def planes(pixels: Pixels) -> Floats:
    """Luma and the two chroma planes (ITU-R BT.601, full range), float32 [3, height, width]."""
    r, g, b = (pixels[..., k].astype(np.float32) for k in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return np.stack([y, 0.564 * (b - y), 0.713 * (r - y)])


def residuals(channels: Floats) -> list[Floats]:
    """High-pass residuals of `planes`, each float32 [3, height - 2, width - 2].

    First order: a pixel minus the mean of its four neighbours. Third order: minus the prediction of a plane through
    its eight neighbours, ``2*(n+s+e+w) - (nw+ne+sw+se)`` over 4, which leaves less of the picture and more of its
    lattice (Fridrich, Kodovsky 2012, "Rich models for steganalysis of digital images", the square 3x3 residual).
    """
    c = channels[:, 1:-1, 1:-1]
    n, s = channels[:, :-2, 1:-1], channels[:, 2:, 1:-1]
    w, e = channels[:, 1:-1, :-2], channels[:, 1:-1, 2:]
    sides = n + s + w + e
    corners = channels[:, :-2, :-2] + channels[:, :-2, 2:] + channels[:, 2:, :-2] + channels[:, 2:, 2:]
    return [np.asarray(c - sides / 4, np.float32), np.asarray(c - sides / 2 + corners / 4, np.float32)]


def _heights(residual: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Heights of the averaged log-spectrum above its surroundings at the lattice frequencies; and the surroundings."""
    rows, columns = residual.shape
    step = TILE // 2
    window = np.outer(np.hanning(TILE + 1)[:-1], np.hanning(TILE + 1)[:-1]).astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(residual, (TILE, TILE))[::step, ::step]
    views = views[: (rows - TILE) // step + 1, : (columns - TILE) // step + 1]
    total = np.zeros((TILE, TILE // 2 + 1))
    for line in views:
        power = np.abs(scipy.fft.rfft2(line * window)) ** 2
        # The geometric mean over tiles: no single textured tile decides.
        total += np.log(power + 1e-2).sum(axis=0)
    spectrum = total / (views.shape[0] * views.shape[1])
    full = np.empty((TILE, TILE))
    full[:, : TILE // 2 + 1] = spectrum
    mirrored = spectrum[:, 1 : TILE // 2][:, ::-1]
    full[:, TILE // 2 + 1 :] = np.roll(mirrored[::-1], 1, axis=0)
    stride = TILE // PERIOD
    i, j = _frequencies()
    at = full[i * stride, j * stride]
    around = np.median(np.stack([np.roll(full, shift, axis=(0, 1))[i * stride, j * stride] for shift in _RING]), axis=0)
    return at - around, around


# A ring two to three bins away: beyond the window's main lobe, short of the next lattice frequency.
_RING = [(di, dj) for di in range(-3, 4) for dj in range(-3, 4) if max(abs(di), abs(dj)) >= 2]


def _phases(values: Floats) -> npt.NDArray[np.float64]:
    """Magnitudes of the lattice frequencies in the map of means by phase (row and column modulo the period)."""
    rows = values.shape[0] // PERIOD * PERIOD
    columns = values.shape[1] // PERIOD * PERIOD
    blocks = values[:rows, :columns].reshape(rows // PERIOD, PERIOD, columns // PERIOD, PERIOD)
    phase_map = blocks.mean(axis=(0, 2), dtype=np.float64)
    i, j = _frequencies()
    return np.abs(np.fft.fft2(phase_map))[i, j]


def lattice_features(pixels: Pixels) -> Floats:
    """What repeats with a period of 2, 4 or 8 pixels in the residuals of one picture.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3], both sides at least `TILE` + 2.

    Returns
    -------
    float32 [618]: for each of two residuals and three planes the heights of the lattice frequencies in the averaged
    log-spectrum, the logarithms of their magnitudes in the phase maps of the residual and of its logarithm, in units of
    what noise would give, and four levels.
    """
    parts = []
    for residual in residuals(planes(pixels)):
        for plane in residual:
            clipped = np.clip(plane, -CLIP, CLIP)
            magnitude = np.log(np.abs(plane) + 0.5)
            heights, around = _heights(clipped)
            spread = clipped.std() + 0.05
            level = np.sqrt(clipped.size) / PERIOD**2
            parts.append(heights)
            parts.append(np.log(_phases(clipped) / spread * level + 0.1))
            parts.append(np.log(_phases(magnitude) / (magnitude.std() + 0.05) * level + 0.1))
            levels = [np.log(spread), magnitude.mean(), around.mean(), around[:4].mean() - around.mean()]
            parts.append(np.array(levels, np.float64))
    return np.concatenate(parts).astype(np.float32)
