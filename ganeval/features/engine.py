"""The extraction engine: images through a network, decoding overlapped with it, stored as it goes, resumable."""

from __future__ import annotations

import functools
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch

from ganeval.errors import CorruptImageError, ExtractorError, ImageSourceError, OptionError
from ganeval.features.batches import BatchWorker, DecodedBatch, StageClock
from ganeval.features.chunks import FeatureChunk, features_from_chunks
from ganeval.features.devices import exact_float32, resolve_device
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import Features
from ganeval.features.identity import code_of
from ganeval.features.previews import PreviewChoice
from ganeval.features.store import FeatureStore, ShardWriter, StoreEntry, feature_fingerprint
from ganeval.images.source import ImageItem, ImageSource
from ganeval.notices import Notice
from ganeval.progress import Progress, SilentProgress

S = TypeVar("S")
T = TypeVar("T")

#: Seconds that the search for further corrupt images may take once one was found.
CORRUPT_SEARCH_SECONDS = 20.0

# Images that a thread decodes at a time where it does nothing else: the fewer, the less memory waits for the network.
_DECODED_AT_ONCE = 8


@dataclass(frozen=True)
class Extraction:
    """Features with what happened on the way: `from_store` images were not extracted anew."""

    features: Features
    notices: tuple[Notice, ...] = ()
    from_store: int = 0


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
) -> Extraction:
    """Extract the features of all images of `source`.

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
    check_options(on_error=on_error, batch_size=batch_size, workers=workers)
    began = time.perf_counter()
    resolved = resolve_device(device)
    fingerprint, entry = _store_entry(source, extractor, store)
    stored = entry.load() if entry else []
    if on_error == "raise":
        stored = _without_skipped(stored)
    start = stored[-1].stop if stored else 0
    clock = StageClock()
    writer = ShardWriter(entry)
    notices: list[Notice] = []
    chunks = list(stored)
    if entry is None or entry.complete_at() != start or start == 0:
        run = _Run(
            worker=BatchWorker(extractor.to(resolved), resolved, PreviewChoice(source.count), clock),
            concurrent=extractor.thread_safe and resolved.type == "cpu",
            workers=workers or min(16, available_cores()),
            batch_size=batch_size or default_batch_size(extractor, resolved),
            on_error=on_error,
        )
        task = (progress or SilentProgress()).start(label or source.name, source.count, done=start)
        try:
            for chunk in run.chunks(source, start):
                chunks.append(chunk)
                with clock.time("store"):
                    writer.add(chunk)
                task.advance(chunk.positions)
            writer.finish(chunks[-1].stop if chunks else 0)
        finally:
            writer.flush()
            task.finish()
        notices += run.notices
    if entry is not None:
        entry.touch()
    if writer.failure is not None and entry is not None:
        notices.append(_store_notice(entry, writer.failure))
    features = features_from_chunks(
        chunks,
        extractor=extractor.info,
        fingerprint=fingerprint,
        times=clock.times(wall=time.perf_counter() - began, images=sum(c.positions for c in chunks) - start),
    )
    _refuse_empty(features, source)
    return Extraction(features, tuple(notices), from_store=sum(len(chunk.pooled) for chunk in stored))


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
            f"none of the {len(features.skipped)} images of {source.name} can be decoded; "
            f"the first: {features.skipped[0][0]}: {features.skipped[0][1]}"
        )
    raise ImageSourceError(f"{source.name} has no images")


class _Run:
    """One pass over a source: batches go to threads and come back in order."""

    def __init__(self, worker: BatchWorker, *, concurrent: bool, workers: int, batch_size: int, on_error: str) -> None:
        self.worker = worker
        self.concurrent = concurrent
        self.workers = workers
        self.batch_size = batch_size
        self.on_error = on_error
        self.notices: list[Notice] = []
        self._lock = threading.Lock()

    def chunks(self, source: ImageSource, start: int) -> Iterator[FeatureChunk]:
        """The chunks of `source` from position `start` on, in order."""
        items = itertools.islice(iter(source), start, None)
        threads = torch.get_num_threads()
        single_threaded = functools.partial(torch.set_num_threads, 1) if self.concurrent else None
        pool = ThreadPoolExecutor(self.workers, "ganeval", initializer=single_threaded)
        try:
            with exact_float32(self.worker.device):
                for chunk in self._results(pool, self._batches(items, start)):
                    if chunk.skipped and self.on_error == "raise":
                        raise self._corrupt(chunk, source, pool)
                    yield chunk
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            # The workers' setting reaches the maths library of the whole process; give the cores back to the metrics.
            torch.set_num_threads(threads)

    def _results(
        self, pool: ThreadPoolExecutor, batches: Iterator[tuple[int, list[ImageItem]]]
    ) -> Iterator[FeatureChunk]:
        ahead = 2 * self.workers
        if self.concurrent:
            return _in_order(pool, self._decode_and_compute, batches, ahead=ahead)
        return map(self._compute, self._gathered(_in_order(pool, self._decode, batches, ahead=ahead)))

    def _batches(self, items: Iterator[ImageItem], position: int) -> Iterator[tuple[int, list[ImageItem]]]:
        """What one thread gets at a time: a batch, or where it only decodes, a small part of one."""
        missing = self.batch_size
        while batch := list(itertools.islice(items, missing if self.concurrent else min(missing, _DECODED_AT_ONCE))):
            yield position, batch
            position += len(batch)
            missing = missing - len(batch) or self.batch_size

    def _gathered(self, pieces: Iterator[DecodedBatch]) -> Iterator[DecodedBatch]:
        """Batches for the network out of the pieces that the threads decode."""
        waiting: list[DecodedBatch] = []
        for piece in pieces:
            waiting.append(piece)
            if sum(one.positions for one in waiting) >= self.batch_size:
                yield DecodedBatch.joined(waiting)
                waiting = []
        if waiting:
            yield DecodedBatch.joined(waiting)

    def _decode(self, batch: tuple[int, list[ImageItem]]) -> DecodedBatch:
        return self.worker.decode(*batch)

    def _decode_and_compute(self, batch: tuple[int, list[ImageItem]]) -> FeatureChunk:
        return self._compute(self.worker.decode(*batch))

    def _compute(self, decoded: DecodedBatch) -> FeatureChunk:
        outputs = self._halving(decoded, min(len(decoded.pixels), self.batch_size))
        return self.worker.chunk(decoded, outputs)

    def _halving(self, decoded: DecodedBatch, size: int) -> list[tuple[torch.Tensor, ...]]:
        """Outputs of the batch in pieces of at most `size`, smaller ones after each out-of-memory."""
        while True:
            try:
                pieces = range(0, len(decoded.pixels), max(1, size))
                return [self.worker.compute(decoded.pixels[i : i + size]) for i in pieces]
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                # The traceback holds the frames of the failed attempt, and these all that filled the memory.
                reason = error.with_traceback(None)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if size <= 1:
                height, width = decoded.pixels[0].shape[:2]
                raise ExtractorError(
                    f"not enough memory for a single image of {width}x{height}",
                    hint="Use another device or a smaller extractor.",
                ) from reason
            size = (size + 1) // 2
            self._shrink(size)

    def _shrink(self, size: int) -> None:
        with self._lock:
            if size >= self.batch_size:
                return
            self.batch_size = size
            self.notices = [
                Notice(
                    "batch-size-reduced",
                    f"the batch size was reduced to {size} because the memory did not suffice",
                    "The scores are not affected beyond rounding (1e-5).",
                    severity="info",
                )
            ]

    def _corrupt(self, chunk: FeatureChunk, source: ImageSource, pool: ThreadPoolExecutor) -> CorruptImageError:
        """The error that names the first ten corrupt images, looking on through the rest for a while."""
        failures = list(chunk.skipped)
        if not source.repeatable:
            return CorruptImageError(failures[:10], complete=False)
        rest = self._batches(itertools.islice(iter(source), chunk.stop, None), chunk.stop)
        deadline = time.monotonic() + CORRUPT_SEARCH_SECONDS
        for skipped in _in_order(pool, self.worker.failures, rest, ahead=2 * self.workers):
            failures += skipped
            if len(failures) >= 10 or time.monotonic() > deadline:
                return CorruptImageError(failures[:10], complete=False)
        return CorruptImageError(failures)


def _in_order(pool: ThreadPoolExecutor, work: Callable[[S], T], inputs: Iterator[S], *, ahead: int) -> Iterator[T]:
    """Results of `work` over `inputs` in their order, with at most `ahead` under way: the queue that bounds memory."""
    waiting: deque[Future[T]] = deque()
    try:
        for one in inputs:
            waiting.append(pool.submit(work, one))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
