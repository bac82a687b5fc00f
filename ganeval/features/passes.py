"""One pass over a source: decoding overlapped with the network, results in order, memory bounded."""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from ganeval.errors import CorruptImageError, ExtractorError
from ganeval.features.batches import BatchWorker, DecodedBatch, LaunchedBatch, StagedBatch
from ganeval.features.chunks import FeatureChunk
from ganeval.features.pacing import Places
from ganeval.features.precision import arithmetic
from ganeval.images.source import ImageItem, ImageSource
from ganeval.notices import Notice

S = TypeVar("S")
T = TypeVar("T")

#: Seconds that the search for further corrupt images may take once one was found.
CORRUPT_SEARCH_SECONDS = 20.0

# Images that a thread decodes at a time where it does nothing else: the fewer, the less memory waits for the network.
_DECODED_AT_ONCE = 8


class Pass:
    """One pass over items of a source: batches go to threads and come back in order.

    Parameters
    ----------
    worker
        What is done with a batch.
    concurrent
        Whether each thread runs the network itself; else threads decode and one network computes.
    places
        For threads that work at a time.
    batch_size
        Images a batch.
    on_error
        ``"raise"`` or ``"skip"`` for images that can't be decoded.
    """

    def __init__(
        self, worker: BatchWorker, *, concurrent: bool, places: Places, batch_size: int, on_error: str
    ) -> None:
        self.worker = worker
        self.concurrent = concurrent
        self.places = places
        self.batch_size = batch_size
        self.on_error = on_error
        self.notices: list[Notice] = []
        self._lock = threading.Lock()

    def chunks(self, source: ImageSource, items: Iterator[ImageItem], start: int) -> Iterator[FeatureChunk]:
        """The chunks of `items`, those of `source` from position `start` on, in order."""
        threads = torch.get_num_threads()
        single_threaded = functools.partial(torch.set_num_threads, 1) if self.concurrent else None
        pool = ThreadPoolExecutor(self.places.at_most, "ganeval", initializer=single_threaded)
        try:
            with arithmetic(self.worker.extractor.info.precision, self.worker.device):
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
        if self.concurrent:
            return _in_order(pool, self._decode_and_compute, batches, ahead=self._ahead)
        decoded = self._gathered(_in_order(pool, self._decode, batches, ahead=self._ahead))
        return self._overlapped(decoded) if self.worker.lane.overlaps else map(self._compute, decoded)

    def _ahead(self) -> int:
        return 2 * self.places.count

    def _overlapped(self, batches: Iterator[DecodedBatch]) -> Iterator[FeatureChunk]:
        """Chunks of `batches`: while the network computes one, the next is brought and resized, the last read back."""
        launched: tuple[DecodedBatch, LaunchedBatch] | None = None
        with ThreadPoolExecutor(1, "ganeval-staging") as stager:
            for decoded, staged in _in_order(stager, self._staged, batches, ahead=lambda: 2):
                following = None if staged is None else self._launched(staged)
                if launched is not None:
                    yield self._collected(*launched)
                launched = None if following is None else (decoded, following)
                if following is None:
                    del staged
                    yield self._compute(decoded)
            if launched is not None:
                yield self._collected(*launched)

    def _staged(self, decoded: DecodedBatch) -> tuple[DecodedBatch, StagedBatch | None]:
        """The batch on the device; None where it has to go in pieces, or the memory didn't suffice."""
        if not decoded.pixels or len(decoded.pixels) > self.batch_size:
            return decoded, None
        return decoded, _unless_out_of_memory(lambda: self.worker.stage(decoded.pixels, ahead=True))

    def _launched(self, staged: StagedBatch) -> LaunchedBatch | None:
        return _unless_out_of_memory(lambda: self.worker.launch(staged))

    def _collected(self, decoded: DecodedBatch, launched: LaunchedBatch) -> FeatureChunk:
        return self.worker.chunk(decoded, [self.worker.collect(launched)])

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
        with self.places.one(), self.places.watched():
            return self.worker.decode(*batch)

    def _decode_and_compute(self, batch: tuple[int, list[ImageItem]]) -> FeatureChunk:
        with self.places.one():
            with self.places.watched():
                decoded = self.worker.decode(*batch)
            began = time.perf_counter()
            chunk = self._compute(decoded)
            self.places.record(busy=time.perf_counter() - began, idle=0.0)
            return chunk

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
        for skipped in _in_order(pool, self.worker.failures, rest, ahead=self._ahead):
            failures += skipped
            if len(failures) >= 10 or time.monotonic() > deadline:
                return CorruptImageError(failures[:10], complete=False)
        return CorruptImageError(failures)


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[S], T], inputs: Iterator[S], *, ahead: Callable[[], int]
) -> Iterator[T]:
    """Results of `work` over `inputs` in their order, with at most `ahead` under way: the queue that bounds memory."""
    waiting: deque[Future[T]] = deque()
    try:
        for one in inputs:
            waiting.append(pool.submit(work, one))
            while len(waiting) >= ahead():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _unless_out_of_memory(work: Callable[[], T]) -> T | None:
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        return None


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
