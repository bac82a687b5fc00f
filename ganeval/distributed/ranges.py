"""A range of a set's images, extracted and stored at its place in the whole; what all processes do around it."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

from ganeval.distributed.ranks import Ranks
from ganeval.distributed.sharding import PartOfSource, Range
from ganeval.errors import ImageSourceError
from ganeval.features.chunks import FeatureChunk
from ganeval.features.extending import Extending, available_cores
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import StageTimes
from ganeval.features.previews import PreviewChoice
from ganeval.features.store import FeatureStore, StoreEntry
from ganeval.images.source import ImageSource
from ganeval.notices import Notice
from ganeval.wording import counted


class RangeExtraction:
    """The extraction of one range, of which nothing is stored.

    Parameters
    ----------
    source
        The whole set.
    part
        Positions in it: of the first image, and behind the last.
    store
        Where its shards are written, at their place in the whole.
    previews
        Which positions of the whole get a preview.

    The others are those of `ganeval.features.engine.extract`.
    """

    def __init__(
        self,
        source: PartOfSource,
        part: Range,
        extractor: FeatureExtractor,
        *,
        store: FeatureStore | None,
        previews: PreviewChoice,
        **settings: Any,
    ) -> None:
        self._start, stop = part
        self._run = Extending(
            PartOfSource(source, self._start, stop, source.fingerprint()),
            extractor,
            store=None if store is None else _RangeStore(store, self._start),
            previews=_ShiftedPreviews(previews, self._start),
            **settings,
        )

    def chunks(self) -> Generator[FeatureChunk, None, None]:
        """Its chunks in order, with their positions in the whole; to be closed where it isn't read to its end."""
        chunks = self._run.further(None)
        try:
            for chunk in chunks:
                yield replace(chunk, start=chunk.start + self._start)
        finally:
            chunks.close()

    @property
    def notices(self) -> list[Notice]:
        """What was noticed so far."""
        return self._run.notices

    def times(self, wall: float) -> StageTimes:
        """Where the time went, of `wall` seconds."""
        return self._run.times(wall, 0)


def workers_each(asked: int | None, ranks: Ranks) -> int:
    """Threads of each process: as many as were asked for, else its part of the machine's cores."""
    return asked or max(1, min(16, available_cores() // ranks.local_world))


def agree_on_count(source: ImageSource, ranks: Ranks) -> None:
    """Raise `ImageSourceError` in all processes if they don't see the same number of images."""
    counts = ranks.gathered(source.count)
    for rank, other in enumerate(counts):
        if other != counts[0]:
            raise ImageSourceError(
                f"rank 0 sees {counted(counts[0] or 0, 'image')} in {source.name}, and rank {rank} {other or 0:,}",
                hint="All processes need the same files: name a folder that all machines share, or complete the copy.",
            )


def finish(entry: StoreEntry | None, count: int) -> None:
    """Mark a set of `count` images as whole in the store, where this process sees that it is."""
    if entry is None:
        return
    try:
        if entry.complete_at() != count and not entry.gaps(count):
            entry.finish(count)
    except OSError:
        # It was told as a notice when a shard couldn't be written.
        return
    entry.touch()


class _ShiftedPreviews(PreviewChoice):
    """The previews of the whole set, asked for by positions in a part of it."""

    def __init__(self, whole: PreviewChoice, start: int) -> None:
        self._whole, self._start = whole, start

    def __contains__(self, position: int) -> bool:
        return self._start + position in self._whole


class _RangeStore(FeatureStore):
    """A store into which a part of a set is written at its place in the whole."""

    def __init__(self, store: FeatureStore, start: int) -> None:
        self.root, self._start = store.root, start

    def entry(self, key: str, source: str, extractor: str) -> StoreEntry:
        whole = super().entry(key, source, extractor)
        return _RangeEntry(whole, self._start)


class _RangeEntry(StoreEntry):
    """What a part writes; it reads nothing, and never declares the set whole."""

    def __init__(self, whole: StoreEntry, start: int) -> None:
        super().__init__(whole.folder, whole.source, whole.extractor)
        self._start = start

    def chunks(self) -> Iterator[FeatureChunk]:
        return itertools.chain()

    def complete_at(self) -> int | None:
        return None

    def write(self, chunk: FeatureChunk) -> None:
        super().write(replace(chunk, start=chunk.start + self._start))

    def finish(self, positions: int) -> None:
        return
