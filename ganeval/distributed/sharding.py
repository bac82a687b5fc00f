"""Which images of a set each process reads: consecutive ones, every image in exactly one process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganeval.images.source import DecodedImage, ImageItem, ImageSource, Label, LatentSampler

Range = tuple[int, int]

# Where there are many images, parts begin at multiples of this: batches, and a generator's passes, are then the same
# as those of one process, and so is a network's rounding.
_ALIGNMENT = 64
_MANY = 16


def cuts(count: int, parts: int) -> list[int]:
    """Where `count` things are cut into consecutive parts, about as many in each: `parts` + 1 positions."""
    step = _ALIGNMENT if count >= _MANY * _ALIGNMENT * parts else 1
    return [*(count * part // parts // step * step for part in range(parts)), count]


def shares(missing: Sequence[Range], parts: int) -> list[list[Range]]:
    """`missing` ranges (start, stop) divided among processes, for each its own ranges, about as many images in each.

    Parameters
    ----------
    missing
        Disjoint, in order.
    parts
        Number of processes.
    """
    bounds = cuts(sum(stop - start for start, stop in missing), parts)
    divided: list[list[Range]] = []
    for low, high in itertools.pairwise(bounds):
        own = []
        passed = 0
        for start, stop in missing:
            first, last = max(start, start + low - passed), min(stop, start + high - passed)
            if first < last:
                own.append((first, last))
            passed += stop - start
        divided.append(own)
    return divided


class PartOfSource(ImageSource):
    """Consecutive images of another source.

    Parameters
    ----------
    source
        Repeatable, of a known length.
    start, stop
        Positions of the first image and behind the last.
    fingerprint
        Of the whole source, under which the features of its parts are stored.
    """

    def __init__(self, source: ImageSource, start: int, stop: int, fingerprint: str | None) -> None:
        self.name, self.kind = source.name, source.kind
        self.repeatable, self.exchangeable = source.repeatable, source.exchangeable
        self.random_access, self.in_clips = source.random_access, source.in_clips
        self._source, self._start, self._stop, self._fingerprint = source, start, stop, fingerprint

    def __iter__(self) -> Iterator[ImageItem]:
        return self._source.between(self._start, self._stop)

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        return self._source.between(self._start + start, min(self._start + stop, self._stop))

    def in_order(self, positions: Sequence[int]) -> Iterator[ImageItem]:
        return self._source.in_order([self._start + position for position in positions])

    def load_many(self, items: Any) -> Iterator[DecodedImage]:
        return self._source.load_many(items)

    @property
    def class_names(self) -> Mapping[Label, str]:
        return self._source.class_names

    @property
    def sampler(self) -> LatentSampler | None:
        return self._source.sampler

    @property
    def provenance(self) -> Mapping[str, Any]:
        return self._source.provenance

    @property
    def count(self) -> int:
        return self._stop - self._start

    def fingerprint(self) -> str | None:
        return self._fingerprint
