"""A number for each image that follows from its pixels and a seed alone: it orders sets and chooses samples of them.

Whatever hangs on the order of images (the splits of the Inception Score, the subsets of the kernel distance, which
images a bounded memory holds) takes them in the order of these numbers, and so depends neither on the order in which
they came, nor on batches, nor on how processes share them. Equal images have equal numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from ganeval.features.features import Features
from ganeval.images.digest import pixel_digest
from ganeval.random_streams import stream_seed

# SplitMix64 (Steele, Lea & Flood 2014, figure 16): a bijection of 64 bits in which each bit of the argument moves all.
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


def keys_of_images(images: torch.Tensor, seed: int) -> torch.Tensor:
    """Keys int64 [N], on the CPU, of uint8 images [N, 3, H, W]."""
    pixels = images.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return _keys((pixel_digest(image) for image in pixels), seed)


def keys_of_features(features: Features, seed: int) -> torch.Tensor:
    """Keys int64 [N] of a set that was extracted: of its images, or where digests are missing, of its features."""
    digests = [info.digest for info in features.images]
    if len(digests) == len(features) and all(len(digest) == 16 for digest in digests):
        return _keys(digests, seed)
    return _keys((hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in features.pooled), seed)


def _keys(digests: Iterable[bytes], seed: int) -> torch.Tensor:
    first = np.frombuffer(b"".join(digest[:8] for digest in digests), dtype="<u8").astype(np.uint64)
    mixed: npt.NDArray[np.uint64] = first ^ np.uint64(stream_seed(seed))
    for multiplier, shift in zip(_MULTIPLIERS, _SHIFTS[:2], strict=True):
        mixed = (mixed ^ (mixed >> shift)) * multiplier
    return torch.from_numpy((mixed ^ (mixed >> _SHIFTS[2])).view(np.int64).copy())
