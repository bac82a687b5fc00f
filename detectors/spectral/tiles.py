"""Which parts of a picture a spectral detector looks at: tiles of one size at native resolution, a bounded number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

#: Mean clipped residual, in grey levels, below which a tile is flat: a JPEG-compressed sky, a plain background.
FLAT = 0.1
# A strong edge says no more about a generator than fine texture does; clipping keeps it from winning over texture.
_CLIP = 8
_CANDIDATES_PER_TILE = 4
#: Weights of ITU-R BT.601 luma.
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Tiles:
    """Tiles of one picture.

    Parameters
    ----------
    pixels
        uint8 [n, size, size, 3]; n is 0 for a picture that is smaller than a tile, or flat everywhere.
    corners
        int64 [n, 2]: row and column of each tile's upper left pixel, in reading order.
    """

    pixels: Pixels
    corners: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.corners)


def choose_tiles(pixels: Pixels, size: int, *, limit: int, align: int = 8) -> Tiles:
    """At most `limit` tiles of a picture, spread evenly over it, the more textured ones preferred, flat ones left out.

    Up to four times `limit` candidates that don't overlap stand on a regular grid; the picture is divided in at most
    `limit` cells and each gives its most textured candidate, so that one busy corner can't be all that is seen; places
    that are left go to the most textured of the others. Time and memory follow `limit` and not the picture's size.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3], native resolution.
    size
        Of a tile, in pixels.
    limit
        Largest number of tiles, 1 or more.
    align
        Corners are multiples of this, so that the phase of a lattice with that period, such as JPEG's, is the same in
        all tiles.
    """
    corners = candidate_corners(pixels.shape[0], pixels.shape[1], size, limit=limit * _CANDIDATES_PER_TILE, align=align)
    rows, columns = corners.shape[:2]
    flat_corners = corners.reshape(-1, 2)
    textures = np.array([texture(cut(pixels, corner, size)) for corner in flat_corners])
    chosen = _choose(textures, rows, columns, limit)
    tiles = [cut(pixels, flat_corners[index], size) for index in chosen]
    shape = (len(chosen), size, size, 3)
    return Tiles(np.stack(tiles) if tiles else np.empty(shape, np.uint8), flat_corners[chosen])


def cut(pixels: Pixels, corner: npt.NDArray[np.int64], size: int) -> Pixels:
    """The tile of that upper left corner, as a view."""
    top, left = int(corner[0]), int(corner[1])
    return pixels[top : top + size, left : left + size]


def candidate_corners(height: int, width: int, size: int, *, limit: int, align: int) -> npt.NDArray[np.int64]:
    """int64 [rows, columns, 2]: a grid of tiles that don't overlap, spread evenly; no rows where none fits."""
    if min(height, width) < size:
        return np.empty((0, 0, 2), np.int64)
    rows, columns = shrink_grid(height // size, width // size, limit)
    tops = np.linspace(0, height - size, rows).astype(np.int64) // align * align
    lefts = np.linspace(0, width - size, columns).astype(np.int64) // align * align
    return np.stack(np.meshgrid(tops, lefts, indexing="ij"), axis=-1)


def shrink_grid(rows: int, columns: int, limit: int) -> tuple[int, int]:
    """The grid of nearly the same aspect with at most `limit` places, at least one row and one column."""
    if rows * columns <= limit:
        return rows, columns
    ratio = (limit / (rows * columns)) ** 0.5
    if rows <= columns:
        rows = max(1, int(rows * ratio))
        return rows, min(columns, limit // rows)
    columns = max(1, int(columns * ratio))
    return min(rows, limit // columns), columns


def texture(tile: Pixels) -> float:
    """Mean over pixels and channels of |pixel - mean of its four neighbours|, each clipped at 8 grey levels."""
    # Four times the residual, in integers: an eighth of the memory of float64 and exact.
    x = tile.astype(np.int16)
    inner = x[1:-1, 1:-1] * 4 - x[:-2, 1:-1] - x[2:, 1:-1] - x[1:-1, :-2] - x[1:-1, 2:]
    return float(np.minimum(np.abs(inner), 4 * _CLIP).mean()) / 4 if inner.size else 0.0


def _choose(textures: npt.NDArray[np.float64], rows: int, columns: int, limit: int) -> npt.NDArray[np.int64]:
    """Indices of the chosen candidates, ascending."""
    usable = np.flatnonzero(textures >= FLAT)
    if len(usable) <= limit:
        return usable.astype(np.int64)
    # Most textured first; equal ones in reading order, so that the choice is the same everywhere.
    ranked = usable[np.argsort(-textures[usable], kind="stable")]
    cell_rows, cell_columns = shrink_grid(rows, columns, limit)
    cells = (ranked // columns) * cell_rows // rows * cell_columns + (ranked % columns) * cell_columns // columns
    _, best_of_cell = np.unique(cells, return_index=True)
    best = ranked[best_of_cell]
    others = ranked[~np.isin(ranked, best)]
    return np.sort(np.concatenate([best, others[: limit - len(best)]])).astype(np.int64)


def luma(tiles: Pixels) -> npt.NDArray[np.float64]:
    """float64 [..., height, width], 0..255: ITU-R BT.601 luma of uint8 [..., height, width, 3]."""
    return np.asarray(tiles @ np.array(LUMA), np.float64)
