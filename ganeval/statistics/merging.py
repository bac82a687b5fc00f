"""Puts together what the processes of a job have gathered of one set of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ganeval.distributed.ranks import Ranks
from ganeval.features.chunk_bytes import chunk_from_bytes, chunk_to_bytes
from ganeval.features.chunks import FeatureChunk, merge_chunks, rows_of_chunk
from ganeval.metrics.moments import Moments

# Rows that are sent in one go.
_SENT_AT_ONCE = 4096


def merged_moments(own: Moments | None, ranks: Ranks) -> Moments | None:
    """Moments of all processes' rows, known to all; None where none has any.

    Each shifts its scatter to the common mean, and the sums are taken over the processes: `Moments.merged` for many at
    once, in the memory of one D×D matrix whatever their number.
    """
    if ranks.alone:
        return own
    known = ranks.gathered(None if own is None else [own.count, own.dimension])
    sizes = [(count, dimension) for count, dimension in (one for one in known if one is not None)]
    if not sizes:
        return None
    # Raises in all processes where one has features of another dimension.
    for _, dimension in sizes:
        Moments.none(sizes[0][1]).merged(Moments.none(dimension))
    mine = own or Moments.none(sizes[0][1])
    total = sum(count for count, _ in sizes)
    # The first mean that there is, as the origin: sums of what is left over cost no digits.
    origin = ranks.stacked(mine.mean)[next(rank for rank, one in enumerate(known) if one is not None)]
    mean = origin + ranks.summed_tensor((mine.mean - origin) * (mine.count / total))
    shift = mine.mean - mean
    scatter = ranks.summed_tensor(mine.scatter.addr(shift, shift, alpha=mine.count))
    return Moments(total, mean, scatter)


def sent_to_first(chunks: Sequence[FeatureChunk], ranks: Ranks) -> Iterator[FeatureChunk]:
    """In the first process all chunks of all processes, by rank; in the others none. All read it to its end.

    What isn't kept by row (previews, skipped images, spatial features) stays behind.
    """
    for owner in range(ranks.world):
        if owner == 0:
            yield from chunks if ranks.is_first else ()
            continue
        groups = list(_groups(chunks)) if ranks.rank == owner else []
        for number in range(int(ranks.broadcast(len(groups), owner))):
            places, data = _packed(groups[number]) if groups else ([], b"")
            places = ranks.broadcast(places, owner)
            received = ranks.broadcast_bytes(data, owner)
            if ranks.is_first:
                yield from _unpacked(places, received)


def _groups(chunks: Sequence[FeatureChunk]) -> Iterator[list[FeatureChunk]]:
    waiting: list[FeatureChunk] = []
    for chunk in chunks:
        waiting.append(chunk)
        if sum(len(one.pooled) for one in waiting) >= _SENT_AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _packed(chunks: Sequence[FeatureChunk]) -> tuple[list[list[int]], bytes]:
    """Where each begins, and its number of rows; and all as one."""
    bare = [replace(chunk, spatial=None, skipped=(), previews=()) for chunk in chunks]
    return [[chunk.start, len(chunk.pooled)] for chunk in bare], chunk_to_bytes(merge_chunks(bare))


def _unpacked(places: Sequence[Sequence[int]], data: bytes) -> Iterator[FeatureChunk]:
    whole = chunk_from_bytes(data)
    row = 0
    for start, rows in places:
        yield replace(rows_of_chunk(whole, range(row, row + rows)), start=start)
        row += rows
