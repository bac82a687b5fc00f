"""Reads chosen images of a set again, by their place among those that were decoded, a few ahead in threads."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ganeval.images.source import DecodedImage, ImageItem, ImageSource

Pixels = npt.NDArray[np.uint8]

#: Bytes of decoded images that may wait for their turn where they are wanted in another order than the source's.
WAITING_BYTES = 1 << 29
_THREADS = 2
_AHEAD = 8
# How many images are read to find out how large they are.
_FIRST = 16


class ImageReader:
    """The pixels of a set's images, read again whenever they are asked for.

    Parameters
    ----------
    source
        A repeatable one.
    count
        Images that were decoded.
    skipped
        Ids of those that were not: they have no row.
    """

    def __init__(self, source: ImageSource, count: int, skipped: Collection[str] = ()) -> None:
        self._source, self._count = source, count
        self._skipped = frozenset(skipped)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Pixels]:
        """All images in order, each uint8 RGB [height, width, 3]; raises `CorruptImageError` if one is broken now."""
        return (pixels for _, pixels in self._read(None))

    def rows(self, wanted: Collection[int]) -> Iterator[tuple[int, Pixels]]:
        """Pairs of row and uint8 RGB [height, width, 3] of the `wanted` rows, in ascending order, each once."""
        return self._read(frozenset(int(row) for row in wanted))

    def ordered(self, rows: Sequence[int], *, waiting_bytes: int = WAITING_BYTES) -> Iterator[Pixels]:
        """The images of `rows`, each uint8 RGB [height, width, 3], in the order of `rows`, in which one may recur.

        Ascending rows are read in one go. Others are read in several, as many images in each as `waiting_bytes` hold
        (but at least 16), since the source is always read from its beginning.
        """
        if all(a < b for a, b in pairwise(rows)):
            yield from (pixels for _, pixels in self.rows(rows))
            return
        start, size = 0, _FIRST
        while start < len(rows):
            some = rows[start : start + size]
            read = dict(self.rows(some))
            yield from (read[row] for row in some)
            start += size
            largest = max(pixels.nbytes for pixels in read.values())
            size = max(_FIRST, waiting_bytes // max(1, largest))

    def _read(self, wanted: frozenset[int] | None) -> Iterator[tuple[int, Pixels]]:
        waiting: deque[tuple[int, Future[DecodedImage]]] = deque()
        with ThreadPoolExecutor(_THREADS) as threads:
            try:
                for row, item in self._chosen(wanted):
                    waiting.append((row, threads.submit(item.load)))
                    if len(waiting) > _AHEAD:
                        yield _finished(waiting)
                while waiting:
                    yield _finished(waiting)
            finally:
                for _, future in waiting:
                    future.cancel()

    def _chosen(self, wanted: frozenset[int] | None) -> Iterator[tuple[int, ImageItem]]:
        kept = (item for item in self._source if item.id not in self._skipped)
        if wanted is None:
            return enumerate(kept)
        last = max(wanted, default=-1)
        return ((row, item) for row, item in enumerate(itertools.islice(kept, last + 1)) if row in wanted)


def _finished(waiting: deque[tuple[int, Future[DecodedImage]]]) -> tuple[int, Pixels]:
    row, future = waiting.popleft()
    return row, future.result().pixels
