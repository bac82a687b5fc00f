"""Extracts a set's features in several processes: each takes its part, and all get the whole.

Stored features are reused whatever number of processes stored them: what is missing is found first, and only that is
divided. Processes that see one store read each other's shards from there; what one can't see, as on machines with disks
of their own, is sent.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ganeval.distributed.ranges import RangeExtraction, agree_on_count, finish, workers_each
from ganeval.distributed.ranks import Ranks
from ganeval.distributed.sharding import PartOfSource, Range, shares
from ganeval.features.chunk_bytes import chunk_from_bytes, chunk_to_bytes
from ganeval.features.chunks import FeatureChunk, features_from_chunks, merge_chunks
from ganeval.features.engine import Extraction, extract
from ganeval.features.extending import Extending, refuse_empty
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import StageTimes
from ganeval.features.previews import PreviewChoice
from ganeval.features.store import FeatureStore, StoreEntry, uncovered
from ganeval.images.source import ImageSource
from ganeval.notices import Notice

# Positions of a chunk that is sent.
_SENT_AT_ONCE = 4096


def extract_together(
    source: ImageSource,
    extractor: FeatureExtractor,
    ranks: Ranks,
    *,
    store: FeatureStore | None = None,
    on_error: str = "raise",
    label: str | None = None,
    **settings: Any,
) -> Extraction:
    """Extract the features of all images of `source`, each in one of the processes.

    Parameters
    ----------
    ranks
        The processes, all of which call this with the same set.

    The others, and what is raised, are those of `ganeval.features.engine.extract`; `times` are sums over the processes,
    but the longest wall time.

    Raises
    ------
    ImageSourceError
        Also if the processes don't see the same number of images.
    """
    count = source.count
    plain = {"store": store, "on_error": on_error, "label": label, **settings}
    agree_on_count(source, ranks)
    if count is None or not source.repeatable:
        # No part of it can be had without the rest: each process takes all of it.
        return extract(source, extractor, **plain)
    began = time.perf_counter()
    whole = PartOfSource(source, 0, count, source.fingerprint())
    entry = Extending(whole, extractor, store=store).entry
    if ranks.alone and (entry is None or not _has_gaps(entry, count)):
        return extract(whole, extractor, **plain)
    settings["workers"] = workers_each(settings.get("workers"), ranks)
    run = _Run(whole, count, extractor, ranks, store, entry, on_error, label or source.name, settings)
    chunks = run.chunks()
    features = features_from_chunks(
        chunks,
        extractor=extractor.info,
        fingerprint=ranks.broadcast(run.fingerprint),
        times=run.times(time.perf_counter() - began),
    )
    refuse_empty(len(features), features.skipped, source)
    return Extraction(features, run.notices(), from_store=run.stored_rows, positions=count)


def _has_gaps(entry: StoreEntry, count: int) -> bool:
    """Whether something is stored behind what is missing first."""
    gaps = entry.gaps(count)
    return bool(gaps) and gaps[0][1] < count


@dataclass(frozen=True)
class _Held:
    """A range of stored images, and the process that has it."""

    start: int
    stop: int
    owner: int


class _Run:
    """One extraction by several processes, as one of them sees it."""

    def __init__(
        self,
        source: PartOfSource,
        count: int,
        extractor: FeatureExtractor,
        ranks: Ranks,
        store: FeatureStore | None,
        entry: StoreEntry | None,
        on_error: str,
        label: str,
        settings: dict[str, Any],
    ) -> None:
        self._source, self._count, self._extractor, self._ranks = source, count, extractor, ranks
        self._store, self._entry, self._on_error = store, entry, on_error
        self._label, self._settings = label, settings
        self._previews = PreviewChoice(count)
        self._runs: list[RangeExtraction] = []
        self.stored_rows = 0
        self.fingerprint: str | None = Extending(source, extractor, store=None).fingerprint

    def chunks(self) -> list[FeatureChunk]:
        """All chunks of the set, in order."""
        stored = self._stored()
        held = _chain(self._ranks.gathered([[chunk.start, chunk.stop] for chunk in stored.values()]))
        missing = uncovered(((one.start, one.stop) for one in held), self._count)
        parts = shares(missing, self._ranks.world)
        mine = self._extracted(parts[self._ranks.rank])
        chunks = self._exchanged([((one.start, one.stop), one.owner) for one in held], stored)
        self.stored_rows = sum(len(chunk.pooled) for chunk in chunks)
        made = [(part, rank) for rank, own in enumerate(parts) for part in own]
        # Nothing is looked for in the store before all have written theirs.
        self._ranks.barrier()
        chunks += self._exchanged(made, mine | self._from_store([part for part, rank in made if part not in mine]))
        finish(self._entry, self._count)
        return sorted(chunks, key=lambda chunk: chunk.start)

    def times(self, wall: float) -> StageTimes:
        """Where the time went, in all processes."""
        own = [asdict(run.times(wall)) for run in self._runs]
        everyone = [one for each in self._ranks.gathered(own) for one in each]
        sums = {stage: sum(one[stage] for one in everyone) for stage in ("decode", "resize", "network", "store")}
        walls = self._ranks.gathered(wall)
        return StageTimes(**sums, wall=max(walls), images=self._count if self._runs else 0)

    def notices(self) -> tuple[Notice, ...]:
        """What any process noticed, each once."""
        own = [notice.to_dict() for run in self._runs for notice in run.notices]
        said = [Notice(**one) for each in self._ranks.gathered(own) for one in each]
        return tuple(dict.fromkeys(said))

    def _stored(self) -> dict[Range, FeatureChunk]:
        """What this process can read of the store, but what hides a corrupt image."""
        pieces: Iterable[FeatureChunk] = () if self._entry is None else self._entry.pieces()
        kept = (chunk for chunk in pieces if not (chunk.skipped and self._on_error == "raise"))
        return {(chunk.start, chunk.stop): chunk for chunk in kept if chunk.stop <= self._count}

    def _extracted(self, own: Sequence[Range]) -> dict[Range, FeatureChunk]:
        """Extracted anew, range by range."""
        done = {}
        for part in own:
            of_many = f" (rank {self._ranks.rank} of {self._ranks.world})" if not self._ranks.alone else ""
            run = RangeExtraction(
                self._source,
                part,
                self._extractor,
                store=self._store,
                on_error=self._on_error,
                label=f"{self._label}{of_many}",
                previews=self._previews,
                **self._settings,
            )
            self._runs.append(run)
            with contextlib.closing(run.chunks()) as chunks:
                done[part] = merge_chunks(list(chunks))
        return done

    def _from_store(self, wanted: Sequence[Range]) -> dict[Range, FeatureChunk]:
        """Those of the ranges that others have written to where this process can read them."""
        if self._entry is None or not wanted:
            return {}
        found: dict[Range, list[FeatureChunk]] = {part: [] for part in wanted}
        for chunk in self._entry.pieces(wanted):
            for start, stop in wanted:
                if start <= chunk.start and chunk.stop <= stop:
                    found[start, stop].append(chunk)
        return {
            part: merge_chunks(chunks)
            for part, chunks in found.items()
            if sum(chunk.positions for chunk in chunks) == part[1] - part[0]
        }

    def _exchanged(self, ranges: Sequence[tuple[Range, int]], known: dict[Range, FeatureChunk]) -> list[FeatureChunk]:
        """The chunks of the ranges; those that a process doesn't know are sent by the owner."""
        unknown = [number for number, (part, _) in enumerate(ranges) if part not in known]
        lacking = {number for each in self._ranks.gathered(unknown) for number in each}
        chunks: list[FeatureChunk] = []
        for number, (part, owner) in enumerate(ranges):
            if number not in lacking:
                chunks.append(known[part])
                continue
            pieces = list(_pieces(known[part])) if owner == self._ranks.rank else []
            received = []
            for place in range(int(self._ranks.broadcast(len(pieces), owner))):
                sent = chunk_to_bytes(pieces[place]) if pieces else None
                data = self._ranks.broadcast_bytes(sent, owner)
                received.append(pieces[place] if pieces else chunk_from_bytes(data))
            chunks += [known[part]] if part in known else received
        return chunks


def _chain(everyone: Sequence[Sequence[Sequence[int]]]) -> list[_Held]:
    """Stored ranges that don't overlap, in order, from those that each process has; the lowest rank owns them."""
    owners: dict[Range, int] = {}
    for rank, spans in enumerate(everyone):
        for start, stop in spans:
            owners.setdefault((start, stop), rank)
    chosen: list[_Held] = []
    position = 0
    for start, stop in sorted(owners, key=lambda span: (span[0], -span[1])):
        if start >= position:
            chosen.append(_Held(start, stop, owners[start, stop]))
            position = stop
    return chosen


def _pieces(chunk: FeatureChunk) -> Iterator[FeatureChunk]:
    """A chunk in parts that are sent one by one; one in which images were skipped stays whole."""
    if chunk.skipped or len(chunk.pooled) != chunk.positions:
        yield chunk
        return
    for first in range(0, chunk.positions, _SENT_AT_ONCE):
        rows = slice(first, min(first + _SENT_AT_ONCE, chunk.positions))
        ids = frozenset(chunk.ids[rows])
        yield FeatureChunk(
            start=chunk.start + first,
            positions=rows.stop - first,
            pooled=chunk.pooled[rows],
            logits=None if chunk.logits is None else chunk.logits[rows],
            spatial=None if chunk.spatial is None else chunk.spatial[rows],
            ids=chunk.ids[rows],
            labels=chunk.labels[rows],
            images=chunk.images[rows],
            previews=tuple(preview for preview in chunk.previews if preview.id in ids),
        )
