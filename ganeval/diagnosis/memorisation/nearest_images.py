"""Finds the training images that are nearest to samples, exactly, among a million features, each pair of sets once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganeval.diagnosis.remembering import Remembered
from ganeval.features.features import Features
from ganeval.metrics.arrays import as_pair
from ganeval.metrics.nearest_across import nearest_across
from ganeval.progress import Progress

#: Training images around a sample that are looked at: as many as Carlini et al. 2023, section 4.2, take for the scale.
LOCAL = 50
#: Pairs of sets whose neighbours are remembered: samples and held-out images against training images, samples against
#: held-out images, and one more.
_PAIRS = 4
_BLOCK_BYTES = 64 * 2**20


class NearestImages(NamedTuple):
    """Distances float64 [Q, count], ascending, and rows int64 [Q, count] of the nearest training images."""

    distances: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]


def nearest_images(
    queries: npt.NDArray[np.floating[Any]],
    training: npt.NDArray[np.floating[Any]],
    *,
    count: int = 1,
    own_rows: npt.NDArray[np.int64] | None = None,
    block_bytes: int = _BLOCK_BYTES,
    progress: Progress | None = None,
) -> NearestImages:
    """The exactly nearest training images of each query, by Euclidean distance.

    Blocks of float32 products on all of torch's threads, beside which only `count` candidates a query are held.

    Parameters
    ----------
    queries, training
        [Q, D] and [N, D]; `training` may be memory-mapped: it is read three times, in order.
    count
        At least 1; fewer are given where there are fewer training images.
    own_rows
        int64 [Q]: the row of `training` that each query is itself and that isn't counted; negative for none.
    block_bytes
        Bound on temporary arrays.
    progress
        Told how far the search is.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, they have different numbers of columns, or distances overflow.
    NotEnoughImagesError
        If there is no query, or nothing to be near to.
    """
    import torch

    second, first = as_pair(training, queries)
    own = None if own_rows is None else torch.from_numpy(np.asarray(own_rows, dtype=np.int64))
    found = nearest_across(
        first, second, count=count, own_rows=own, block_bytes=min(block_bytes, _BLOCK_BYTES), progress=progress
    )
    return NearestImages(found.squared.sqrt().numpy(), found.rows.numpy())


def nearest_within(
    training: npt.NDArray[np.floating[Any]],
    rows: npt.NDArray[np.int64],
    *,
    count: int = 1,
    block_bytes: int = _BLOCK_BYTES,
) -> NearestImages:
    """The nearest other training images of some of the training images, those in `rows` int64 [Q].

    Raises
    ------
    MetricError, NotEnoughImagesError
        As `nearest_images`.
    """
    return nearest_images(training[rows], training, count=count, own_rows=rows, block_bytes=block_bytes)


_remembered: Remembered[NearestImages] = Remembered(_PAIRS)


def nearest_training_images(
    queries: Features, training: Features, *, block_bytes: int = _BLOCK_BYTES, progress: Progress | None = None
) -> NearestImages:
    """The `LOCAL` nearest training images of a set's images; of the same two sets they are looked for once.

    They are remembered as long as both sets live, for the last few pairs of sets.

    Raises
    ------
    MetricError, NotEnoughImagesError
        As `nearest_images`.
    """
    known = _remembered.find(queries, training)
    if known is not None:
        return known
    found = nearest_images(queries.pooled, training.pooled, count=LOCAL, block_bytes=block_bytes, progress=progress)
    return _remembered.keep(found, queries, training)
