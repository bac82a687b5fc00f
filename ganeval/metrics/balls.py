"""Which points of one side lie in balls around the other's, counted in one pass over all distances, and exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ganeval.metrics.distances import (
    DEFAULT_BLOCK_BYTES,
    Tiles,
    exact_pairs,
    float32_is_safe,
    hits,
    sides_of,
)
from ganeval.metrics.division import division

#: Pairs looked at together.
_CHUNK = 2**16
#: Share of all pairs that may be too close to call in float32 before everything is done in float64.
_MOST_DOUBTFUL = 1e-3
#: Pairs in shells kept for each point, on average, at most.
_MOST_SHELLS = 32


@dataclass(frozen=True)
class Balls:
    """Balls around the rows of one side.

    Parameters
    ----------
    squared_radii
        float64 [rows of that side].
    around_first
        True for balls around the first argument of `count_in_balls`, False for the second's.
    closed
        Whether a point at exactly the radius is inside.
    squared_outer
        Larger radii; what lies between is the ball's shell. None where shells aren't wanted.
    """

    squared_radii: torch.Tensor
    around_first: bool
    closed: bool
    squared_outer: torch.Tensor | None = None

    @property
    def largest(self) -> torch.Tensor:
        """The squared radii up to which anything counts."""
        return self.squared_radii if self.squared_outer is None else self.squared_outer


@dataclass
class BallCounts:
    """What lies in balls and in their shells.

    Parameters
    ----------
    per_centre, per_point
        int64: points in each ball; balls that hold each point.
    point_sums, centre_sums
        int64: sum of the numbers of those points, and of those balls; where there is one, its number.
    per_shell
        int64: points in each ball's shell.
    shells
        Pairs of a ball and a point in its shell, for points in at most one ball: two int64 vectors.
    """

    per_centre: torch.Tensor
    per_point: torch.Tensor
    point_sums: torch.Tensor
    centre_sums: torch.Tensor
    per_shell: torch.Tensor
    shells: tuple[torch.Tensor, torch.Tensor]


class _TooDoubtful(Exception):
    """So many pairs are too close to call that a pass with less rounding is cheaper."""


def count_in_balls(
    first: torch.Tensor,
    second: torch.Tensor,
    balls: Sequence[Balls],
    *,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> list[BallCounts]:
    """How many points of the other side lie in each ball, for several kinds of balls in one pass over the distances.

    Parameters
    ----------
    first, second
        [N, D] and [M, D], any float dtypes.
    balls
        Each with the radii of its own side, in distances of `exact_squared_distances`.
    block_bytes
        Bound on the temporary arrays.

    Returns
    -------
    list of BallCounts
        One for each of `balls`.

    Raises
    ------
    MetricError
        If distances overflow.
    """
    sides = sides_of(first, second)
    if float32_is_safe(first):
        try:
            most = int(_MOST_DOUBTFUL * len(first) * len(second)) + 20 * (len(first) + len(second))
            return _count(Tiles(*sides, dtype=torch.float32, block_bytes=block_bytes), balls, most)
        except _TooDoubtful:
            pass
    return _count(Tiles(*sides, dtype=torch.float64, block_bytes=block_bytes), balls, None)


def _count(tiles: Tiles, balls: Sequence[Balls], most_doubtful: int | None) -> list[BallCounts]:
    counters = [_Counter(kind, len(tiles.first), len(tiles.second)) for kind in balls]
    around_rows = [counter for counter in counters if counter.balls.around_first]
    around_columns = [counter for counter in counters if not counter.balls.around_first]
    row_limits = _limits(tiles, [c.balls for c in around_rows], tiles.first.norms)
    column_limits = _limits(tiles, [c.balls for c in around_columns], tiles.second.norms)
    doubtful = 0
    for rows in division().my_stretch(tiles.row_parts):
        x = tiles.rows(rows)
        for columns in tiles.column_parts:
            tile = tiles.squared(x, rows, columns)
            if row_limits is not None:
                doubtful += _take_in(tiles, tile, rows, columns, tile <= row_limits[rows][:, None], around_rows)
            if column_limits is not None:
                doubtful += _take_in(tiles, tile, rows, columns, tile <= column_limits[columns], around_columns)
            if most_doubtful is not None and doubtful > most_doubtful:
                break
        else:
            for counter in counters:
                counter.prune()
            continue
        break
    # Where work is divided, all processes have to come to the same decision.
    if most_doubtful is not None and int(division().summed(torch.tensor([doubtful]))) > most_doubtful:
        raise _TooDoubtful
    return [counter.counts() for counter in counters]


def _limits(tiles: Tiles, balls: Sequence[Balls], norms: torch.Tensor) -> torch.Tensor | None:
    """Rounded distances up to which a pair may matter to any of the balls around these centres."""
    if not balls:
        return None
    largest = torch.stack([kind.largest for kind in balls]).amax(dim=0)
    return tiles.scaled_limit(largest + tiles.error_within(norms, largest))


def _take_in(
    tiles: Tiles, tile: torch.Tensor, rows: slice, columns: slice, near: torch.Tensor, counters: Sequence[_Counter]
) -> int:
    """Count the pairs of a tile that are `near`; gives how many were too close to call by rounded distances."""
    doubtful = 0
    flat = tile.reshape(-1)
    found = hits(near)
    for start in range(0, len(found), _CHUNK):
        part = found[start : start + _CHUNK]
        row, column = part // tile.shape[1] + rows.start, part % tile.shape[1] + columns.start
        squared = tiles.unscaled(flat[part])
        error = tiles.error(row, column)
        close = torch.zeros(len(part), dtype=torch.bool, device=part.device)
        for counter in counters:
            centre = row if counter.balls.around_first else column
            for radii in counter.thresholds:
                close |= (squared - radii[centre]).abs_() <= error
        pairs = torch.nonzero(close)[:, 0]
        if len(pairs):
            squared[pairs] = exact_pairs(tiles.first, row[pairs], tiles.second, column[pairs])
            doubtful += len(pairs)
        for counter in counters:
            counter.add(*((row, column) if counter.balls.around_first else (column, row)), squared)
    return doubtful


class _Counter:
    """Counts for one kind of balls, while the pairs come in."""

    def __init__(self, balls: Balls, n_first: int, n_second: int) -> None:
        self.balls = balls
        self.thresholds = [balls.squared_radii] + ([] if balls.squared_outer is None else [balls.squared_outer])
        centres, points = (n_first, n_second) if balls.around_first else (n_second, n_first)
        device = balls.squared_radii.device
        self._per_centre, self._point_sums, self._per_shell = (
            torch.zeros(centres, dtype=torch.int64, device=device) for _ in range(3)
        )
        self._per_point, self._centre_sums = (torch.zeros(points, dtype=torch.int64, device=device) for _ in range(2))
        self._shells: list[tuple[torch.Tensor, torch.Tensor]] = []

    def add(self, centre: torch.Tensor, point: torch.Tensor, squared: torch.Tensor) -> None:
        """Take in pairs with their squared distances, exact where it matters."""
        inside = self._reaches(self.balls.squared_radii, centre, squared)
        c, p = centre[inside], point[inside]
        one = torch.ones_like(c)
        self._per_centre.index_add_(0, c, one)
        self._point_sums.index_add_(0, c, p)
        self._per_point.index_add_(0, p, one)
        self._centre_sums.index_add_(0, p, c)
        if self.balls.squared_outer is not None:
            shell = self._reaches(self.balls.squared_outer, centre, squared) & ~inside
            c, p = centre[shell], point[shell]
            self._per_shell.index_add_(0, c, torch.ones_like(c))
            self._shells.append((c, p))

    def prune(self) -> None:
        """Forget shells around points that lie in two balls already, and any number beyond reason."""
        if not self._shells:
            return
        centre, point = (torch.cat(parts) for parts in zip(*self._shells, strict=True))
        lonely = self._per_point[point] <= 1
        most = _MOST_SHELLS * (len(self._per_point) + len(self._per_centre))
        self._shells = [(centre[lonely][:most], point[lonely][:most])]

    def counts(self) -> BallCounts:
        """All of it, after the last pair, of all processes where work is divided."""
        if division().parts > 1:
            self._gather()
        self.prune()
        none = torch.zeros(0, dtype=torch.int64, device=self._per_point.device)
        return BallCounts(
            self._per_centre,
            self._per_point,
            self._point_sums,
            self._centre_sums,
            self._per_shell,
            self._shells[0] if self._shells else (none, none),
        )

    def _gather(self) -> None:
        for name in ("_per_centre", "_point_sums", "_per_shell", "_per_point", "_centre_sums"):
            setattr(self, name, division().summed(getattr(self, name)))
        if self.balls.squared_outer is not None:
            own = (
                torch.stack([torch.cat(parts) for parts in zip(*self._shells, strict=True)], dim=1)
                if self._shells
                else torch.zeros(0, 2, dtype=torch.int64, device=self._per_point.device)
            )
            pairs = torch.cat(division().stacked(own))
            self._shells = [(pairs[:, 0], pairs[:, 1])]

    def _reaches(self, radii: torch.Tensor, centre: torch.Tensor, squared: torch.Tensor) -> torch.Tensor:
        return squared <= radii[centre] if self.balls.closed else squared < radii[centre]
