"""Nearest neighbours of feature vectors, in bounded memory, exact to the tie."""

from __future__ import annotations

from typing import NamedTuple

import torch

from ganeval.errors import NotEnoughImagesError
from ganeval.metrics.distances import (
    DEFAULT_BLOCK_BYTES,
    Side,
    Tiles,
    exact_pairs,
    float32_is_safe,
    hits,
    my_pairs,
    sides_of,
)
from ganeval.metrics.division import division
from ganeval.wording import counted, ordinal

#: Candidates kept beyond the number wanted, among which near-ties are told apart.
SPARE_NEIGHBOURS = 6
#: Rows settled one by one in float64 at most, as a share of all; beyond it everything is done in float64.
_FEW_UNSETTLED = 0.05


#: Items whose candidates are gathered from all processes at a time.
_GATHERED_ROWS = 65_536


class Neighbours(NamedTuple):
    """Exact squared distances float64 [N, count] to each row's nearest other rows, ascending, and which these are."""

    squared: torch.Tensor
    rows: torch.Tensor


class Nearest:
    """The smallest values seen so far for each of `total` items, and where each was seen.

    Parameters
    ----------
    total, kept
        Items, and how many values are kept for each.
    """

    def __init__(self, total: int, kept: int, dtype: torch.dtype, device: torch.device) -> None:
        self.values = torch.full((total, kept), torch.inf, dtype=dtype, device=device)
        self.places = torch.full((total, kept), -1, dtype=torch.int64, device=device)

    def offer_rows(self, items: slice, tile: torch.Tensor, offset: int) -> None:
        """Take in a tile whose rows are items, its columns places from `offset`."""
        bound = self.values[items, -1]
        found = None if bool(bound.isinf().any()) else hits(tile < bound[:, None])
        if found is None or len(found) > tile.numel() // 16:
            self._merge_dense(items, tile, offset)
        else:
            row, column = found // tile.shape[1], found % tile.shape[1]
            self._merge(row + items.start, tile.reshape(-1)[found], column + offset)

    def offer_columns(self, items: slice, tile: torch.Tensor, offset: int) -> None:
        """Take in a tile whose columns are items, its rows places from `offset`."""
        bound = self.values[items, -1]
        found = None if bool(bound.isinf().any()) else hits(tile < bound[None, :])
        if found is None or len(found) > tile.numel() // 16:
            self._merge_dense(items, tile.T, offset)
        else:
            row, column = found // tile.shape[1], found % tile.shape[1]
            self._merge(column + items.start, tile.reshape(-1)[found], row + offset)

    def together(self) -> Nearest:
        """The smallest of what all processes saw, where work is divided; each must have seen other pairs."""
        if division().parts > 1:
            for start in range(0, len(self.values), _GATHERED_ROWS):
                part = slice(start, start + _GATHERED_ROWS)
                values = torch.cat(division().stacked(self.values[part]), dim=1)
                places = torch.cat(division().stacked(self.places[part]), dim=1)
                best = values.topk(self.values.shape[1], dim=1, largest=False)
                self.values[part], self.places[part] = best.values, places.gather(1, best.indices)
        return self

    def _merge_dense(self, items: slice, tile: torch.Tensor, offset: int) -> None:
        best = tile.topk(min(self.values.shape[1], tile.shape[1]), dim=1, largest=False)
        self._take(items, best.values, best.indices + offset)

    def _merge(self, items: torch.Tensor, values: torch.Tensor, places: torch.Tensor) -> None:
        """Take in single values, several of them for one item perhaps."""
        if not len(items):
            return
        order = values.argsort(stable=True)
        order = order[items[order].argsort(stable=True)]
        affected, group, sizes = torch.unique_consecutive(items[order], return_inverse=True, return_counts=True)
        rank = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[group]
        kept = self.values.shape[1]
        near = rank < kept
        group, rank, order = group[near], rank[near], order[near]
        width = int(rank.max()) + 1
        new_values = torch.full((len(affected), width), torch.inf, dtype=values.dtype, device=values.device)
        new_places = torch.full((len(affected), width), -1, dtype=torch.int64, device=values.device)
        new_values[group, rank], new_places[group, rank] = values[order], places[order]
        self._take(affected, new_values, new_places)

    def _take(self, items: slice | torch.Tensor, values: torch.Tensor, places: torch.Tensor) -> None:
        values = torch.cat([self.values[items], values], dim=1)
        places = torch.cat([self.places[items], places], dim=1)
        best = values.topk(self.values.shape[1], dim=1, largest=False)
        self.values[items], self.places[items] = best.values, places.gather(1, best.indices)


def nearest_neighbours(vectors: torch.Tensor, *, count: int, block_bytes: int = DEFAULT_BLOCK_BYTES) -> Neighbours:
    """The `count` nearest other rows of each row, or all others where there are fewer.

    Parameters
    ----------
    vectors
        [N, D], any float dtype.
    count
        At least 1.
    block_bytes
        Bound on the temporary arrays; the matrix of all distances is never built.

    Returns
    -------
    Neighbours
        The distances are those of `exact_squared_distances`. Which of several rows at equal distances is among the
        nearest isn't defined.

    Raises
    ------
    MetricError
        If distances overflow.
    """
    side, _ = sides_of(vectors, vectors)
    count = min(count, len(vectors) - 1)
    if float32_is_safe(vectors):
        tiles = Tiles(side, side, dtype=torch.float32, block_bytes=block_bytes)
        found, unsettled = _settled(tiles, _candidates(tiles, count), count, torch.arange(len(side)))
        if not len(unsettled):
            return found
        if len(unsettled) <= _FEW_UNSETTLED * len(side):
            again = _nearest_of_some(side, unsettled, count, block_bytes)
            found.squared[unsettled], found.rows[unsettled] = again.squared, again.rows
            return found
    tiles = Tiles(side, side, dtype=torch.float64, block_bytes=block_bytes)
    found, unsettled = _settled(tiles, _candidates(tiles, count), count, torch.arange(len(side)))
    # What is left are exact ties, or distances below the rounding of products even in float64.
    for row in unsettled[_lost(tiles, found)[unsettled]].tolist():
        found.squared[row], found.rows[row] = _nearest_by_differences(side, row, count)
    return found


def squared_knn_radii(neighbours: Neighbours, *, k: int) -> torch.Tensor:
    """Squared distance float64 [N] of each row to its k-th nearest other row.

    Raises
    ------
    NotEnoughImagesError
        If there are not more than `k` rows.
    """
    require_neighbours(len(neighbours.rows), k)
    return neighbours.squared[:, k - 1].contiguous()


def require_neighbours(total: int, k: int) -> None:
    """Raise `NotEnoughImagesError` if there is no k-th nearest neighbour among `total` images."""
    if total <= k:
        raise NotEnoughImagesError(
            f"a {ordinal(k)} nearest neighbour needs more than {counted(k, 'image')} on a side, but there "
            f"{'is' if total == 1 else 'are'} {total:,}",
            hint="Add images, or lower k.",
        )


def _candidates(tiles: Tiles, count: int) -> Nearest:
    """More than the `count` nearest other rows of each row, by rounded distances; each pair is looked at once."""
    total = len(tiles.first)
    nearest = Nearest(total, min(count + SPARE_NEIGHBOURS, total - 1), tiles.dtype, tiles.first.norms.device)
    for rows, x, columns in my_pairs(tiles):
        tile = tiles.squared(x, rows, columns)
        if columns == rows:
            tile.fill_diagonal_(torch.inf)
        else:
            nearest.offer_columns(columns, tile, rows.start)
        nearest.offer_rows(rows, tile, columns.start)
    return nearest.together()


def _settled(tiles: Tiles, nearest: Nearest, count: int, rows: torch.Tensor) -> tuple[Neighbours, torch.Tensor]:
    """The `count` nearest by exact distances, and the items for which a row that wasn't kept might be nearer.

    `rows` are the items' row numbers, int64.
    """
    rows = rows.to(nearest.places.device)
    rounded = tiles.unscaled(nearest.values)
    norms = tiles.first.norms[rows]
    error = tiles.error_within(norms, rounded[:, count - 1])
    # The true count-th distance is off by at most the error, and so is each candidate's.
    doubtful = rounded <= (rounded[:, count - 1] + 3 * error)[:, None]
    doubtful[:, :count] = True
    item, place = torch.nonzero(doubtful, as_tuple=True)
    rounded[item, place] = exact_pairs(tiles.first, rows[item], tiles.second, nearest.places[item, place])
    order = rounded.sort(dim=1)
    squared = order.values[:, :count].contiguous()
    found = Neighbours(squared, nearest.places.gather(1, order.indices[:, :count]))
    if nearest.values.shape[1] >= len(tiles.second) - 1:
        return found, rows[:0]
    reach = squared[:, -1]
    last = tiles.unscaled(nearest.values[:, -1])
    return found, torch.nonzero((last <= reach + tiles.error_within(norms, reach)) & (reach > 0))[:, 0]


def _lost(tiles: Tiles, found: Neighbours) -> torch.Tensor:
    """Whether the error of products isn't small against a row's distances."""
    reach = found.squared[:, -1]
    return tiles.error_within(tiles.first.norms, reach) > 1e-6 * reach


def _nearest_by_differences(side: Side, row: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest other rows of one, from all differences: slow, and exact whatever the numbers."""
    everyone = torch.arange(len(side), device=side.norms.device)
    squared = exact_pairs(side, torch.full_like(everyone, row), side, everyone)
    squared[row] = torch.inf
    best = squared.topk(count, largest=False)
    return best.values, best.indices


def _nearest_of_some(side: Side, rows: torch.Tensor, count: int, block_bytes: int) -> Neighbours:
    """The nearest other rows of a few rows, in float64."""
    some = Side(side.vectors[rows], side.centre)
    tiles = Tiles(some, side, dtype=torch.float64, block_bytes=block_bytes)
    nearest = Nearest(len(rows), min(count + SPARE_NEIGHBOURS, len(side) - 1), torch.float64, side.norms.device)
    for part in tiles.row_parts:
        x = tiles.rows(part)
        for columns in tiles.column_parts:
            tile = tiles.squared(x, part, columns)
            own = rows[part] - columns.start
            inside = torch.nonzero((own >= 0) & (own < tile.shape[1]))[:, 0]
            tile[inside, own[inside]] = torch.inf
            nearest.offer_rows(part, tile, columns.start)
    found, _ = _settled(tiles, nearest, count, torch.arange(len(rows)))
    return found
