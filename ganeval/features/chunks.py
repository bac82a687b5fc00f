"""Runs of consecutive images with their features: what the engine produces, the store keeps, and `Features` joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ganeval.features.features import ExtractorInfo, Features, Preview, StageTimes
from ganeval.images.source import ImageInfo, Label


@dataclass(frozen=True)
class FeatureChunk:
    """Features of the source's items ``start`` to ``start + positions`` (exclusive), less the skipped ones.

    Parameters
    ----------
    start, positions
        Place in the source; `positions` counts skipped items too.
    pooled, logits, spatial
        As in `Features`, one row for each item that was not skipped.
    ids, labels, images
        One entry for each item that was not skipped.
    skipped
        Pairs of id and reason.
    previews
        Those previews of the set that fall into this chunk.
    """

    start: int
    positions: int
    pooled: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32] | None = None
    spatial: npt.NDArray[np.float32] | None = None
    ids: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    images: tuple[ImageInfo, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    previews: tuple[Preview, ...] = field(default=())

    @property
    def stop(self) -> int:
        """Position behind the last item."""
        return self.start + self.positions


def _join(arrays: Sequence[npt.NDArray[np.float32] | None]) -> npt.NDArray[np.float32] | None:
    present = [array for array in arrays if array is not None]
    return present[0] if len(present) == 1 else np.concatenate(present) if present else None


def merge_chunks(chunks: Sequence[FeatureChunk]) -> FeatureChunk:
    """One chunk out of consecutive ones, in order."""
    filled = [chunk for chunk in chunks if len(chunk.pooled)] or list(chunks[:1])
    pooled = _join([chunk.pooled for chunk in filled])
    return FeatureChunk(
        start=chunks[0].start if chunks else 0,
        positions=sum(chunk.positions for chunk in chunks),
        pooled=pooled if pooled is not None else np.zeros((0, 0), np.float32),
        logits=_join([chunk.logits for chunk in filled]),
        spatial=_join([chunk.spatial for chunk in filled]),
        ids=tuple(i for chunk in chunks for i in chunk.ids),
        labels=tuple(label for chunk in chunks for label in chunk.labels),
        images=tuple(info for chunk in chunks for info in chunk.images),
        skipped=tuple(pair for chunk in chunks for pair in chunk.skipped),
        previews=tuple(preview for chunk in chunks for preview in chunk.previews),
    )


def keep_chunk(kept: list[FeatureChunk], chunk: FeatureChunk) -> None:
    """Append `chunk` to consecutive ones, which are merged as they grow: of n only about log2(n) are left.

    Thousands of small arrays kept between the activations that come and go would leave the allocator with holes in
    which no activation fits: the process then grows by several times what it keeps. Each that stays is at least twice
    the next one: only being larger would allow as many as the square root of 2 n. Whoever interrupts this finds each
    chunk once in `kept`, or not at all.
    """
    first = len(kept)
    joined = chunk.positions
    while first and kept[first - 1].positions < 2 * joined:
        first -= 1
        joined += kept[first].positions
    kept[first:] = [merge_chunks([*kept[first:], chunk])] if first < len(kept) else [chunk]


def first_positions(chunk: FeatureChunk, positions: int, skipped: int = 0) -> FeatureChunk:
    """The part of `chunk` with its first `positions` items, of which `skipped` were skipped; arrays are views."""
    rows = positions - skipped
    ids = frozenset(chunk.ids[:rows])
    return FeatureChunk(
        start=chunk.start,
        positions=positions,
        pooled=chunk.pooled[:rows],
        logits=None if chunk.logits is None else chunk.logits[:rows],
        spatial=None if chunk.spatial is None else chunk.spatial[:rows],
        ids=chunk.ids[:rows],
        labels=chunk.labels[:rows],
        images=chunk.images[:rows],
        skipped=chunk.skipped[:skipped],
        previews=tuple(preview for preview in chunk.previews if preview.id in ids),
    )


def rows_of_chunk(chunk: FeatureChunk, rows: Sequence[int]) -> FeatureChunk:
    """Copies of the chosen rows, without what isn't kept by row (skipped images, previews) and spatial features."""
    chosen = list(rows)
    return FeatureChunk(
        start=chunk.start,
        positions=len(chosen),
        pooled=chunk.pooled[chosen],
        logits=None if chunk.logits is None else chunk.logits[chosen],
        ids=tuple(chunk.ids[row] for row in chosen),
        labels=tuple(chunk.labels[row] for row in chosen),
        images=tuple(chunk.images[row] for row in chosen),
    )


def features_from_chunks(
    chunks: Sequence[FeatureChunk], *, extractor: ExtractorInfo, fingerprint: str | None, times: StageTimes
) -> Features:
    """`Features` of a whole source from all its chunks, in order."""
    whole = merge_chunks(chunks)
    labelled = any(label is not None for label in whole.labels)
    return Features(
        pooled=whole.pooled,
        logits=whole.logits,
        spatial=whole.spatial,
        ids=whole.ids,
        labels=whole.labels if labelled else None,
        images=whole.images,
        extractor=extractor,
        fingerprint=fingerprint,
        skipped=whole.skipped,
        previews=whole.previews,
        times=times,
    )
