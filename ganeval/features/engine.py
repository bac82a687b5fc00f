"""The extraction engine: images through a network, decoding overlapped with it, stored as it goes, resumable."""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass

import torch

from ganeval.errors import OptionError
from ganeval.features.chunks import FeatureChunk, features_from_chunks, first_positions, keep_chunk, merge_chunks
from ganeval.features.compiling.extractor import NEVER
from ganeval.features.extending import Extending, refuse_empty
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import Features
from ganeval.features.previews import PreviewChoice
from ganeval.features.store import FeatureStore
from ganeval.images.source import ImageInfo, ImageSource
from ganeval.notices import Notice
from ganeval.progress import Progress


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
    whole_images
        How each image of the set was stored, in no order, where that is known of other images than those in `features`.
    """

    features: Features
    notices: tuple[Notice, ...] = ()
    from_store: int = 0
    positions: int = 0
    whole_images: tuple[ImageInfo, ...] | None = None

    @property
    def images(self) -> tuple[ImageInfo, ...]:
        """How each image of the set was stored, as far as that is known."""
        return self.features.images if self.whole_images is None else self.whole_images


def extract(
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
    compile
        ``"never"``, ``"auto"`` or ``"always"``: whether the network is compiled, see `ganeval.features.compiling`.
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
        compile=compile,
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
        compile: str = NEVER,
        store: FeatureStore | None = None,
        on_error: str = "raise",
        progress: Progress | None = None,
        label: str | None = None,
        previews: PreviewChoice | None = None,
    ) -> None:
        began = time.perf_counter()
        self._source, self._extractor = source, extractor
        self._run = Extending(
            source,
            extractor,
            device=device,
            batch_size=batch_size,
            workers=workers,
            compile=compile,
            store=store,
            on_error=on_error,
            progress=progress,
            label=label,
            previews=previews,
        )
        self._chunks = list(self._run.stored())
        self._wall = time.perf_counter() - began

    @property
    def exhausted(self) -> bool:
        """Whether all of the source has been extracted."""
        return self._run.exhausted

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
            with contextlib.closing(self._run.further(limit, self._known)) as chunks:
                for chunk in chunks:
                    keep_chunk(self._chunks, chunk)
        self._run.touch()
        if limit is None or self._known <= limit:
            taken = self._chunks = [merge_chunks(self._chunks)] if self._chunks else []
        else:
            taken = self._first(limit)
        self._wall += time.perf_counter() - began
        return self._extraction(taken)

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
            fingerprint=self._run.fingerprint_of(positions),
            times=self._run.times(self._wall, positions),
        )
        refuse_empty(len(features), features.skipped, self._source)
        from_store = min(self._run.stored_rows, len(features))
        return Extraction(features, tuple(self._run.notices), from_store=from_store, positions=positions)
