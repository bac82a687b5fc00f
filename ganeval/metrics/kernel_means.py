"""Squared maximum mean discrepancies from one pass over the kernel's values, tile by tile, with each image's influence.

MMD² = E k(x, x′) + E k(y, y′) − 2 E k(x, y) for real x and generated y (Gretton et al. 2012, lemma 6). The images'
influence on its unbiased estimate, a U-statistic of two samples, is u(x) = 2 (E k(x, x′) − E k(x, y)) less its mean
for a real image, and the mirror image for a generated one; the second-order part's variance follows from the sums of
the rows of the kernel matrices and from the sum of their squares. The interval itself is that of
`ganeval.metrics.squared_distance`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ganeval.metrics.division import division
from ganeval.metrics.kernels import CentredRows, Kernel, Origin
from ganeval.metrics.score import Score
from ganeval.metrics.squared_distance import (
    FEWEST_FOR_INTERVAL,
    SquaredDistance,
    Squares,
    centred_square_across,
    centred_square_within,
    mean_of_blocks,
    squared_distance,
    with_squared_distance,
)

_TILE_ROWS = 768
#: Relative to the kernel's squares, what is nothing but their rounding.
_ROUNDING = 1e-14

Pair = Literal["real", "generated", "across"]


class Tile(NamedTuple):
    """Kernel values float64 [rows, columns] between rows of one side, or across: real rows and generated columns.

    Within a side only tiles on and above the diagonal come: `rows` starts no later than `columns`.
    """

    pair: Pair
    rows: slice
    columns: slice
    values: torch.Tensor


class SquaredMmd(NamedTuple):
    """Estimates of a squared MMD: the U-statistic, the V-statistic, and how sure the former is.

    `distance` is None where a side has fewer than `FEWEST_FOR_INTERVAL` images, and where the kernel overflowed.
    """

    unbiased: float
    biased: float
    distance: SquaredDistance | None


def kernel_tiles(
    real: torch.Tensor, generated: torch.Tensor, kernel: Kernel, *, averaged: int | None = None
) -> Iterator[Tile]:
    """All values of the kernel between and across both sides, one tile after the other; a process's own where divided.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D], any float dtype, on one device.
    averaged
        See `Origin.between`.
    """
    origin = Origin.between(real, generated, averaged)
    both: tuple[tuple[Pair, torch.Tensor], ...] = (("real", real), ("generated", generated))
    sides: dict[Pair, list[tuple[slice, CentredRows]]] = {
        pair: [(rows, origin.rows(side[rows])) for rows in row_tiles(len(side))] for pair, side in both
    }
    wanted: list[tuple[Pair, int, int]] = [
        (pair, i, j) for pair, tiles in sides.items() for i in range(len(tiles)) for j in range(i, len(tiles))
    ]
    wanted += [("across", i, j) for i in range(len(sides["real"])) for j in range(len(sides["generated"]))]
    for pair, i, j in division().mine(wanted):
        across = pair == "across"
        (rows, x), (columns, y) = sides["real" if across else pair][i], sides["generated" if across else pair][j]
        yield Tile(pair, rows, columns, kernel(x, y))


def row_tiles(count: int) -> list[slice]:
    """`count` rows cut into those of one tile each, about as many for each."""
    tiles = max(1, round(count / _TILE_ROWS))
    step = -(-count // (16 * tiles)) * 16
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


class KernelSums:
    """Sums over the rows of the kernel matrices and over their squares, filled by one tile after the other.

    Parameters
    ----------
    n_real, n_generated
        N and M.
    device
        Of the tiles.
    """

    def __init__(self, n_real: int, n_generated: int, device: torch.device) -> None:
        counts = {"real": (n_real, n_real), "generated": (n_generated, n_generated), "across": (n_real, n_generated)}
        self._rows, self._columns = (
            {pair: torch.zeros(count[which], dtype=torch.float64, device=device) for pair, count in counts.items()}
            for which in (0, 1)
        )
        self._squares = dict.fromkeys(counts, 0.0)
        self._diagonals = dict.fromkeys(counts, 0.0)

    def add(self, tile: Tile) -> None:
        """Count a tile in; of one on the diagonal the diagonal is set to 0."""
        values = tile.values
        on_diagonal = tile.pair != "across" and tile.rows == tile.columns
        if on_diagonal:
            self._diagonals[tile.pair] += float(values.diagonal().sum())
            values.fill_diagonal_(0.0)
        flat = values.reshape(-1)
        mirrored = tile.pair != "across" and not on_diagonal
        self._squares[tile.pair] += (2.0 if mirrored else 1.0) * float(torch.dot(flat, flat))
        self._rows[tile.pair][tile.rows] += values.sum(dim=1)
        if mirrored:
            self._rows[tile.pair][tile.columns] += values.sum(dim=0)
        elif tile.pair == "across":
            self._columns[tile.pair][tile.columns] += values.sum(dim=0)

    def together(self) -> KernelSums:
        """The sums of all processes, where work is divided."""
        shared = division()
        if shared.parts > 1:
            for sums in (self._rows, self._columns):
                sums.update({pair: shared.summed(values) for pair, values in sums.items()})
            for numbers in (self._squares, self._diagonals):
                total = shared.summed(torch.tensor(list(numbers.values()), dtype=torch.float64))
                numbers.update(zip(numbers, total.tolist(), strict=True))
        return self

    def squared_mmd(self) -> SquaredMmd:
        """What the sums amount to, once every tile is in, and those of all processes together."""
        real, generated = (self._rows[pair].cpu().numpy() for pair in ("real", "generated"))
        across = self._rows["across"].cpu().numpy(), self._columns["across"].cpu().numpy()
        n, m = len(real), len(generated)
        twice_across = 2 * across[0].sum() / (n * m)
        # A kernel that overflows gives an estimate that isn't finite, which the metrics refuse.
        with np.errstate(invalid="ignore", over="ignore"):
            unbiased = real.sum() / (n * (n - 1)) + generated.sum() / (m * (m - 1)) - twice_across
            diagonals = self._diagonals["real"] / n**2 + self._diagonals["generated"] / m**2
            biased = real.sum() / n**2 + generated.sum() / m**2 + diagonals - twice_across
        if min(n, m) < FEWEST_FOR_INTERVAL or not math.isfinite(unbiased + sum(self._squares.values())):
            return SquaredMmd(float(unbiased), float(biased), None)
        # Where all images of a side are alike, what is left of values that cancel says nothing of chance.
        counts = {"real": n * n, "generated": m * m, "across": n * m}
        largest = max(self._squares[pair] / count for pair, count in counts.items())
        centred = (
            centred_square_within(real, self._squares["real"]),
            centred_square_within(generated, self._squares["generated"]),
            centred_square_across(*across, self._squares["across"]),
        )
        squares = Squares(*(square if square > _ROUNDING * largest else 0.0 for square in centred))
        influences = [
            2 * (within / (len(within) - 1) - beyond / (n + m - len(within)))
            for within, beyond in zip((real, generated), across, strict=True)
        ]
        influences = [
            values if float(np.ptp(values)) ** 2 > _ROUNDING**2 * largest else np.zeros_like(values)
            for values in influences
        ]
        distance = squared_distance(float(unbiased), float(biased), influences[0], influences[1], squares)
        return SquaredMmd(float(unbiased), float(biased), distance)


def squared_mmd(real: torch.Tensor, generated: torch.Tensor, kernel: Kernel) -> SquaredMmd:
    """Estimates of the squared MMD from all pairs of images.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D] with at least two rows each, on one device.
    """
    sums = KernelSums(len(real), len(generated), real.device)
    for tile in kernel_tiles(real, generated, kernel):
        sums.add(tile)
    return sums.together().squared_mmd()


def with_mmd_interval(score: Score, mmd: SquaredMmd, *, level: float, scale: float) -> Score:
    """`score`, whose `estimate` is `scale` times the U-statistic, with the interval for the distributions' own MMD²."""
    if mmd.distance is None:
        few = min(score.n_real or 0, score.n_generated or 0) < FEWEST_FOR_INTERVAL
        return score.without_interval(
            f"a side has fewer than {FEWEST_FOR_INTERVAL} images" if few else "the squares of the kernel overflow"
        )
    return with_squared_distance(
        score,
        mmd.distance.scaled(scale),
        level=level,
        method="variance of the U-statistic to second order; for the squared MMD of the two distributions",
    )


def squared_mmd_of_blocks(
    real: torch.Tensor, generated: torch.Tensor, kernel: Kernel, *, block_images: int, seed: int
) -> SquaredMmd:
    """The mean of the squared MMDs of disjoint blocks, for sets whose pairs are too many (Zaremba et al. 2013).

    Every image is in one block, so that the first order is that of all pairs; only the second-order part is larger, by
    the number of blocks. With one block it is `squared_mmd`.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    block_images
        Most images a side in a block.
    seed
        Of the random blocks.
    """
    blocks = math.ceil(max(len(real), len(generated)) / block_images)
    blocks = max(1, min(blocks, min(len(real), len(generated)) // FEWEST_FOR_INTERVAL))
    if blocks == 1:
        return squared_mmd(real, generated, kernel)
    random = np.random.default_rng(seed)
    of_real, of_generated = (np.array_split(random.permutation(len(side)), blocks) for side in (real, generated))
    estimates = [
        squared_mmd(real[_index(rows, real)], generated[_index(columns, generated)], kernel)
        for rows, columns in zip(of_real, of_generated, strict=True)
    ]
    blocks_known = [estimate.distance for estimate in estimates if estimate.distance is not None]
    return SquaredMmd(
        float(np.mean([estimate.unbiased for estimate in estimates])),
        float(np.mean([estimate.biased for estimate in estimates])),
        mean_of_blocks(blocks_known, (of_real, of_generated)) if len(blocks_known) == blocks else None,
    )


def _index(rows: npt.NDArray[np.int64], side: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(rows).to(side.device)
