"""Statistics of a set of images, gathered while it is extracted: memory doesn't grow with the number of images."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ganeval.distributed.ranks import Ranks
from ganeval.distributed.running import ranks_together, refuse_standard_input
from ganeval.distributed.streaming import Streaming
from ganeval.errors import OptionError, StatisticsError
from ganeval.features.chunks import FeatureChunk
from ganeval.features.devices import resolve_device
from ganeval.features.extending import refuse_empty
from ganeval.features.extractor import ExtractorRequest, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.features.identity import code_of
from ganeval.features.precision import require_native
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.images.opening import open_source
from ganeval.images.source import ImageSource, SourceOptions
from ganeval.metrics.moments import Moments
from ganeval.notices import Notice
from ganeval.progress import Progress
from ganeval.statistics.merging import merged_moments
from ganeval.statistics.sampling import KeptSample
from ganeval.statistics.statistics import ImageKind, KeptRows, Statistics
from ganeval.version import __version__
from ganeval.wording import counted

#: Rows whose moments are taken at once: always so many, so that no digit depends on the batch size.
BLOCK_ROWS = 1024
#: Most kinds of images (format, mode, size, quality) that are counted: sets of ever new sizes must not fill the memory.
MOST_KINDS = 4096
ALL = "all"

K = TypeVar("K", str, ImageKind)


def compute_statistics(
    data: Any,
    *,
    features: int | str | None = None,
    extractor: str | FeatureExtractor | Any = "auto",
    weights: str | Path | None = None,
    preprocessing: str | None = None,
    precision: str | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    workers: int | None = None,
    compile: str = "never",
    seed: int = 2020,
    labels: str | None = None,
    clips: str | None = None,
    recursive: bool = True,
    value_range: tuple[float, float] | None = None,
    count: int | None = None,
    on_error: str = "raise",
    cache: bool = True,
    cache_dir: str | Path | None = None,
    trust: bool = False,
    progress: Progress | None = None,
) -> Statistics:
    """Moments of the features of all images of a set, and the features of some if so wished.

    Images go through the extractor chunk by chunk and are forgotten, so that memory is bounded whatever their number.
    The result is the same to the last bit for every batch size that gives the same features. Within `working_together`
    each process takes its part of the images, and all get the whole: the same up to float64's rounding, and the same
    images' features are kept (the first process alone gets them).

    Parameters
    ----------
    data
        Whatever `ganeval.open_source` takes.
    features
        Of how many images to keep the features (and logits, ids and labels), a uniform random part of the set chosen by
        `seed`; ``"all"`` of all; None or 0 of none. Kernel and neighbour metrics need them, and intervals for the real
        side's share of the error.

    The others are those of `ganeval.score`.

    Raises
    ------
    OptionError
        If `features` is neither a whole number of at least 0, None nor ``"all"``.
    StatisticsError
        If there are fewer than two images, which have no covariance.
    GanevalError
        As opening and extraction raise it; what was extracted is in the store.

    Examples
    --------
    >>> statistics = compute_statistics("digits", extractor="pixels", cache=False)
    >>> statistics.count, statistics.dimension, statistics.kept
    (1797, 3072, None)
    """
    sample = KeptSample(_sample_size(features), seed)
    options = SourceOptions(
        recursive=recursive,
        labels=labels,
        clips=clips,
        value_range=value_range,
        count=count,
        seed=seed,
        trust=trust,
        device=device,
    )
    ranks = ranks_together()
    refuse_standard_input(data, ranks)
    source = open_source(data, options)
    own_device = ranks.device(resolve_device(device))
    require_native(precision, own_device)
    request = ExtractorRequest(
        weights=None if weights is None else Path(weights),
        preprocessing=preprocessing,
        precision=precision,
        progress=progress,
        trust=trust,
    )
    # Whatever has to be fetched is fetched once.
    with ranks.first_before_others():
        network, notices = resolve_extractor(extractor, request)
    run = Streaming(
        source,
        network,
        ranks,
        device=own_device,
        batch_size=batch_size,
        workers=workers,
        compile=compile,
        store=FeatureStore(None if cache_dir is None else Path(cache_dir)) if cache else None,
        on_error=on_error,
        progress=progress,
    )
    gathering = _Gathering(sample)
    for chunk in run.chunks():
        gathering.add(chunk)
    gathering.merge(run.ranks)
    return gathering.statistics(source, network, run, (*notices, *run.notices()))


def _sample_size(features: int | str | None) -> int | None:
    """What `KeptSample` takes."""
    if features == ALL:
        return None
    if features is None:
        return 0
    if isinstance(features, bool) or not isinstance(features, int) or features < 0:
        raise OptionError(
            f"features is {features!r}", hint="Give the number of images whose features to keep, or 'all' or None."
        )
    return features


class BlockMoments:
    """Moments of rows that come in pieces of any size, taken in blocks of one size."""

    def __init__(self) -> None:
        self._moments: Moments | None = None
        self._waiting: list[npt.NDArray[np.float32]] = []
        self._rows = 0

    def add(self, rows: npt.NDArray[np.float32]) -> None:
        """Take further rows [n, D]; raises `MetricError` if they aren't finite."""
        if not len(rows):
            return
        # A copy: a view would keep the whole of a chunk in memory.
        self._waiting.append(np.array(rows))
        self._rows += len(rows)
        if self._rows >= BLOCK_ROWS:
            self._take(np.concatenate(self._waiting))

    def _take(self, rows: npt.NDArray[np.float32]) -> None:
        whole = len(rows) - len(rows) % BLOCK_ROWS
        for start in range(0, whole, BLOCK_ROWS):
            self._merge(rows[start : start + BLOCK_ROWS])
        rest = rows[whole:].copy()
        self._waiting, self._rows = [rest] if len(rest) else [], len(rest)

    def _merge(self, rows: npt.NDArray[np.float32]) -> None:
        block = Moments.of(rows)
        self._moments = block if self._moments is None else self._moments.merged(block)

    def result(self) -> Moments | None:
        """Those of all rows; None if there were none."""
        if self._waiting:
            self._merge(np.concatenate(self._waiting))
            self._waiting, self._rows = [], 0
        return self._moments


class _Gathering:
    """Everything that is counted while chunks pass by."""

    def __init__(self, sample: KeptSample) -> None:
        self._sample = sample
        self._moments = BlockMoments()
        self._labels: Counter[str] = Counter()
        self._kinds: Counter[ImageKind] = Counter()
        self._skipped = 0
        #: Position of its chunk, id and reason.
        self._first_skipped: tuple[int, str, str] | None = None
        self._total: Moments | None = None

    def add(self, chunk: FeatureChunk) -> None:
        self._moments.add(chunk.pooled)
        self._sample.add(chunk)
        self._labels.update(str(label) for label in chunk.labels if label is not None)
        if len(self._kinds) <= MOST_KINDS:
            self._kinds.update((i.format, i.mode, i.width, i.height, i.jpeg_quality) for i in chunk.images)
        self._skipped += len(chunk.skipped)
        if chunk.skipped and self._first_skipped is None:
            self._first_skipped = (chunk.start, *chunk.skipped[0])

    def merge(self, ranks: Ranks) -> None:
        """After the last chunk: put together what the processes have, all of which call this."""
        self._total = merged_moments(self._moments.result(), ranks)
        self._sample.merge(ranks)
        own = [self._skipped, self._first_skipped, dict(self._labels), [[*kind, n] for kind, n in self._kinds.items()]]
        everyone = ranks.gathered(own)
        self._skipped = sum(skipped for skipped, *_ in everyone)
        self._first_skipped = min((tuple(first) for _, first, *_ in everyone if first), default=None)
        self._labels = sum((Counter(labels) for _, _, labels, _ in everyone), Counter())
        self._kinds = Counter()
        for *_, kinds in everyone:
            self._kinds.update({tuple(kind): number for *kind, number in kinds})

    def statistics(
        self, source: ImageSource, network: FeatureExtractor, run: Streaming, notices: tuple[Notice, ...]
    ) -> Statistics:
        moments = self._total
        skipped = () if self._first_skipped is None else (self._first_skipped[1:],) * self._skipped
        refuse_empty(0 if moments is None else moments.count, skipped, source)
        assert moments is not None
        if moments.count < 2:
            raise StatisticsError(
                f"{source.name} has a single image, and a covariance takes at least two", hint="Add images."
            )
        kept = _kept(self._sample.rows())
        return Statistics(
            moments=moments,
            count=moments.count,
            extractor=_as_it_turned_out(network.info, moments, kept),
            code=code_of(type(network)),
            kept=kept,
            source=source.name,
            kind=source.kind,
            content=run.content,
            fingerprint=run.fingerprint,
            skipped=self._skipped,
            labels=_most_first(self._labels),
            kinds=_most_first(self._kinds) if len(self._kinds) <= MOST_KINDS else None,
            version=__version__,
            notices=(*notices, *self._skipped_notice()),
        )

    def _skipped_notice(self) -> tuple[Notice, ...]:
        if self._first_skipped is None:
            return ()
        _, first, reason = self._first_skipped
        return (
            Notice(
                "images-skipped",
                f"{counted(self._skipped, 'corrupt image was', 'corrupt images were')} left out, the first: "
                f"{first}: {reason}",
                "The statistics are those of the remaining images.",
            ),
        )


def _most_first(counts: Counter[K]) -> dict[K, int]:
    # Of equally many, in the order of their names: it must not depend on who counted what.
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _kept(rows: FeatureChunk | None) -> KeptRows | None:
    if rows is None:
        return None
    labelled = any(label is not None for label in rows.labels)
    return KeptRows(rows.pooled, rows.logits, rows.ids, rows.labels if labelled else None, rows.images)


def _as_it_turned_out(info: ExtractorInfo, moments: Moments, kept: KeptRows | None) -> ExtractorInfo:
    """With the number of features, which of a user's own network shows only in the run."""
    classes = info.class_count
    if classes is None and kept is not None and kept.logits is not None:
        classes = kept.logits.shape[1]
    return ExtractorInfo(**{**vars(info), "feature_dim": moments.dimension, "class_count": classes})


__all__ = ["ALL", "BLOCK_ROWS", "BlockMoments", "compute_statistics"]
