"""An extraction under way: what the store has of a source comes first, then what is extracted anew, chunk by chunk."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Generator, Iterator

import torch

from ganeval.errors import ImageSourceError, OptionError
from ganeval.features.batches import BatchWorker, StageClock
from ganeval.features.chunks import FeatureChunk
from ganeval.features.compiling.extractor import (
    AUTO,
    NEVER,
    CompilingExtractor,
    can_compile,
    check_compile,
    no_network,
)
from ganeval.features.devices import resolve_device
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import StageTimes
from ganeval.features.identity import code_of
from ganeval.features.pacing import MOST_A_CORE, Places
from ganeval.features.passes import Pass
from ganeval.features.previews import PreviewChoice
from ganeval.features.store import FeatureStore, ShardWriter, StoreEntry, feature_fingerprint
from ganeval.images.source import ImageItem, ImageSource
from ganeval.notices import Notice
from ganeval.progress import Progress, SilentProgress
from ganeval.wording import counted


class Extending:
    """Chunks of a source's features in order, each handed out once and kept nowhere but in the store.

    Memory is bounded by the chunks under way, whatever the number of images: `stored` first, to its end, then `further`
    as often as need be. `ganeval.features.engine` keeps the chunks; `ganeval.statistics` only their moments.

    Parameters
    ----------
    previews
        Which positions get a preview.

    The others are those of `ganeval.features.engine.extract`, which see.
    """

    def __init__(
        self,
        source: ImageSource,
        extractor: FeatureExtractor,
        *,
        device: str | torch.device = "auto",
        batch_size: int | None = None,
        workers: int | None = None,
        compile: str = NEVER,
        store: FeatureStore | None = None,
        on_error: str = "raise",
        progress: Progress | None = None,
        label: str | None = None,
        previews: PreviewChoice | None = None,
    ) -> None:
        check_options(on_error=on_error, batch_size=batch_size, workers=workers, compile=compile)
        self._source, self._extractor = source, extractor
        self._progress, self._label = progress or SilentProgress(), label or source.name
        self._clock = StageClock()
        self.content = source.fingerprint()
        #: Of the whole source's features, the store's key; None where the source can't be fingerprinted.
        self.fingerprint, self.entry = _store_entry(self.content, source, extractor, store)
        self._writer = ShardWriter(self.entry)
        #: Whether all of the source has been handed out.
        self.exhausted = False
        #: Positions handed out, and how many images and positions of them came from the store.
        self.known = self.stored_rows = self.stored_positions = 0
        self._items: Iterator[ImageItem] | None = None
        self._device, self._previews = resolve_device(device), previews or PreviewChoice(None)
        self._workers, self._batch_size, self._on_error = workers, batch_size, on_error
        self._pass: Pass | None = None
        self._compile, self._compiling = compile, None if store is None else store.root.parent / "compiled"
        self._compiler: CompilingExtractor | None = None
        self._remarks: list[Notice] = []

    @property
    def notices(self) -> list[Notice]:
        """What was noticed so far."""
        found = [] if self._pass is None else list(self._pass.notices)
        found += self._remarks if self._compiler is None else self._compiler.notices
        if self._writer.failure is not None and self.entry is not None:
            found.append(_store_notice(self.entry, self._writer.failure))
        return found

    def stored(self) -> Iterator[FeatureChunk]:
        """What the store has from position 0 on, up to the first image that a run without ``"skip"`` can't pass."""
        for chunk in self.entry.chunks() if self.entry is not None else ():
            if chunk.skipped and self._on_error == "raise":
                # A run that skipped an image must not hide it from one that would not.
                return
            self.known = self.stored_positions = chunk.stop
            self.stored_rows += len(chunk.pooled)
            yield chunk
        self.exhausted = self.entry is not None and self.known > 0 and self.entry.complete_at() == self.known

    def further(self, limit: int | None, start: int | None = None) -> Generator[FeatureChunk, None, None]:
        """What is extracted anew until `limit` positions are known or the source ends; raises as `extract` does.

        `start` is where to go on for those who keep the chunks: an interrupt may have lost the last one.
        """
        self.known = start = self.known if start is None else start
        count = self._source.count
        total = count if limit is None else limit if count is None else min(limit, count)
        task = self._progress.start(self._label, total, done=start)
        if self._pass is None:
            self._pass = self._made_pass(None if total is None else total - start)
        if self._items is None:
            self._items = itertools.islice(iter(self._source), start, None)
        items = self._items if limit is None else itertools.islice(self._items, limit - start)
        try:
            for chunk in self._pass.chunks(self._source, items, start):
                with self._clock.time("store"):
                    self._writer.add(chunk)
                task.advance(chunk.positions)
                self.known = chunk.stop
                yield chunk
            self.exhausted = limit is None or self.known < limit or self.known == count
            if self.exhausted:
                self._writer.finish(self.known)
        except BaseException:
            # Where the iterator stands now, nobody knows.
            self._items = None
            raise
        finally:
            self._writer.flush()
            task.finish()

    def _made_pass(self, remaining: int | None) -> Pass:
        """Made when there is something to extract: until then the network stays where it is."""
        extractor, device = self._extractor.to(self._device), self._device
        batch_size = self._batch_size or default_batch_size(extractor, device)
        if self._compile != NEVER and can_compile(extractor):
            extractor = self._compiler = CompilingExtractor(
                extractor,
                self._compile,
                device=device,
                batch_size=batch_size,
                remaining=remaining,
                folder=self._compiling,
            )
        elif self._compile not in (NEVER, AUTO):
            self._remarks = [no_network(extractor)]
        return Pass(
            worker=BatchWorker(extractor, device, self._previews, self._clock),
            concurrent=extractor.thread_safe and device.type == "cpu",
            places=_places(self._workers),
            batch_size=batch_size,
            on_error=self._on_error,
        )

    def touch(self) -> None:
        """Remember in the store that these features were used now."""
        if self.entry is not None:
            self.entry.touch()

    def times(self, wall: float, positions: int) -> StageTimes:
        """Where the time went, `wall` seconds in all, for the first `positions`."""
        return self._clock.times(wall=wall, images=max(0, positions - self.stored_positions))

    def fingerprint_of(self, positions: int) -> str | None:
        """Of the first `positions`: the store's key for the whole source, another for a part."""
        if self.fingerprint is None or (self.exhausted and positions == self.known):
            return self.fingerprint
        return hashlib.sha256(f"{self.fingerprint} first {positions}".encode()).hexdigest()


def available_cores() -> int:
    """Number of CPU cores that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return os.cpu_count() or 1


def _places(workers: int | None) -> Places:
    """As many as were asked for, else one a core, and more where the threads turn out to wait for data."""
    if workers is not None:
        return Places(workers, workers)
    cores = available_cores()
    return Places(cores, MOST_A_CORE * cores)


def check_options(*, on_error: str, batch_size: int | None, workers: int | None, compile: str = NEVER) -> None:
    """Check options of `extract`, for those who have much to do before it; raises `OptionError`."""
    if on_error not in ("raise", "skip"):
        raise OptionError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    check_compile(compile)
    for name, value in (("batch_size", batch_size), ("workers", workers)):
        if value is not None and value < 1:
            raise OptionError(f"{name.replace('_', ' ')} must be at least 1, not {value}")


def default_batch_size(extractor: FeatureExtractor, device: torch.device) -> int:
    """Images a batch that suit the device: small ones on the CPU, which keep the activations in its caches."""
    return extractor.cpu_batch_size if device.type == "cpu" else 64


def refuse_empty(rows: int, skipped: tuple[tuple[str, str], ...], source: ImageSource) -> None:
    """Raise `ImageSourceError` where no image of `source` gave features: all were skipped, or there are none."""
    if rows:
        return
    if skipped:
        raise ImageSourceError(
            f"none of the {counted(skipped, 'image')} of {source.name} can be decoded; "
            f"the first: {skipped[0][0]}: {skipped[0][1]}"
        )
    raise ImageSourceError(f"{source.name} has no images")


def is_stored(source: ImageSource, extractor: FeatureExtractor, store: FeatureStore) -> bool:
    """Whether the store has the features of the whole source."""
    _, entry = _store_entry(source.fingerprint(), source, extractor, store)
    return entry is not None and entry.complete_at() is not None


def _store_entry(
    content: str | None, source: ImageSource, extractor: FeatureExtractor, store: FeatureStore | None
) -> tuple[str | None, StoreEntry | None]:
    if content is None:
        return None, None
    fingerprint = feature_fingerprint(content, extractor.info, code_of(type(extractor)))
    entry = store.entry(fingerprint, source.name, extractor.info.name) if store is not None else None
    return fingerprint, entry


def _store_notice(entry: StoreEntry, failure: OSError) -> Notice:
    return Notice(
        "store-unavailable",
        f"features could not be stored in {entry.folder.parent.parent}: {failure.strerror or failure}",
        "The scores are not affected; the next run extracts again. Choose another place with --cache-dir.",
        severity="info",
    )
