"""Squared distances between feature vectors, tile by tile, with a bound on their rounding, and exactly where asked.

A tile of distances comes from a matrix product, in float32 where that is safe, at half the cost of float64. Its error
is bounded rigorously, so that whoever compares distances can decide again from the rows' differences, summed in one
fixed order, where a comparison is closer than the bound: ties come out as ties, and nothing depends on the blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch

from ganeval.errors import MetricError
from ganeval.metrics.division import division

DEFAULT_BLOCK_BYTES = 32 * 2**20
#: Rows of a tile beyond which a product gets no faster, while its comparisons leave the cache.
_MOST_ROWS = 1024
#: Above this many columns the bound on float32's rounding says little.
_WIDEST_FLOAT32 = 65_536
#: Exact distances asked for per row after which looking for equal rows pays.
_MANY_A_ROW = 20
#: Bytes of the differences of a group of rows, to stay within a core's cache.
_EXACT_BYTES = 2**20


class Side:
    """One side's rows around a common centre, with their squared norms.

    Parameters
    ----------
    vectors
        [N, D], any float dtype.
    centre
        float64 [D]; rounding grows with the norms, and they are smallest around the middle.
    """

    def __init__(self, vectors: torch.Tensor, centre: torch.Tensor) -> None:
        self.vectors = vectors
        self.centre = centre
        self._equal: torch.Tensor | None = None
        self._asked = 0
        # Written in place: small results kept between large temporaries would hold on to the heap.
        self.norms = torch.empty(len(vectors), dtype=torch.float64, device=vectors.device)
        for part in _parts(vectors):
            torch.sum(self.rows(part, torch.float64).square_(), dim=1, out=self.norms[part])

    def __len__(self) -> int:
        return len(self.vectors)

    def rows(self, part: slice, dtype: torch.dtype, scale: float = 1.0) -> torch.Tensor:
        """Rows less the centre, times `scale` (a power of two), correctly rounded to `dtype`."""
        block = self.vectors[part]
        wide = torch.float64 if torch.float64 in (dtype, block.dtype) else torch.float32
        centred = block.to(wide) - self.centre.to(wide)
        return (centred if scale == 1.0 else centred.mul_(scale)).to(dtype)

    def repeats(self, pairs: int) -> bool:
        """Whether, with so many more exact distances from its rows, it's time to look for equal rows."""
        self._asked += pairs
        return self._asked > _MANY_A_ROW * len(self)

    def first_equal(self) -> torch.Tensor:
        """For each row, the number of the first row with the same bits, int64 [N]."""
        if self._equal is None:
            self._equal = _first_equal(self.vectors)
        return self._equal


class Tiles:
    """Tiles of squared distances between two sides.

    Parameters
    ----------
    first, second
        With one centre.
    dtype
        Of the arithmetic.
    block_bytes
        Bound on what a tile and its blocks take.

    Raises
    ------
    MetricError
        If distances overflow.
    """

    def __init__(self, first: Side, second: Side, *, dtype: torch.dtype, block_bytes: int) -> None:
        largest = max(float(first.norms.max()), float(second.norms.max()))
        if not largest < 1e300:
            raise MetricError("the features are so large that distances overflow", hint="Scale both sides down alike.")
        self.first, self.second, self.dtype = first, second, dtype
        dimension = first.vectors.shape[1]
        # A power of two, which rounds nothing, brings the norms to about 1: float32 neither over- nor underflows.
        self._scale = 2.0 ** -round(float(np.log2(largest)) / 2) if largest > 0 and dtype == torch.float32 else 1.0
        self._unit = 1.0 / self._scale**2
        step = block_rows(dimension, block_bytes, dtype.itemsize)
        self.row_parts = [slice(s, min(s + step, len(first))) for s in range(0, len(first), step)]
        self.column_parts = [slice(s, min(s + step, len(second))) for s in range(0, len(second), step)]
        roundoff = torch.finfo(dtype).eps / 2
        #: The error of a squared distance is at most this times the sum of both squared norms, plus `floor`.
        self.relative_error = 1.01 * (dimension + 24) * roundoff
        self.floor = dimension * torch.finfo(dtype).tiny * self._unit if dtype == torch.float32 else 0.0

    def rows(self, part: slice) -> torch.Tensor:
        """A block of the first side, for `squared`."""
        return self.first.rows(part, self.dtype, self._scale)

    def squared(self, x: torch.Tensor, rows: slice, columns: slice) -> torch.Tensor:
        """Squared distances [n, m] of the block `x` (which `rows` gave) to columns, in scaled units, see `unscaled`."""
        y = self.second.rows(columns, self.dtype, self._scale)
        return squared_distances(x, y, self._norms(self.first, rows), self._norms(self.second, columns))

    def scaled_limit(self, squared: torch.Tensor) -> torch.Tensor:
        """True squared distances as bounds in tiles' units, rounded up."""
        return (squared / self._unit * (1 + 4 * torch.finfo(self.dtype).eps)).to(self.dtype)

    def unscaled(self, squared: torch.Tensor) -> torch.Tensor:
        """From tiles' units to true squared distances, float64, at least 0."""
        return squared.double().mul_(self._unit).clamp_(min=0.0)

    def error(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Bound on the error of the (true) squared distances of pairs of row numbers, float64 [n]."""
        return (self.first.norms[rows] + self.second.norms[columns]).mul_(self.relative_error).add_(self.floor)

    def error_within(self, norms: torch.Tensor, squared: torch.Tensor) -> torch.Tensor:
        """Bound on the error of squared distances from rows of these squared norms to any point within `squared`.

        Such a point's own norm is at most the row's plus the distance.
        """
        reach = (norms.sqrt() + squared.sqrt()).square_()
        return reach.add_(norms).mul_(self.relative_error).add_(self.floor)

    def _norms(self, side: Side, part: slice) -> torch.Tensor:
        return (side.norms[part] / self._unit).to(self.dtype)


def my_pairs(tiles: Tiles) -> Iterator[tuple[slice, torch.Tensor, slice]]:
    """This process's tiles of a side with itself, on and above the diagonal: rows, their block, and columns."""
    parts = tiles.row_parts
    known: tuple[slice, torch.Tensor] | None = None
    for rows, columns in division().mine([(rows, columns) for i, rows in enumerate(parts) for columns in parts[i:]]):
        if known is None or known[0] != rows:
            known = rows, tiles.rows(rows)
        yield rows, known[1], columns


def sides_of(first: torch.Tensor, second: torch.Tensor) -> tuple[Side, Side]:
    """Both sides around their common middle; one object if they are the same tensor."""
    centre = (_mean(first) + _mean(second)) / 2
    if torch.float64 not in (first.dtype, second.dtype):
        # In float32 the differences from a float32 centre are then as good as from any.
        centre = centre.float().double()
    side = Side(first, centre)
    return side, side if second is first else Side(second, centre)


def float32_is_safe(vectors: torch.Tensor) -> bool:
    """Whether a float32 product of such rows has float32's rounding: not if the user lets torch use narrower types."""
    narrow = torch.get_float32_matmul_precision() != "highest"
    if vectors.device.type == "cuda":
        narrow = narrow or bool(torch.backends.cuda.matmul.allow_tf32)
    return not narrow and vectors.shape[1] <= _WIDEST_FLOAT32


def squared_distances(x: torch.Tensor, y: torch.Tensor, x_norms: torch.Tensor, y_norms: torch.Tensor) -> torch.Tensor:
    """Squared Euclidean distances [n, m] between two blocks, given their squared norms; rounding may go below 0."""
    return torch.addmm(y_norms[None, :], x, y.T, alpha=-2.0).add_(x_norms[:, None])


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


def exact_pairs(first: Side, rows: torch.Tensor, second: Side, columns: torch.Tensor) -> torch.Tensor:
    """`exact_squared_distances` of pairs of row numbers; where there are many, of different contents only once."""
    back = None
    if first.repeats(len(rows)):
        unique, inverse = torch.unique(
            first.first_equal()[rows] * len(second) + second.first_equal()[columns], return_inverse=True
        )
        if len(unique) < len(rows) // 2:
            rows, columns, back = unique // len(second), unique % len(second), inverse
    chunk = max(1, _EXACT_BYTES // (8 * first.vectors.shape[1]))
    found = torch.empty(len(rows), dtype=torch.float64, device=first.vectors.device)
    for start in range(0, len(rows), chunk):
        part = slice(start, start + chunk)
        found[part] = exact_squared_distances(first.vectors[rows[part]], second.vectors[columns[part]])
    return found if back is None else found[back]


def hits(mask: torch.Tensor) -> torch.Tensor:
    """Numbers of the true entries of a boolean matrix, counted along its rows, int64, on the same device."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return torch.nonzero(mask.flatten())[:, 0]


def block_rows(dimension: int, block_bytes: int, itemsize: int = 4) -> int:
    """Rows a block so that two blocks, their copies and four tiles of them fit `block_bytes`; from 16 to 1024."""
    rows = 16
    while rows < _MOST_ROWS and itemsize * (4 * (2 * rows) ** 2 + 3 * dimension * (2 * rows)) <= block_bytes:
        rows *= 2
    return rows


def _parts(vectors: torch.Tensor) -> list[slice]:
    step = max(1, 2**20 // (8 * vectors.shape[1]))
    return [slice(start, min(start + step, len(vectors))) for start in range(0, len(vectors), step)]


def _mean(vectors: torch.Tensor) -> torch.Tensor:
    total = torch.zeros(vectors.shape[1], dtype=torch.float64, device=vectors.device)
    for part in _parts(vectors):
        total += vectors[part].double().sum(dim=0)
    return total / len(vectors)


def _first_equal(vectors: torch.Tensor) -> torch.Tensor:
    seen: dict[bytes, int] = {}
    numbers: list[int] = []
    for part in _parts(vectors):
        # Adding 0 makes one of the two zeros.
        for row in (vectors[part].double() + 0.0).cpu().numpy():
            digest = hashlib.blake2b(row.tobytes(), digest_size=16).digest()
            numbers.append(seen.setdefault(digest, len(numbers)))
    return torch.tensor(numbers, dtype=torch.int64, device=vectors.device)
