"""Nearest neighbours and balls around feature vectors, block by block in bounded memory and exact to the tie.

Distances come from a matrix product, whose rounding could turn a tie (a copied image, a distance equal to a radius)
either way. Its error is bounded rigorously, and every comparison closer than that bound is decided again from the
differences of the two rows, summed in one fixed order, so that equal distances compare as equal.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ganeval.errors import MetricError, NotEnoughImagesError

DEFAULT_BLOCK_BYTES = 64 * 2**20
#: Candidates kept beyond the largest k, among which near-ties are told apart.
SPARE_NEIGHBOURS = 4
_MANY_PAIRS = 100_000


class Neighbours(NamedTuple):
    """Squared distances to each row's nearest other rows, ascending, which rows these are, and the largest error."""

    squared: torch.Tensor
    rows: torch.Tensor
    rounding: float


@dataclass(frozen=True)
class Balls:
    """Balls around the rows of one side.

    Parameters
    ----------
    squared_radii
        float64 [rows of that side].
    around_rows
        True for balls around the first argument of `count_in_balls`, False for the second's.
    closed
        Whether a point at exactly the radius is inside.
    """

    squared_radii: torch.Tensor
    around_rows: bool
    closed: bool


class BallCounts(NamedTuple):
    """int64 counts of pairs of a centre and a point inside its ball: per row of the first side, of the second."""

    per_row: torch.Tensor
    per_column: torch.Tensor


def squared_distances(x: torch.Tensor, y: torch.Tensor, x_norms: torch.Tensor, y_norms: torch.Tensor) -> torch.Tensor:
    """Squared Euclidean distances float64 [n, m] between two blocks, given their squared norms; at least 0."""
    return torch.addmm(y_norms[None, :], x, y.T, alpha=-2.0).add_(x_norms[:, None]).clamp_(min=0.0)


def exact_squared_distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Squared distances float64 [n] of matching rows from their differences.

    The same two rows give the same bits in whatever order, block or company they come.
    """
    terms = (x.double() - y.double()).square_()
    while (width := terms.shape[1]) > 1:
        half = (width + 1) // 2
        terms[:, : width - half] += terms[:, half:]
        terms = terms[:, :half]
    return terms[:, 0]


def nearest_neighbours(vectors: torch.Tensor, *, count: int, block_bytes: int = DEFAULT_BLOCK_BYTES) -> Neighbours:
    """The `count` nearest other rows of each row, or all others where there are fewer.

    Parameters
    ----------
    vectors
        [N, D], any float dtype.
    block_bytes
        Bound on the temporary arrays; the matrix of all distances is never built.
    """
    total = len(vectors)
    kept = min(count, total - 1)
    squared = torch.full((total, kept), torch.inf, dtype=torch.float64, device=vectors.device)
    index = torch.full((total, kept), -1, dtype=torch.int64, device=vectors.device)
    blocks, _ = _centred(vectors, vectors, block_bytes)
    for i, rows in enumerate(blocks.ranges):
        x = blocks.rows(rows)
        for columns in blocks.ranges[i:]:
            tile = blocks.distances(x, rows, blocks, columns)
            if columns == rows:
                tile.fill_diagonal_(torch.inf)
            else:
                _merge(squared, index, columns, tile.T, rows.start)
            _merge(squared, index, rows, tile, columns.start)
    return Neighbours(squared, index, _rounding(blocks, blocks, vectors.shape[1]))


def squared_knn_radii(
    vectors: torch.Tensor,
    *,
    k: int,
    neighbours: Neighbours | None = None,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> torch.Tensor:
    """Squared distance float64 [N] of each row to its k-th nearest other row.

    Parameters
    ----------
    vectors
        [N, D] with N > k.
    neighbours
        Of the same `vectors`, with more than `k` kept where there are as many; found here if None.

    Raises
    ------
    NotEnoughImagesError
        If there are not more than `k` rows.
    """
    if len(vectors) <= k:
        raise NotEnoughImagesError(
            f"a {k}-th nearest neighbour needs more than {k} images on a side, but there are {len(vectors)}",
            hint="Add images, or lower k.",
        )
    if neighbours is None:
        neighbours = nearest_neighbours(vectors, count=k + SPARE_NEIGHBOURS, block_bytes=block_bytes)
    squared, index = neighbours.squared, neighbours.rows
    kth = squared[:, k - 1 : k]
    doubtful = (squared - kth).abs() <= 2 * neighbours.rounding
    row, column = torch.nonzero(doubtful, as_tuple=True)
    settled = squared.clone()
    settled[row, column] = _exact_pairs(vectors, row, vectors, index[row, column], block_bytes)
    return settled.sort(dim=1).values[:, k - 1].contiguous()


def count_in_balls(
    first: torch.Tensor,
    second: torch.Tensor,
    balls: Sequence[Balls],
    *,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> list[BallCounts]:
    """How many pairs of rows lie within balls around one of the two, for several kinds of balls in one pass.

    Parameters
    ----------
    first, second
        [N, D] and [M, D].
    balls
        Each with the radii of its own side.

    Returns
    -------
    list of BallCounts
        One for each of `balls`.
    """
    counts = [
        BallCounts(
            torch.zeros(len(first), dtype=torch.int64, device=first.device),
            torch.zeros(len(second), dtype=torch.int64, device=first.device),
        )
        for _ in balls
    ]
    of_first, of_second = _centred(first, second, block_bytes)
    rounding = _rounding(of_first, of_second, first.shape[1])
    for rows in of_first.ranges:
        x = of_first.rows(rows)
        for columns in of_second.ranges:
            tile = of_first.distances(x, rows, of_second, columns)
            for kind, count in zip(balls, counts, strict=True):
                part = kind.squared_radii[rows][:, None] if kind.around_rows else kind.squared_radii[columns][None, :]
                inside, near = tile < part - rounding, tile <= part + rounding
                if torch.count_nonzero(near) > torch.count_nonzero(inside):
                    row, column = torch.nonzero(near ^ inside, as_tuple=True)
                    exact = _exact_pairs(first, row + rows.start, second, column + columns.start, block_bytes)
                    radii = part.expand_as(tile)[row, column]
                    inside[row, column] = exact <= radii if kind.closed else exact < radii
                count.per_row[rows] += inside.sum(dim=1)
                count.per_column[columns] += inside.sum(dim=0)
    return counts


class _Blocks:
    """One side cut into float64 blocks around a common centre, with the norms that all distances share."""

    def __init__(self, vectors: torch.Tensor, centre: torch.Tensor, block_bytes: int) -> None:
        self._vectors = vectors
        self._centre = centre
        step = block_rows(vectors.shape[1], block_bytes)
        self.ranges = [slice(start, min(start + step, len(vectors))) for start in range(0, len(vectors), step)]
        self.norms = torch.cat([self.rows(part).square().sum(dim=1) for part in self.ranges])

    def rows(self, part: slice) -> torch.Tensor:
        return self._vectors[part].double() - self._centre

    def distances(self, x: torch.Tensor, part: slice, other: _Blocks, columns: slice) -> torch.Tensor:
        return squared_distances(x, other.rows(columns), self.norms[part], other.norms[columns])


def _centred(first: torch.Tensor, second: torch.Tensor, block_bytes: int) -> tuple[_Blocks, _Blocks]:
    # Rounding grows with the norms, and they are smallest around the middle.
    centre = (first.mean(dim=0, dtype=torch.float64) + second.mean(dim=0, dtype=torch.float64)) / 2
    blocks = _Blocks(first, centre, block_bytes)
    return blocks, blocks if second is first else _Blocks(second, centre, block_bytes)


def _rounding(first: _Blocks, second: _Blocks, dimension: int) -> float:
    """A bound on the error of `squared_distances` of any two rows: 4(D+8)·u·(|x|² + |y|²) with the largest norms."""
    largest = float(first.norms.max() + second.norms.max())
    if not math.isfinite(largest):
        raise MetricError("the features are so large that distances overflow", hint="Scale both sides down alike.")
    return 4 * (dimension + 8) * (torch.finfo(torch.float64).eps / 2) * largest


def block_rows(dimension: int, block_bytes: int) -> int:
    """Rows a block so that two float64 blocks and four float64 tiles of them fit `block_bytes`; at least 16."""
    rows = 16
    while 4 * 8 * (2 * rows) ** 2 + 2 * 2 * 8 * dimension * (2 * rows) <= block_bytes:
        rows *= 2
    return rows


def _merge(squared: torch.Tensor, index: torch.Tensor, rows: slice, tile: torch.Tensor, offset: int) -> None:
    """Merge a tile of further distances into the nearest ones of `rows`."""
    kept = squared.shape[1]
    found = tile.topk(min(kept, tile.shape[1]), dim=1, largest=False)
    values = torch.cat([squared[rows], found.values], dim=1)
    indices = torch.cat([index[rows], found.indices + offset], dim=1)
    best = values.topk(kept, dim=1, largest=False)
    squared[rows] = best.values
    index[rows] = indices.gather(1, best.indices)


def _exact_pairs(
    first: torch.Tensor, rows: torch.Tensor, second: torch.Tensor, columns: torch.Tensor, block_bytes: int
) -> torch.Tensor:
    """`exact_squared_distances` of pairs of row numbers; where there are many, of different contents only once."""
    if len(rows) > _MANY_PAIRS:
        row_of, column_of = _first_equal(first)[rows], _first_equal(second)[columns]
        unique, back = torch.unique(row_of * len(second) + column_of, return_inverse=True)
        rows, columns = unique // len(second), unique % len(second)
    else:
        back = torch.arange(len(rows), device=rows.device)
    chunk = max(1, block_bytes // (3 * 8 * first.shape[1]))
    parts = [
        exact_squared_distances(first[rows[start : start + chunk]], second[columns[start : start + chunk]])
        for start in range(0, len(rows), chunk)
    ]
    return torch.cat(parts)[back] if parts else torch.zeros(0, dtype=torch.float64, device=first.device)


def _first_equal(vectors: torch.Tensor) -> torch.Tensor:
    """For each row, the number of the first row with the same bits."""
    seen: dict[bytes, int] = {}
    numbers = []
    for start in range(0, len(vectors), 1024):
        block = vectors[start : start + 1024].double().cpu().numpy()
        for offset, row in enumerate(block):
            digest = hashlib.blake2b(row.tobytes(), digest_size=16).digest()
            numbers.append(seen.setdefault(digest, start + offset))
    return torch.tensor(numbers, dtype=torch.int64, device=vectors.device)
