"""What a network sees in a set of images: pooled features, logits, and what is known of each image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganeval.images.reading import ImageReader
from ganeval.images.source import ImageInfo, Label, LatentSampler

if TYPE_CHECKING:
    import torch

    from ganeval.metrics.moments import Moments


@dataclass(frozen=True)
class ExtractorInfo:
    """Which extractor made the features, exactly enough to tell one from another.

    Parameters
    ----------
    name
        Such as ``"inception-v3"``; part of every score's name.
    weights_sha256
        Hex checksum of the weights; None for extractors without weights.
    preprocessing
        ``"tf1"``, ``"clean"``, or the extractor's own word.
    precision
        Of the network's arithmetic, such as ``"float32"``.
    published_weights
        True if the checksum is that of the weights on which published scores rest.
    feature_dim, class_count
        D of the pooled features; C of the logits, None without logits.
    spatial
        Whether spatial features come with them, which some extractors make only when asked.
    """

    name: str
    weights_sha256: str | None
    preprocessing: str
    precision: str = "float32"
    published_weights: bool = False
    feature_dim: int | None = None
    class_count: int | None = None
    spatial: bool = False


@dataclass(frozen=True)
class Preview:
    """A small picture of one image of the set (longest side at most 128 px), for reports."""

    id: str
    pixels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class StageTimes:
    """Seconds of work (summed over threads) in each stage of an extraction, and the wall time of the whole."""

    decode: float = 0.0
    resize: float = 0.0
    network: float = 0.0
    store: float = 0.0
    wall: float = 0.0
    images: int = 0


@dataclass(frozen=True)
class Features:
    """Features of one set of images.

    Parameters
    ----------
    pooled
        float32 [N, D].
    logits
        float32 [N, C], None where the extractor has none.
    spatial
        float32 [N, S], flattened spatial features, None where the extractor has none.
    ids, labels, images
        One entry an image, in source order. `labels` is None if no image has one.
    extractor
        What made them.
    fingerprint
        Hex digest of everything that went in, None if the source can't be fingerprinted.
    skipped
        Pairs of id and reason of images left out with ``on_error="skip"``.
    previews
        Some images of the set, the same ones whatever the batch size.
    times
        Where the time went; all zero if everything came from the store.
    reader
        Reads the images themselves again; None where they can't be read twice.
    clips
        Name of each image's clip where the images are frames of videos, those of a clip one after the other in time.
    sampler
        The generator behind the images, where there is one.
    embed
        The extractor that made the features: images [n, 3, H, W], uint8 or float32 in 0..255, to pooled features
        float32 [n, D].
    moments
        Of the pooled features of the whole set, where `pooled` has only some of its rows or none, as from a file of
        statistics; None where `pooled` has all.
    moments_count
        Of how many images `moments` are; None where that isn't known.
    """

    pooled: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32] | None = None
    spatial: npt.NDArray[np.float32] | None = None
    ids: tuple[str, ...] = ()
    labels: tuple[Label, ...] | None = None
    images: tuple[ImageInfo, ...] = ()
    extractor: ExtractorInfo | None = None
    fingerprint: str | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    previews: tuple[Preview, ...] = ()
    times: StageTimes = field(default_factory=StageTimes)
    reader: ImageReader | None = field(default=None, repr=False, compare=False)
    clips: tuple[str, ...] | None = None
    sampler: LatentSampler | None = field(default=None, repr=False, compare=False)
    embed: Callable[[torch.Tensor], torch.Tensor] | None = field(default=None, repr=False, compare=False)
    moments: Moments | None = field(default=None, repr=False, compare=False)
    moments_count: int | None = None

    def __len__(self) -> int:
        return len(self.pooled)

    @property
    def set_size(self) -> int | None:
        """Images in the set, of which `pooled` may have only some; None where that isn't known."""
        return len(self.pooled) if self.moments is None else self.moments_count
