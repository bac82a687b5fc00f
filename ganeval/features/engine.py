"""The extraction engine: images through a network, decoding overlapped with it, stored as it goes, resumable."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ganeval.errors import ImageSourceError, OptionError
from ganeval.features.batches import BatchWorker, StageClock
from ganeval.features.chunks import FeatureChunk, features_from_chunks, first_positions, merge_chunks
from ganeval.features.devices import resolve_device
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import Features
from ganeval.features.identity import code_of
from ganeval.features.passes import Pass
from ganeval.features.previews import PreviewChoice
from ganeval.features.store import FeatureStore, ShardWriter, StoreEntry, feature_fingerprint
from ganeval.images.source import ImageItem, ImageSource
from ganeval.notices import Notice
from ganeval.progress import Progress, SilentProgress
from ganeval.wording import counted


@dataclass(frozen=True)
class Extraction:
    """Features with what happened on the way.

    Parameters
    ----------
    features
        Of the images that could be decoded.
    notices
        What was noticed.
    from_store
        How many images were not extracted anew.
    positions
        How many of the source's images were taken, with those that could not be decoded.
    """

    features: Features
    notices: tuple[Notice, ...] = ()
    from_store: int = 0
    positions: int = 0


def available_cores() -> int:
    """Number of CPU cores that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return os.cpu_count() or 1


def extract(
    source: ImageSource,
    extractor: FeatureExtractor,
    *,
    device: str | torch.device = "auto",
    batch_size: int | None = None,
    workers: int | None = None,
    store: FeatureStore | None = None,
    on_error: str = "raise",
    progress: Progress | None = None,
    label: str | None = None,
    limit: int | None = None,
) -> Extraction:
    """Extract the features of all images of `source`, or of the first `limit`.

    On the CPU a thread-safe extractor runs in one thread a core, each with batches of its own (no barrier between
    cores, and decoding fills every gap); elsewhere decoding threads feed one network.

    Parameters
    ----------
    source
        The images.
    extractor
        The network; moved to `device`.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"``, ``"mps"`` or a `torch.device`.
    batch_size
        Images a batch; None takes what suits the extractor and device. Halved where the memory doesn't suffice.
    workers
        Threads; None takes one a core (at most 16).
    store
        Where features are looked up and kept; None neither reads nor writes.
    on_error
        ``"raise"`` or ``"skip"`` for images that can't be decoded.
    progress
        Told how far the work is.
    label
        What the progress is called; the source's name by default.
    limit
        How many images to take at most. What is stored of them is found by a later call with a larger limit; see
        `GrowingExtraction` for growing without a store.

    Raises
    ------
    CorruptImageError
        With ``on_error="raise"``; lists the first ten. What was extracted before stays in the store.
    ImageSourceError
        If the source has no image, or none that can be decoded.
    ExtractorError
        If a single image doesn't fit the memory, or the extractor's output can't be features.
    OptionError
        For options out of range.
    """
    growing = GrowingExtraction(
        source,
        extractor,
        device=device,
        batch_size=batch_size,
        workers=workers,
        store=store,
        on_error=on_error,
        progress=progress,
        label=label,
        previews=PreviewChoice(source.count),
    )
    return growing.upto(limit)


class GrowingExtraction:
    """Features of more and more of a source, none extracted twice.

    Parameters
    ----------
    previews
        Which positions get a preview; None takes the first ones, as suits sets in random order.

    The others are those of `extract`, which see.
    """

    def __init__(
        self,
        source: ImageSource,
        extractor: FeatureExtractor,
        *,
        device: str | torch.device = "auto",
        batch_size: int | None = None,
        workers: int | None = None,
        store: FeatureStore | None = None,
        on_error: str = "raise",
        progress: Progress | None = None,
        label: str | None = None,
        previews: PreviewChoice | None = None,
    ) -> None:
        check_options(on_error=on_error, batch_size=batch_size, workers=workers)
        began = time.perf_counter()
        self._source, self._extractor = source, extractor
        self._progress, self._label = progress or SilentProgress(), label or source.name
        self._clock = StageClock()
        self._fingerprint, self._entry = _store_entry(source, extractor, store)
        self._writer = ShardWriter(self._entry)
        self._chunks = self._entry.load() if self._entry else []
        if on_error == "raise":
            self._chunks = _without_skipped(self._chunks)
        self._stored_rows = sum(len(chunk.pooled) for chunk in self._chunks)
        self._stored_positions = self._known
        #: Whether all of the source has been extracted.
        self.exhausted = self._entry is not None and self._known > 0 and self._entry.complete_at() == self._known
        self._items: Iterator[ImageItem] | None = None
        self._device, self._previews = resolve_device(device), previews or PreviewChoice(None)
        self._workers, self._batch_size, self._on_error = workers, batch_size, on_error
        self._pass: Pass | None = None
        self._wall = time.perf_counter() - began

    @property
    def _known(self) -> int:
        return self._chunks[-1].stop if self._chunks else 0

    def upto(self, limit: int | None) -> Extraction:
        """Features of the first `limit` images, of all for None; raises as `extract` does.

        Where the store has features of later images already, they are left out. After an error or an interrupt, what
        was extracted is in the store.
        """
        if limit is not None and limit < 1:
            raise OptionError(f"limit must be at least 1, not {limit}")
        began = time.perf_counter()
        if not self.exhausted and (limit is None or self._known < limit):
            self._extend(limit)
        if self._entry is not None:
            self._entry.touch()
        if limit is None or self._known <= limit:
            chunks = self._chunks = [merge_chunks(self._chunks)] if self._chunks else []
        else:
            chunks = self._first(limit)
        self._wall += time.perf_counter() - began
        return self._extraction(chunks)

    def _extend(self, limit: int | None) -> None:
        """Extract until `limit` positions are known or the source ends."""
        start = self._known
        count = self._source.count
        total = count if limit is None else limit if count is None else min(limit, count)
        task = self._progress.start(self._label, total, done=start)
        if self._pass is None:
            self._pass = self._made_pass()
        if self._items is None:
            self._items = itertools.islice(iter(self._source), start, None)
        items = self._items if limit is None else itertools.islice(self._items, limit - start)
        try:
            for chunk in self._pass.chunks(self._source, items, start):
                self._chunks.append(chunk)
                with self._clock.time("store"):
                    self._writer.add(chunk)
                task.advance(chunk.positions)
            self.exhausted = limit is None or self._known < limit or self._known == count
            if self.exhausted:
                self._writer.finish(self._known)
        except BaseException:
            # Where the iterator stands now, nobody knows.
            self._items = None
            raise
        finally:
            self._writer.flush()
            task.finish()

    def _made_pass(self) -> Pass:
        """Made when there is something to extract: until then the network stays where it is."""
        extractor, device = self._extractor, self._device
        return Pass(
            worker=BatchWorker(extractor.to(device), device, self._previews, self._clock),
            concurrent=extractor.thread_safe and device.type == "cpu",
            workers=self._workers or min(16, available_cores()),
            batch_size=self._batch_size or default_batch_size(extractor, device),
            on_error=self._on_error,
        )

    def _first(self, limit: int) -> list[FeatureChunk]:
        """The chunks of the first `limit` positions, the last one cut."""
        whole = [chunk for chunk in self._chunks if chunk.stop <= limit]
        cut = next(chunk for chunk in self._chunks if chunk.stop > limit)
        if cut.start == limit:
            return whole
        skipped = 0
        if cut.skipped:
            lost = {image_id for image_id, _ in cut.skipped}
            skipped = sum(item.id in lost for item in itertools.islice(iter(self._source), cut.start, limit))
        return [*whole, first_positions(cut, limit - cut.start, skipped)]

    def _extraction(self, chunks: list[FeatureChunk]) -> Extraction:
        positions = sum(chunk.positions for chunk in chunks)
        features = features_from_chunks(
            chunks,
            extractor=self._extractor.info,
            fingerprint=self._fingerprint_of(positions),
            times=self._clock.times(wall=self._wall, images=max(0, positions - self._stored_positions)),
        )
        _refuse_empty(features, self._source)
        notices = [] if self._pass is None else list(self._pass.notices)
        if self._writer.failure is not None and self._entry is not None:
            notices.append(_store_notice(self._entry, self._writer.failure))
        from_store = min(self._stored_rows, len(features))
        return Extraction(features, tuple(notices), from_store=from_store, positions=positions)

    def _fingerprint_of(self, positions: int) -> str | None:
        """Of the first `positions`: the store's key for the whole source, another for a part."""
        if self._fingerprint is None or (self.exhausted and positions == self._known):
            return self._fingerprint
        return hashlib.sha256(f"{self._fingerprint} first {positions}".encode()).hexdigest()


def check_options(*, on_error: str, batch_size: int | None, workers: int | None) -> None:
    """Check options of `extract`, for those who have much to do before it; raises `OptionError`."""
    if on_error not in ("raise", "skip"):
        raise OptionError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    for name, value in (("batch_size", batch_size), ("workers", workers)):
        if value is not None and value < 1:
            raise OptionError(f"{name.replace('_', ' ')} must be at least 1, not {value}")


def default_batch_size(extractor: FeatureExtractor, device: torch.device) -> int:
    """Images a batch that suit the device: small ones on the CPU, which keep the activations in its caches."""
    return extractor.cpu_batch_size if device.type == "cpu" else 64


def _store_entry(
    source: ImageSource, extractor: FeatureExtractor, store: FeatureStore | None
) -> tuple[str | None, StoreEntry | None]:
    content = source.fingerprint()
    if content is None:
        return None, None
    fingerprint = feature_fingerprint(content, extractor.info, code_of(type(extractor)))
    entry = store.entry(fingerprint, source.name, extractor.info.name) if store is not None else None
    return fingerprint, entry


def is_stored(source: ImageSource, extractor: FeatureExtractor, store: FeatureStore) -> bool:
    """Whether the store has the features of the whole source."""
    _, entry = _store_entry(source, extractor, store)
    return entry is not None and entry.complete_at() is not None


def _without_skipped(chunks: list[FeatureChunk]) -> list[FeatureChunk]:
    """The chunks before the first skipped image: a run that skipped it must not hide it from one that would not."""
    return list(itertools.takewhile(lambda chunk: not chunk.skipped, chunks))


def _store_notice(entry: StoreEntry, failure: OSError) -> Notice:
    return Notice(
        "store-unavailable",
        f"features could not be stored in {entry.folder.parent.parent}: {failure.strerror or failure}",
        "The scores are not affected; the next run extracts again. Choose another place with --cache-dir.",
        severity="info",
    )


def _refuse_empty(features: Features, source: ImageSource) -> None:
    if len(features):
        return
    if features.skipped:
        raise ImageSourceError(
            f"none of the {counted(features.skipped, 'image')} of {source.name} can be decoded; "
            f"the first: {features.skipped[0][0]}: {features.skipped[0][1]}"
        )
    raise ImageSourceError(f"{source.name} has no images")
