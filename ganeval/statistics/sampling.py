"""A uniform random part of rows that pass by once, the same whatever blocks they come in."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import replace

from ganeval.distributed.ranks import Ranks
from ganeval.features.chunks import FeatureChunk, merge_chunks, rows_of_chunk
from ganeval.statistics.merging import sent_to_first

_KEY_BYTES = 8


class KeptSample:
    """The rows with the smallest of random numbers, each made of the seed and the image's id.

    That is a uniform sample without replacement (ids are unique in a set), and it depends on the seed and the ids
    alone: not on the size of the batches, nor on which other images were skipped. A sample at least as large as the set
    is the set.

    Parameters
    ----------
    size
        Most rows to keep; None keeps all.
    seed
        Of the choice, at least 0.
    """

    def __init__(self, size: int | None, seed: int) -> None:
        self._size = size
        self._seed = seed.to_bytes(16, "little")
        self._everything: list[FeatureChunk] = []
        #: (minus the row's number, its place, the row): the largest number is first, and leaves first.
        self._heap: list[tuple[int, int, FeatureChunk]] = []

    def add(self, chunk: FeatureChunk) -> None:
        """Let the rows of a chunk pass by; chunks may come in any order."""
        if self._size is None:
            self._everything.append(replace(chunk, spatial=None, skipped=(), previews=()))
            return
        for row, number in self._promising(chunk):
            # Its place in the source, or before it where images were skipped: enough to put rows in order.
            place = chunk.start + row
            entry = (-number, place, replace(rows_of_chunk(chunk, [row]), start=place))
            if len(self._heap) < self._size:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def _promising(self, chunk: FeatureChunk) -> Iterator[tuple[int, int]]:
        """Rows of a chunk that may stay, with their numbers."""
        if self._size == 0:
            return
        for row, image_id in enumerate(chunk.ids):
            number = self._number(image_id)
            if len(self._heap) < (self._size or 0) or number < -self._heap[0][0]:
                yield row, number

    def _number(self, image_id: str) -> int:
        digest = hashlib.blake2b(image_id.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES, key=self._seed)
        return int.from_bytes(digest.digest(), "little")

    def rows(self) -> FeatureChunk | None:
        """What is kept, in source order; None if nothing is."""
        filled = [chunk for chunk in self._chunks() if len(chunk.pooled)]
        return merge_chunks(filled) if filled else None

    def merge(self, ranks: Ranks) -> None:
        """Keep what one process would have kept of all rows; the processes but the first then keep none."""
        if ranks.alone or self._size == 0:
            return
        own = self._chunks()
        self._everything, self._heap = [], []
        for chunk in sent_to_first(own, ranks):
            self.add(chunk)

    def _chunks(self) -> list[FeatureChunk]:
        """What is kept, in source order."""
        return sorted([*self._everything, *(chunk for _, _, chunk in self._heap)], key=lambda chunk: chunk.start)
