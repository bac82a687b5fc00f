"""Statistics in the place of a set of images: what a run on the images would have extracted, as far as it was kept."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ganeval.errors import ImageSourceError, StatisticsError
from ganeval.features.engine import Extraction
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import ExtractorInfo, Features
from ganeval.features.identity import code_of
from ganeval.images.npz import BROKEN_NPZ, ArrayHeader, read_npz_headers
from ganeval.images.source import ImageInfo, ImageItem, ImageSource
from ganeval.images.urls import is_url
from ganeval.metrics.naming import INCEPTION
from ganeval.notices import Notice
from ganeval.statistics.reading import SUFFIXES, TORCH_SUFFIXES, read_statistics
from ganeval.statistics.statistics import Statistics
from ganeval.wording import counted

#: Before a path: its statistics are meant, though it may hold images too, as ADM's reference batches do.
PREFIX = "statistics:"
_ARRAYS = frozenset({"mu", "sigma", "feats"})
_INCEPTION_DIMENSION = 2048
#: What of an extractor makes features of another kind, in words.
_IDENTITY = {
    "name": "the extractor {}",
    "preprocessing": "the preprocessing {}",
    "weights_sha256": "the weights {}",
    "precision": "the precision {}",
}
#: Most images whose kinds are spelt out one by one, to be checked against the other side's.
_CHECKED = 1_000_000


class StatisticsSource(ImageSource):
    """A set of images of which only statistics are there: it can't be iterated over.

    Parameters
    ----------
    statistics
        What is known of the images.
    """

    kind = "statistics"
    repeatable = False

    def __init__(self, statistics: Statistics) -> None:
        self.statistics = statistics
        self.name = statistics.path or statistics.source or "statistics"

    @property
    def count(self) -> int | None:
        """Of how many images the moments are; None where the file doesn't say."""
        return self.statistics.count

    @property
    def rows(self) -> int:
        """Of how many images there are features."""
        return self.statistics.kept_count

    @property
    def provenance(self) -> dict[str, Any]:
        """What the file says of itself."""
        known = self.statistics
        return {
            "statistics": {
                "file": None if known.path is None else _absolute(known.path),
                "form": known.form,
                "source": known.source,
                "kind": known.kind,
                "content": known.content,
                "features": known.kept_count,
                "ganeval": known.version,
            }
        }

    def __iter__(self) -> Iterator[ImageItem]:
        raise ImageSourceError(
            f"{self.name} holds statistics of images, not the images", hint="Give the images themselves."
        )

    def fingerprint(self) -> str | None:
        """Of the images' content, where the file says."""
        return self.statistics.content

    def counts(self, field: int) -> dict[str, int]:
        """How many images have each value of a field of `ganeval.statistics.statistics.ImageKind`, by its number."""
        found: Counter[str] = Counter()
        for kind, number in (self.statistics.kinds or {}).items():
            found[str(kind[field])] += number
        return dict(found.most_common())

    def sizes(self) -> dict[str, int]:
        """How many images have each size, as ``"WxH"``."""
        found: Counter[str] = Counter()
        for (_, _, width, height, _), number in (self.statistics.kinds or {}).items():
            found[f"{width}x{height}"] += number
        return dict(found.most_common())

    def extraction(self, extractor: FeatureExtractor) -> Extraction:
        """What extracting the images would have given, as far as it was kept.

        Raises
        ------
        StatisticsError
            If `extractor` isn't the one that made the statistics, naming both.
        """
        require_extractor(self.statistics, extractor)
        known, kept = self.statistics, self.statistics.kept
        features = Features(
            pooled=np.zeros((0, known.dimension), np.float32) if kept is None else kept.pooled,
            logits=None if kept is None else kept.logits,
            ids=() if kept is None else kept.ids,
            labels=None if kept is None else kept.labels,
            images=() if kept is None else kept.images,
            extractor=known.extractor or extractor.info,
            fingerprint=known.fingerprint,
            moments=None if known.whole else known.moments,
            moments_count=known.count,
        )
        notices = (*known.notices, *_limits(known))
        images = None if known.whole else _spelt_out(known)
        return Extraction(features, notices, positions=known.count or 0, whole_images=images)


def _absolute(path: str) -> str:
    return path if is_url(path) else str(Path(path).absolute())


def statistics_of(spec: Any) -> StatisticsSource | None:
    """The statistics that a user named or handed over as a set of images; None if it is something else.

    An npz that holds images (``arr_0``) beside ``mu`` and ``sigma`` is taken for images, unless `PREFIX` is before its
    path; raises `StatisticsError` as `read_statistics` does.
    """
    if isinstance(spec, StatisticsSource):
        return spec
    if isinstance(spec, Statistics):
        return StatisticsSource(spec)
    if not isinstance(spec, (str, os.PathLike)):
        return None
    text = str(os.fspath(spec))
    path = text.removeprefix(PREFIX)
    if text != path or _holds_statistics(path):
        return StatisticsSource(read_statistics(path))
    return None


def _holds_statistics(path: str) -> bool:
    """Whether a file, on disk or behind a URL, is one of statistics; False where it can't be told."""
    remote = is_url(path)
    suffix = PurePosixPath(path.partition("?")[0] if remote else path).suffix.lower()
    if suffix not in SUFFIXES:
        return False
    if not remote and not Path(path).expanduser().is_file():
        return False
    if suffix in TORCH_SUFFIXES:
        return True
    try:
        names = set(_headers_behind(path) if remote else read_npz_headers(Path(path).expanduser()))
    except BROKEN_NPZ:
        # Not an npz that can be read: whoever opens images says so.
        return False
    return bool(names & _ARRAYS) and "arr_0" not in names


def _headers_behind(url: str) -> Mapping[str, ArrayHeader]:
    """Of an npz, by range: one of images is fetched by those who read them."""
    from ganeval.images.remote.files import Web

    with Web().file(url).open() as stream:
        return read_npz_headers(stream)


def require_extractor(statistics: Statistics, extractor: FeatureExtractor) -> None:
    """Raise `StatisticsError` unless `extractor` is the one that made `statistics`; see `_unlike` for what counts."""
    known, used, where = statistics.extractor, extractor.info, statistics.path or "the statistics"
    if known is None:
        if used.name != INCEPTION:
            raise StatisticsError(
                f"{where} doesn't say which network made it, so that {INCEPTION} is assumed, and the extractor of this "
                f"run is {used.name}",
                hint=f"Use --extractor {INCEPTION}, or make statistics with `ganeval stats`, which name theirs.",
            )
        if statistics.dimension != _INCEPTION_DIMENSION:
            raise StatisticsError(
                f"{where} has {counted(statistics.dimension, 'dimension')}, and {INCEPTION}'s features have "
                f"{_INCEPTION_DIMENSION:,}"
            )
        return
    unlike = _unlike(known, used)
    if unlike:
        of_file = ", ".join(_word(known, field) for field in unlike)
        of_run = ", ".join(_word(used, field) for field in unlike)
        raise StatisticsError(
            f"{where} was made with {of_file}, and this run uses {of_run}",
            hint=f"Use {_options(known, unlike)}, or make the statistics again.",
        )
    if statistics.code != code_of(type(extractor)):
        raise StatisticsError(
            f"the code of the extractor {known.name} isn't what it was when {where} was made",
            hint="Make the statistics again: ganeval stats DATA --out FILE.npz",
        )


def _unlike(known: ExtractorInfo, used: ExtractorInfo) -> list[str]:
    return [field for field in _IDENTITY if getattr(known, field) != getattr(used, field)]


def _options(known: ExtractorInfo, unlike: list[str]) -> str:
    """What to type for a run on the network of a file."""
    precision = f" --precision {known.precision}" if "precision" in unlike else ""
    weights = " with the same weights" if "weights_sha256" in unlike and "name" not in unlike else ""
    return f"--extractor {known.name} --preprocessing {known.preprocessing}{precision}{weights}"


def _word(info: ExtractorInfo, field: str) -> str:
    value = getattr(info, field)
    shown = "none" if value is None else str(value)
    return _IDENTITY[field].format(shown[:12] if field == "weights_sha256" else shown)


def _limits(statistics: Statistics) -> list[Notice]:
    """What can't be computed from statistics as it could from images."""
    if statistics.whole:
        return []
    where = statistics.path or "the real side"
    of = "an unknown number of images" if statistics.count is None else counted(statistics.count, "image")
    found = [
        Notice(
            "real-side-fixed",
            f"{where} holds moments of {of}: the Fréchet distance is to these moments as they are",
            "Its correction and interval are those of the generated side alone: that other real images would have given"
            " other moments isn't in them.",
            severity="info",
        )
    ]
    if statistics.kept is not None:
        found.append(
            Notice(
                "real-features-in-part",
                f"{where} holds the features of {counted(statistics.kept_count, 'image')} of {of}",
                "Metrics of single images and kernels rest on these alone.",
                severity="info",
            )
        )
    return found


def _spelt_out(statistics: Statistics) -> tuple[ImageInfo, ...] | None:
    """An entry an image, in no order and without digests; None where they aren't known, or are too many."""
    if statistics.kinds is None or statistics.count is None or statistics.count > _CHECKED:
        return None
    return tuple(
        itertools.chain.from_iterable(
            itertools.repeat(ImageInfo(*kind), number) for kind, number in statistics.kinds.items()
        )
    )


__all__ = ["PREFIX", "StatisticsSource", "require_extractor", "statistics_of"]
