"""Sets of images in a random order, so that their first part is a fair sample of the whole, and such first parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ganeval.images.digest import set_fingerprint
from ganeval.images.source import ImageItem, ImageSource, LatentSampler


def in_random_order(source: ImageSource, seed: int) -> ImageSource:
    """`source` in an order of which any first part is a fair sample, where that can be had.

    Samples of a generator are so as they come. Other sets, which folders sort by class or by name, are shuffled with
    `seed`. What can be read only one after the other (iterables, DataLoaders, compressed tars), or has no known length,
    is given back as it is: see `is_shuffled`.
    """
    if source.exchangeable or not (source.repeatable and source.random_access) or source.count is None:
        return source
    return ShuffledSource(source, seed)


def is_shuffled(source: ImageSource) -> bool:
    """Whether the order of `source` is known to be random."""
    return source.exchangeable


class ShuffledSource(ImageSource):
    """Another source's images in a random order that depends on the seed and the number of images alone.

    Only the items are held, never images. Its fingerprint is its own, so that the features of a growing first part are
    stored and found again.

    Parameters
    ----------
    source
        Repeatable, with random access and a known length.
    seed
        Of the order.
    """

    exchangeable = True

    def __init__(self, source: ImageSource, seed: int) -> None:
        self.name, self.kind = source.name, source.kind
        self._source, self._seed = source, seed

    def __iter__(self) -> Iterator[ImageItem]:
        return self.between(0, self.count)

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        # RandomState's stream is frozen: the same order with every version of NumPy.
        order = np.random.RandomState(self._seed).permutation(self.count)
        return self._source.in_order(order[start:stop].tolist())

    @property
    def count(self) -> int:
        count = self._source.count
        assert count is not None
        return count

    @property
    def sampler(self) -> LatentSampler | None:
        return self._source.sampler

    def fingerprint(self) -> str | None:
        inner = self._source.fingerprint()
        return None if inner is None else set_fingerprint("shuffled", (inner, f"seed {self._seed}"))


class FirstImages(ImageSource):
    """The first images of another source.

    Parameters
    ----------
    source
        Any.
    count
        How many; no more than it has.
    """

    def __init__(self, source: ImageSource, count: int) -> None:
        self.name, self.kind = source.name, source.kind
        self.repeatable, self.exchangeable = source.repeatable, source.exchangeable
        self.random_access, self.in_clips = source.random_access, source.in_clips
        self._source, self._count = source, count

    def __iter__(self) -> Iterator[ImageItem]:
        return self.between(0, self._count)

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        return self._source.between(start, min(stop, self._count))

    @property
    def count(self) -> int:
        return self._count

    @property
    def sampler(self) -> LatentSampler | None:
        return self._source.sampler

    def fingerprint(self) -> str | None:
        inner = self._source.fingerprint()
        return None if inner is None else set_fingerprint("first", (inner, str(self._count)))
