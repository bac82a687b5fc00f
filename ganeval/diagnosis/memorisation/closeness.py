"""How close samples lie to their nearest training image, relative to how dense training images are around them."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.memorisation.nearest_images import LOCAL, nearest_images
from ganeval.diagnosis.memorisation.thumbnails import crops, mirror, whole
from ganeval.errors import MetricError

Vectors = npt.NDArray[np.floating[Any]]
#: Samples for whose candidates crops are made at once, and samples that are compared with them at once.
_BATCH = 2000
_CHUNK = 32
#: Neighbours in the thumbnails that are compared as crops too, beside those in the features.
_NEAREST_PICTURES = 10


class Closeness(NamedTuple):
    """Of each sample.

    Parameters
    ----------
    ratio
        float64 [Q], 0..1: distance to the nearest training image over that to the 50th. 0 for exact copies.
    nearest
        int64 [Q]: row of that training image.
    near
        int64 [Q, count]: rows of the training images around the sample.
    """

    ratio: npt.NDArray[np.float64]
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
    found = nearest_images(queries, distinct, count=LOCAL, block_bytes=block_bytes)
    near = rows[found.rows]
    return Closeness(_ratio(found.distances[:, 0], found.distances[:, -1]), near[:, 0], near)


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
        best.append(Closeness(_ratio(distance, found.distances[:, -1]), nearest, near))
    mirrored = best[1].ratio < best[0].ratio
    return Closeness(
        np.where(mirrored, best[1].ratio, best[0].ratio),
        np.where(mirrored, best[1].nearest, best[0].nearest),
        np.where(mirrored[:, None], best[1].near, best[0].near),
    )


def _nearest_crop(
    small: npt.NDArray[np.float32], training: npt.NDArray[np.float32], tried: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Distance [Q] of each query to the nearest crop of the images that it is `tried` against, and that image's row."""
    distances, sources = np.empty(len(small)), np.empty(len(small), dtype=np.int64)
    for start in range(0, len(small), _BATCH):
        rows = tried[start : start + _BATCH]
        wanted, place = np.unique(rows, return_inverse=True)
        made = torch.from_numpy(np.stack(list(crops(training[wanted])), axis=1))
        norms = made.square().sum(dim=2)
        places = torch.from_numpy(place.reshape(rows.shape))
        for offset in range(0, len(rows), _CHUNK):
            those = places[offset : offset + _CHUNK]
            part = slice(start + offset, start + offset + len(those))
            x = torch.from_numpy(small[part])
            inner = torch.matmul(made[those].flatten(1, 2), x[:, :, None])[:, :, 0].reshape(*those.shape, -1)
            squared = (norms[those] - 2 * inner).amin(dim=2) + x.square().sum(dim=1)[:, None]
            least, which = squared.min(dim=1)
            distances[part] = least.clamp(min=0).sqrt().numpy()
            sources[part] = tried[part][np.arange(len(those)), which.numpy()]
    return distances, sources


def _ratio(distance: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # The farthest of several different images is at a distance above 0, unless squares vanish.
    return np.divide(distance, scale, out=np.ones_like(distance), where=scale > 0)


def _require_different(rows: npt.NDArray[np.int64]) -> None:
    if len(rows) < 3:
        raise MetricError(
            f"only {len(rows)} of the training images differ from one another, which is no scale for nearness",
            hint="Give the training set with --real.",
        )
