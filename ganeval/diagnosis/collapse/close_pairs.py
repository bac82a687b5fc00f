"""Pairs of images that are closer than a threshold: found exactly in bounded memory, and tests of which side has more.

The pairs of two sets pooled form a graph. If the two sets are exchangeable, every way of giving out their labels to the
images of the graph is as likely as the one observed, so that tests of the labels on the graph are exact, and need no
distance again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse, stats
from scipy.sparse import csgraph

from ganeval.errors import NotEnoughImagesError
from ganeval.metrics.distances import (
    DEFAULT_BLOCK_BYTES,
    Side,
    Tiles,
    exact_pairs,
    float32_is_safe,
    hits,
    sides_of,
)
from ganeval.metrics.neighbours import nearest_neighbours

#: Pairs kept at most; of more, a forest that joins the same images by the shortest of them.
MOST_PAIRS = 2_000_000
#: Share of real images that are to have a neighbour within the threshold.
DEFAULT_SHARE = 0.01
PERMUTATIONS = 19_999
#: Level at which a single diagnostic's test must reject to count among some ten others; for power only.
TEST_LEVEL = 0.005
_CHUNK = 2**18
_DRAWS = 2_000

Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClosePairs:
    """Pairs of rows within a threshold.

    Parameters
    ----------
    first, second
        int64 [P], of one set with first < second, or of two sets; by distance, closest first.
    squared
        float64 [P], exact.
    first_degrees, second_degrees
        int64: how many pairs each row of either set is in; within one set both are the same.
    total
        Number of pairs.
    complete
        Whether all of them are in `first` and `second`. If not, those that are join the same rows into the same
        clusters, each row's closest pair is among them, and the degrees and the total still count all.
    """

    first: Numbers
    second: Numbers
    squared: Values
    first_degrees: Numbers
    second_degrees: Numbers
    total: int
    complete: bool

    def __len__(self) -> int:
        return len(self.first)


def duplicate_threshold(real: torch.Tensor, *, share: float = DEFAULT_SHARE) -> float:
    """Squared distance within which only a `share` of real images have their nearest neighbour.

    Parameters
    ----------
    real
        [N, D], N ≥ 2; as many images as in the sets to be searched, since neighbours are nearer among more.
    share
        In (0, 1); at least one image's distance is taken.

    Raises
    ------
    NotEnoughImagesError
        If there is only one image.
    """
    if len(real) < 2:
        raise NotEnoughImagesError("a threshold for duplicates needs two real images", hint="Add images.")
    nearest = nearest_neighbours(real, count=1).squared[:, 0].cpu().numpy()
    return float(np.sort(nearest)[max(1, math.floor(share * len(nearest))) - 1])


def pairs_within(
    vectors: torch.Tensor,
    squared_threshold: float,
    *,
    most: int = MOST_PAIRS,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> ClosePairs:
    """All pairs of rows of one set at a squared distance of at most `squared_threshold`.

    Parameters
    ----------
    vectors
        [N, D], any float dtype.
    most
        Pairs kept at most, see `ClosePairs.complete`; 0 keeps none and only counts.
    block_bytes
        Bound on the temporary arrays, beside the pairs.
    """
    side, _ = sides_of(vectors, vectors)
    return _search(side, side, squared_threshold, most, block_bytes)


def pairs_between(
    first: torch.Tensor,
    second: torch.Tensor,
    squared_threshold: float,
    *,
    most: int = MOST_PAIRS,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> ClosePairs:
    """All pairs of a row of `first` [N, D] and one of `second` [M, D] within the threshold; see `pairs_within`."""
    sides = sides_of(first, second)
    return _search(*sides, squared_threshold, most, block_bytes)


def clusters(pairs: ClosePairs) -> list[Numbers]:
    """Rows of one set that pairs join, directly or through others: largest first, rows ascending; single rows none."""
    count = len(pairs.first_degrees)
    graph = sparse.coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs.first, pairs.second)), shape=(count, count))
    _, label = csgraph.connected_components(graph, directed=False)
    sizes = np.bincount(label, minlength=1)
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.cumsum(sizes)[:-1])
    found = [group.astype(np.int64) for group in groups if len(group) > 1]
    return sorted(found, key=lambda group: (-len(group), int(group[0])))


def more_pairs_p_value(
    generated_degrees: Numbers, fresh_degrees: Numbers, *, seed: int, permutations: int = PERMUTATIONS
) -> float:
    """Probability of so many more pairs within the generated than within the fresh images, if they are exchangeable.

    Both sides are of one size. A side's degrees in the pooled graph add up to twice the pairs within it and those
    across, so that the difference of the sums is twice the difference of the pairs within: the permutation test of that
    difference needs the degrees alone, and in it only how many images of each degree a side gets.

    Parameters
    ----------
    generated_degrees, fresh_degrees
        int64 [n] each: pairs of each image within its side and across together.
    seed
        Of the permutations.
    permutations
        How many; the p-value is (1 + those at least as extreme) / (1 + permutations).
    """
    if len(generated_degrees) != len(fresh_degrees):
        raise ValueError("both sides must have as many images")
    degrees, place = np.unique(np.concatenate([generated_degrees, fresh_degrees]), return_inverse=True)
    counts = np.bincount(place.ravel(), minlength=len(degrees))
    observed = int(generated_degrees.sum())
    random = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, permutations, _DRAWS):
        size = min(_DRAWS, permutations - start)
        drawn = random.multivariate_hypergeometric(counts, len(generated_degrees), size=size, method="marginals")
        extreme += int((drawn @ degrees >= observed).sum())
    return (1 + extreme) / (1 + permutations)


def more_images_p_value(generated: npt.NDArray[np.bool_], fresh: npt.NDArray[np.bool_]) -> float:
    """Probability of so many generated images with a close neighbour in the pool, if both sides are exchangeable.

    Exact, by the hypergeometric distribution (Fisher's exact test, one-sided), for any sizes [n] and [m].
    """
    inside, total = int(generated.sum()), int(generated.sum() + fresh.sum())
    return float(min(1.0, stats.hypergeom.sf(inside - 1, len(generated) + len(fresh), total, len(generated))))


def smallest_excess(share: float, count: int, *, level: float = TEST_LEVEL, power: float = 0.8) -> float:
    """Smallest excess over a `share` of `count` images a side that a one-sided test of two shares mostly sees.

    By the normal approximation, with at least one image's worth of variance on the fresh side.
    """
    share = min(max(share, 1 / count), 1.0)
    critical, likely = stats.norm.isf(level), stats.norm.ppf(power)
    excess = 0.0
    for _ in range(50):
        other = min(share + excess, 1.0)
        middle = (share + other) / 2
        alike = math.sqrt(2 * middle * (1 - middle) / count)
        apart = math.sqrt((share * (1 - share) + other * (1 - other)) / count)
        excess = critical * alike + likely * apart
    return float(min(excess, 1.0 - share))


class _TooDoubtful(Exception):
    """So many pairs are too close to call in float32 that a pass in float64 is cheaper."""


def _search(first: Side, second: Side, threshold: float, most: int, block_bytes: int) -> ClosePairs:
    if float32_is_safe(first.vectors):
        try:
            tiles = Tiles(first, second, dtype=torch.float32, block_bytes=block_bytes)
            return _searched(tiles, threshold, most, 20 * (len(first) + len(second)))
        except _TooDoubtful:
            pass
    return _searched(Tiles(first, second, dtype=torch.float64, block_bytes=block_bytes), threshold, most, None)


def _searched(tiles: Tiles, threshold: float, most: int, most_doubtful: int | None) -> ClosePairs:
    within = tiles.first is tiles.second
    kept = _Kept(len(tiles.first), 0 if within else len(tiles.second), most)
    reach = torch.tensor(threshold, dtype=torch.float64, device=tiles.first.norms.device)
    limits = tiles.scaled_limit(reach + tiles.error_within(tiles.first.norms, reach))
    doubtful = 0
    for i, rows in enumerate(tiles.row_parts):
        x = tiles.rows(rows)
        for columns in tiles.row_parts[i:] if within else tiles.column_parts:
            tile = tiles.squared(x, rows, columns)
            if within and columns == rows:
                # Each pair once, and no image with itself.
                tile.masked_fill_(torch.ones_like(tile, dtype=torch.bool).tril_(), torch.inf)
            found, flat = hits(tile <= limits[rows][:, None]), tile.reshape(-1)
            for start in range(0, len(found), _CHUNK):
                part = found[start : start + _CHUNK]
                row, column = part // tile.shape[1] + rows.start, part % tile.shape[1] + columns.start
                squared = tiles.unscaled(flat[part])
                close = torch.nonzero((squared - threshold).abs_() <= tiles.error(row, column))[:, 0]
                squared[close] = exact_pairs(tiles.first, row[close], tiles.second, column[close])
                doubtful += len(close)
                if most_doubtful is not None and doubtful > most_doubtful:
                    raise _TooDoubtful
                inside = squared <= threshold
                kept.add(row[inside], column[inside], squared[inside])
    return kept.pairs(tiles)


class _Kept:
    """Pairs as they come in, thinned to a forest where there are too many."""

    def __init__(self, first: int, second: int, most: int) -> None:
        # Of two sets, rows of the second are numbered after those of the first.
        self._size, self._offset, self._within = first + second, first, second == 0
        self._degrees = np.zeros(self._size, dtype=np.int64)
        self._most, self._waiting, self.total, self.complete = most, 0, 0, True
        self._parts: list[tuple[Numbers, Numbers, Values]] = []

    def add(self, row: torch.Tensor, column: torch.Tensor, squared: torch.Tensor) -> None:
        if not len(row):
            return
        first = row.cpu().numpy().astype(np.int64)
        second = column.cpu().numpy().astype(np.int64) + (0 if self._within else self._offset)
        for ends in (first, second):
            self._degrees += np.bincount(ends, minlength=self._size)
        self.total += len(first)
        if self._most == 0:
            self.complete = False
            return
        self._parts.append((first, second, squared.cpu().numpy()))
        self._waiting += len(first)
        if self._waiting > self._most:
            self.complete = False
            self._parts = [self._forest()]
            self._waiting = len(self._parts[0][0])
            # A forest may be all that fits: the next thinning is to pay.
            self._most = max(self._most, 2 * self._waiting)

    def _joined(self) -> tuple[Numbers, Numbers, Values]:
        if not self._parts:
            none = np.zeros(0, dtype=np.int64)
            return none, none, np.zeros(0)
        first, second, squared = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        order = np.lexsort((second, first, squared))
        return first[order], second[order], squared[order]

    def _forest(self) -> tuple[Numbers, Numbers, Values]:
        """The shortest pairs that join the same images (Kruskal 1956): each image's closest pair is among them."""
        first, second, squared = self._joined()
        # Ranks for weights: SciPy takes a weight of 0 for no pair at all.
        rank = np.arange(1, len(first) + 1, dtype=np.float64)
        graph = sparse.coo_matrix((rank, (first, second)), shape=(self._size, self._size))
        chosen = csgraph.minimum_spanning_tree(graph.tocsr()).tocoo()
        keep = np.sort(chosen.data.astype(np.int64) - 1)
        return first[keep], second[keep], squared[keep]

    def pairs(self, tiles: Tiles) -> ClosePairs:
        first, second, _ = self._joined()
        second = second if self._within else second - self._offset
        squared = exact_pairs(tiles.first, torch.from_numpy(first), tiles.second, torch.from_numpy(second)).numpy()
        order = np.lexsort((second, first, squared))
        degrees = (self._degrees, self._degrees)
        if not self._within:
            degrees = self._degrees[: self._offset], self._degrees[self._offset :]
        return ClosePairs(first[order], second[order], squared[order], *degrees, self.total, self.complete)
