"""Features of a set pass by, each chunk in one of the processes: for those who gather numbers and keep no features."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from ganeval.distributed.ranges import RangeExtraction, agree_on_count, finish, workers_each
from ganeval.distributed.ranks import Ranks
from ganeval.distributed.sharding import PartOfSource, Range, shares
from ganeval.features.chunks import FeatureChunk
from ganeval.features.extending import Extending
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.previews import PreviewChoice
from ganeval.features.store import FeatureStore, uncovered
from ganeval.images.source import ImageSource
from ganeval.notices import Notice


class Streaming:
    """The chunks of a set that are this process's, in order; what is stored is read, the rest extracted and stored.

    Parameters
    ----------
    source
        The set, the same in all processes. One without a known length, or that can be read only once, passes by as a
        whole in every process.
    ranks
        The processes.

    The others are those of `ganeval.features.engine.extract`.

    Raises
    ------
    ImageSourceError
        If the processes don't see the same number of images.
    """

    def __init__(
        self,
        source: ImageSource,
        extractor: FeatureExtractor,
        ranks: Ranks,
        *,
        store: FeatureStore | None = None,
        on_error: str = "raise",
        **settings: Any,
    ) -> None:
        agree_on_count(source, ranks)
        self._count = source.count
        #: The processes among which the chunks are divided: this one alone where it has all of them.
        self.ranks = ranks if source.repeatable and self._count is not None else Ranks()
        self._source, self._extractor, self._store, self._on_error = source, extractor, store, on_error
        self._settings = settings
        if not self.ranks.alone:
            settings["workers"] = workers_each(settings.get("workers"), ranks)
        self._whole = Extending(source, extractor, store=store, on_error=on_error, **settings)
        #: Of the images.
        self.content = self._whole.content
        self._ranges: list[RangeExtraction] = []

    @property
    def fingerprint(self) -> str | None:
        """Of the features; None where the images have none."""
        return self._whole.fingerprint

    def chunks(self) -> Iterator[FeatureChunk]:
        """Those of this process; to be read to their end by all. Raises as `ganeval.features.engine.extract`."""
        if self.ranks.alone or self._count is None:
            yield from self._all()
            return
        source = PartOfSource(self._source, 0, self._count, self.content)
        stored, missing = self._divided(self._count)
        for part in sorted([*stored, *missing]):
            chunk = self._stored(part) if part in stored else None
            if chunk is not None:
                yield chunk
                continue
            run = RangeExtraction(
                source,
                part,
                self._extractor,
                store=self._store,
                previews=PreviewChoice(self._count),
                on_error=self._on_error,
                label=f"{self._source.name} (rank {self.ranks.rank} of {self.ranks.world})",
                **self._settings,
            )
            self._ranges.append(run)
            with contextlib.closing(run.chunks()) as chunks:
                yield from chunks
        # The set is whole when all have written theirs.
        self.ranks.barrier()
        finish(self._whole.entry, self._count)

    def notices(self) -> tuple[Notice, ...]:
        """What any process noticed, each once."""
        own = [notice for run in self._ranges for notice in run.notices] + self._whole.notices
        everyone = self.ranks.gathered([notice.to_dict() for notice in own])
        return tuple(dict.fromkeys(Notice(**one) for each in everyone for one in each))

    def _all(self) -> Iterator[FeatureChunk]:
        run = self._whole
        yield from run.stored()
        if not run.exhausted:
            with contextlib.closing(run.further(None)) as chunks:
                yield from chunks
        run.touch()

    def _divided(self, count: int) -> tuple[Sequence[Range], Sequence[Range]]:
        """What this process reads from the store, and what it extracts."""
        own = [] if self._whole.entry is None else self._whole.entry.spans()
        everyone = [[(int(start), int(stop)) for start, stop in each] for each in self.ranks.gathered(own)]
        held = _chosen([span for spans in everyone for span in spans if span[1] <= count])
        mine = []
        for number, span in enumerate(held):
            owners = [rank for rank, spans in enumerate(everyone) if span in spans]
            if owners[number % len(owners)] == self.ranks.rank:
                mine.append(span)
        return mine, shares(uncovered(held, count), self.ranks.world)[self.ranks.rank]

    def _stored(self, part: Range) -> FeatureChunk | None:
        """A shard; None where it is damaged, or hides a corrupt image from a run that doesn't skip those."""
        assert self._whole.entry is not None
        for chunk in self._whole.entry.pieces([part]):
            if (chunk.start, chunk.stop) == part and not (chunk.skipped and self._on_error == "raise"):
                return chunk
        return None


def _chosen(spans: Sequence[Range]) -> list[Range]:
    """Spans that don't overlap, in order: of those that begin at one place the one that reaches the furthest."""
    chosen: list[Range] = []
    position = 0
    for start, stop in sorted(set(spans), key=lambda span: (span[0], -span[1])):
        if start >= position:
            chosen.append((start, stop))
            position = stop
    return chosen
