"""How close samples lie to their nearest training image, relative to how dense training images are around them."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.memorisation.nearest_images import (
    LOCAL,
    NearestImages,
    nearest_images,
    nearest_training_images,
)
from ganeval.diagnosis.memorisation.thumbnails import crops, mirror, whole
from ganeval.errors import MetricError
from ganeval.features.features import Features

Vectors = npt.NDArray[np.floating[Any]]
#: Training images that are cropped at once, and pairs of a sample and an image that are compared at once.
_BLOCK = 2000
_PAIRS = 2000
#: No set varies in more directions than this, in which 50 neighbours at one distance are one.
_MOST_DIMENSIONS = 1000.0
#: Logarithm of the relative volume below which an image is an exact copy.
_COPY = -700.0
#: Images of similar dimension of which the median is taken, and parts at most; and the quantile that gives the spread.
_IN_A_PART, _PARTS, _LOW = 150, 20, 0.2
_LEAST_SPREAD = 1e-3
#: Neighbours in the thumbnails that are compared as crops too, beside those in the features.
_NEAREST_PICTURES = 10


class Closeness(NamedTuple):
    """Of each sample.

    Parameters
    ----------
    ratio
        float64 [Q], 0..1: distance to the nearest training image over that to the 50th. 0 for exact copies.
    dimension
        float64 [Q], above 0: in how many directions training images vary around the sample.
    nearest
        int64 [Q]: row of that training image.
    near
        int64 [Q, count]: rows of the training images around the sample.
    """

    ratio: npt.NDArray[np.float64]
    dimension: npt.NDArray[np.float64]
    nearest: npt.NDArray[np.int64]
    near: npt.NDArray[np.int64]


def distinct_rows(vectors: Vectors) -> npt.NDArray[np.int64]:
    """Rows of the first of all equal vectors, ascending."""
    seen: dict[bytes, int] = {}
    for row, vector in enumerate(np.ascontiguousarray(vectors)):
        # Adding 0 makes one of the two zeros.
        seen.setdefault(hashlib.blake2b((vector + 0).tobytes(), digest_size=16).digest(), row)
    return np.fromiter(seen.values(), dtype=np.int64, count=len(seen))


def feature_closeness(queries: Vectors, training: Vectors, *, block_bytes: int = 64 * 2**20) -> Closeness:
    """Distance to the nearest training image over that to the 50th nearest (after Carlini et al. 2023, section 4.2).

    Copies within the training set count once: else an image that it holds fifty times would hide its own copies.

    Parameters
    ----------
    queries, training
        [Q, D] and [N, D].
    block_bytes
        Bound on temporary arrays.

    Raises
    ------
    MetricError
        If fewer than three training images are different, or an argument isn't a finite matrix.
    """
    rows = distinct_rows(training)
    _require_different(rows)
    distinct = training if len(rows) == len(training) else training[rows]
    return _closeness(nearest_images(queries, distinct, count=LOCAL, block_bytes=block_bytes), rows)


def closeness_of_sets(queries: Features, training: Features, *, block_bytes: int = 64 * 2**20) -> Closeness:
    """`feature_closeness` of two sets' features; raises as that.

    Where no training image is there twice, the neighbours are those that other diagnostics look for too, once for all.
    """
    rows = distinct_rows(training.pooled)
    if len(rows) < max(3, len(training)):
        return feature_closeness(queries.pooled, training.pooled, block_bytes=block_bytes)
    return _closeness(nearest_training_images(queries, training, block_bytes=block_bytes), rows)


def _closeness(found: NearestImages, rows: npt.NDArray[np.int64]) -> Closeness:
    near = rows[found.rows]
    ratio = _ratio(found.distances[:, 0], found.distances[:, -1])
    return Closeness(ratio, local_dimension(found.distances), near[:, 0], near)


def local_dimension(distances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """In how many directions images vary around each query: maximum likelihood (Levina & Bickel 2005, equation 8).

    Parameters
    ----------
    distances
        [Q, k], ascending, k ≥ 3: to the nearest k. The first isn't used, so that a copy has no influence.

    Returns
    -------
    float64 [Q], above 0.
    """
    tiny = np.finfo(np.float64).tiny
    logs = np.log(np.maximum(distances[:, -1:], tiny) / np.maximum(distances[:, 1:-1], tiny)).sum(axis=1)
    # What their sum is on average in one dimension; with the first distance it would be k - 1.
    number = np.arange(2, distances.shape[1])
    expected = float(((number - 1) / number).sum())
    return np.asarray(expected / np.maximum(logs, expected / _MOST_DIMENSIONS))


def log_volume(closeness: Closeness) -> npt.NDArray[np.float64]:
    """Logarithm of the volume within the nearest distance over that within the 50th, float64 [Q], -inf..0.

    Around a point, images that are scattered at random in D dimensions have their nearest at a share of that volume
    whose distribution doesn't depend on D or on how dense they are: (d₁/dₖ)^D.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(closeness.dimension * np.log(closeness.ratio))


def remarkably_close(generated: Closeness, fresh: Closeness) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How close images lie to their nearest training image for surroundings such as theirs; the smaller, the closer.

    Relative distances are small where images vary in few directions, and all samples of simple classes would seem
    copied. Relative volumes hardly depend on that; what still does, as real images aren't scattered at random, is taken
    away by the median and the spread of images with as many directions. As these come from samples and fresh images
    together, the values are as exchangeable as the images are.

    Parameters
    ----------
    generated, fresh
        Of M and H images.

    Returns
    -------
    float64 [M] and [H], finite.
    """
    volumes = np.maximum(np.concatenate([log_volume(generated), log_volume(fresh)]), _COPY)
    directions = np.log(np.concatenate([generated.dimension, fresh.dimension]))
    order = np.argsort(directions, kind="stable")
    parts = np.array_split(order, max(1, min(_PARTS, len(order) // _IN_A_PART)))
    at = np.array([np.median(directions[part]) for part in parts])
    middle = np.array([np.median(volumes[part]) for part in parts])
    low = np.array([np.quantile(volumes[part], _LOW) for part in parts])
    spread = np.maximum(middle - low, _LEAST_SPREAD)
    # Where directions are the same in several parts, one of them is as good as another.
    values = (volumes - np.interp(directions, at, middle)) / np.interp(directions, at, spread)
    return values[: len(generated.ratio)], values[len(generated.ratio) :]


def pixel_closeness(
    queries: npt.NDArray[np.float32],
    training: npt.NDArray[np.float32],
    candidates: npt.NDArray[np.int64],
    *,
    block_bytes: int = 64 * 2**20,
) -> Closeness:
    """As `feature_closeness` between small grey pictures, also mirrored, and as crops of the likeliest training images.

    Parameters
    ----------
    queries, training
        Thumbnails' grey values, float32 [Q, BASE·BASE] and [N, BASE·BASE].
    candidates
        int64 [Q, C]: training images that are tried as sources of each query by cropping them, such as its neighbours
        in feature space; its nearest pictures are tried too.
    block_bytes
        Bound on temporary arrays.

    Raises
    ------
    MetricError
        If fewer than three training images look different.
    """
    compared = whole(training)
    rows = distinct_rows(compared)
    _require_different(rows)
    best = []
    for side in (queries, mirror(queries)):
        small = whole(side)
        found = nearest_images(small, compared[rows], count=LOCAL, block_bytes=block_bytes)
        near = rows[found.rows]
        tried = np.concatenate([near[:, :_NEAREST_PICTURES], candidates], axis=1)
        cropped, source = _nearest_crop(small, training, tried)
        closer = cropped < found.distances[:, 0]
        distance = np.where(closer, cropped, found.distances[:, 0])
        nearest = np.where(closer, source, near[:, 0])
        ratio = _ratio(distance, found.distances[:, -1])
        best.append(Closeness(ratio, local_dimension(found.distances), nearest, near))
    mirrored = log_volume(best[1]) < log_volume(best[0])
    return Closeness(
        np.where(mirrored, best[1].ratio, best[0].ratio),
        np.where(mirrored, best[1].dimension, best[0].dimension),
        np.where(mirrored, best[1].nearest, best[0].nearest),
        np.where(mirrored[:, None], best[1].near, best[0].near),
    )


def _nearest_crop(
    small: npt.NDArray[np.float32], training: npt.NDArray[np.float32], tried: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Distance [Q] of each query to the nearest crop of the images that it is `tried` against, and that image's row."""
    queries = torch.from_numpy(small)
    own = queries.square().sum(dim=1)
    # Pairs of a query and an image in the order of the images, so that each image is cropped once.
    order = np.argsort(tried, axis=None, kind="stable")
    sources = tried.ravel()[order]
    wanted, begins = np.unique(sources, return_index=True)
    begins = np.append(begins, len(sources))
    squared = np.empty(tried.size, dtype=np.float32)
    for first in range(0, len(wanted), _BLOCK):
        block = wanted[first : first + _BLOCK]
        made = torch.from_numpy(np.stack(list(crops(training[block])), axis=1))
        norms = made.square().sum(dim=2)
        stop = begins[first + len(block)]
        for start in range(begins[first], stop, _PAIRS):
            pairs = slice(start, min(start + _PAIRS, stop))
            asked = torch.from_numpy(order[pairs] // tried.shape[1])
            places = torch.from_numpy(np.searchsorted(block, sources[pairs]))
            inner = torch.bmm(made[places], queries[asked][:, :, None])[:, :, 0]
            squared[order[pairs]] = ((norms[places] - 2 * inner).amin(dim=1) + own[asked]).numpy()
    of_query = squared.reshape(tried.shape)
    nearest = of_query.argmin(axis=1)[:, None]
    distances = np.sqrt(np.maximum(np.take_along_axis(of_query, nearest, axis=1)[:, 0], 0)).astype(np.float64)
    return distances, np.take_along_axis(tried, nearest, axis=1)[:, 0]


def _ratio(distance: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # The farthest of several different images is at a distance above 0, unless squares vanish.
    return np.divide(distance, scale, out=np.ones_like(distance), where=scale > 0)


def _require_different(rows: npt.NDArray[np.int64]) -> None:
    if len(rows) < 3:
        raise MetricError(
            f"only {len(rows)} of the training images differ from one another, which is no scale for nearness",
            hint="Give the training set with --real.",
        )
