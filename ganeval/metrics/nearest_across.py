"""Nearest rows of one set of feature vectors for each row of another, exact, without a matrix of all distances."""

from __future__ import annotations

import torch

from ganeval.errors import NotEnoughImagesError
from ganeval.metrics.distances import (
    DEFAULT_BLOCK_BYTES,
    Side,
    Tiles,
    exact_pairs,
    float32_is_safe,
    sides_of,
)
from ganeval.metrics.division import division
from ganeval.metrics.neighbours import SPARE_NEIGHBOURS, Nearest, Neighbours
from ganeval.progress import Progress, SilentProgress
from ganeval.wording import counted

#: Queries that are looked up again in float64 at most, as a share of all; beyond it the first pass is in float64.
_FEW_UNSETTLED = 0.05


def nearest_across(
    queries: torch.Tensor,
    vectors: torch.Tensor,
    *,
    count: int = 1,
    own_rows: torch.Tensor | None = None,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    progress: Progress | None = None,
) -> Neighbours:
    """The `count` rows of `vectors` that are nearest to each of `queries`, or all of them where there are fewer.

    Candidates come from float32 products, their order from the rows' exact differences; queries for which rounding
    might have hidden a nearer row are looked up again in float64.

    Parameters
    ----------
    queries, vectors
        [Q, D] and [N, D], any float dtypes, on one device, finite.
    count
        At least 1.
    own_rows
        int64 [Q]: a row of `vectors` that isn't counted for each query, such as itself; negative for none.
    block_bytes
        Bound on the temporary arrays.
    progress
        Told how far the search is.

    Returns
    -------
    Neighbours
        Squared distances float64 [Q, count], ascending, with the bits of `exact_squared_distances`, and their rows.
        Which of several rows at equal distances is among the nearest isn't defined.

    Raises
    ------
    MetricError
        If distances overflow.
    NotEnoughImagesError
        If `vectors` has no row that counts.
    """
    available = len(vectors) - (own_rows is not None)
    if available < 1:
        raise NotEnoughImagesError(
            f"a nearest image has to be looked for among {counted(max(len(vectors), 0), 'image')}, which leaves none",
            hint="Add images.",
        )
    count = min(count, available)
    first, second = sides_of(queries, vectors)
    told = SilentProgress() if progress is None else progress
    if float32_is_safe(queries):
        tiles = Tiles(first, second, dtype=torch.float32, block_bytes=block_bytes)
        found, unsettled = _look_up(tiles, count, own_rows, told)
        if not len(unsettled):
            return found
        if len(unsettled) <= max(1, int(_FEW_UNSETTLED * len(queries))):
            some = Side(first.vectors[unsettled], first.centre)
            again = Tiles(some, second, dtype=torch.float64, block_bytes=block_bytes)
            own = None if own_rows is None else own_rows[unsettled]
            better, _ = _look_up(again, count, own, SilentProgress())
            found.squared[unsettled], found.rows[unsettled] = better
            return found
    return _look_up(Tiles(first, second, dtype=torch.float64, block_bytes=block_bytes), count, own_rows, told)[0]


def _look_up(
    tiles: Tiles, count: int, own_rows: torch.Tensor | None, progress: Progress
) -> tuple[Neighbours, torch.Tensor]:
    """The nearest by exact distances, and the queries for which a row that wasn't kept might be nearer."""
    total = len(tiles.second)
    kept = min(count + SPARE_NEIGHBOURS, total)
    nearest = Nearest(len(tiles.first), kept, tiles.dtype, tiles.first.norms.device)
    task = progress.start("nearest images", total, "images")
    # Vectors on the outside: they are many, perhaps on disk, and each is then read and centred once.
    for columns in division().mine(tiles.column_parts):
        for rows in tiles.row_parts:
            tile = tiles.squared(tiles.rows(rows), rows, columns)
            if own_rows is not None:
                own = own_rows[rows] - columns.start
                inside = torch.nonzero((own >= 0) & (own < tile.shape[1]))[:, 0]
                tile[inside, own[inside]] = torch.inf
            nearest.offer_rows(rows, tile, columns.start)
        task.advance(columns.stop - columns.start)
    task.finish()
    return _settle(tiles, nearest.together(), count)


def _settle(tiles: Tiles, nearest: Nearest, count: int) -> tuple[Neighbours, torch.Tensor]:
    known = torch.isfinite(nearest.values)
    item, place = torch.nonzero(known, as_tuple=True)
    exact = torch.full(nearest.values.shape, torch.inf, dtype=torch.float64, device=nearest.places.device)
    exact[item, place] = exact_pairs(tiles.first, item, tiles.second, nearest.places[item, place])
    order = exact.sort(dim=1, stable=True)
    found = Neighbours(order.values[:, :count].contiguous(), nearest.places.gather(1, order.indices[:, :count]))
    if nearest.values.shape[1] == len(tiles.second):
        return found, torch.empty(0, dtype=torch.int64, device=nearest.places.device)
    reach = found.squared[:, -1]
    last = tiles.unscaled(nearest.values[:, -1])
    error = tiles.error_within(tiles.first.norms, reach)
    return found, torch.nonzero((last <= reach + error) & (reach > 0))[:, 0]
