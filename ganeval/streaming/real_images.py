"""The real side of a streaming metric: images, statistics of them or their moments, brought to features once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import Features
from ganeval.features.identity import code_of
from ganeval.images.opening import open_source
from ganeval.images.pixels import ValueRange
from ganeval.images.source import ImageSource, SourceOptions
from ganeval.metrics.moments import Moments
from ganeval.statistics.computing import ALL, compute_statistics
from ganeval.statistics.source import StatisticsSource, statistics_of
from ganeval.statistics.statistics import Statistics
from ganeval.streaming.image_keys import keys_of_features
from ganeval.streaming.kept_rows import Keeping
from ganeval.streaming.network import Network
from ganeval.streaming.sharing import shared
from ganeval.streaming.untouched import untouched_randomness


@dataclass(frozen=True)
class Reading:
    """How real images are read; see `ganeval.score` for each."""

    batch_size: int | None = None
    workers: int | None = None
    value_range: ValueRange | None = None
    recursive: bool = True
    count: int | None = None
    seed: int = 2020
    cache: bool = True
    cache_dir: Path | None = None
    trust: bool = False

    def opening(self, device: torch.device) -> SourceOptions:
        """How a set of images is opened."""
        return SourceOptions(
            recursive=self.recursive,
            value_range=self.value_range,
            count=self.count,
            seed=self.seed,
            trust=self.trust,
            device=str(device),
        )


class RealImages:
    """What a user named as real, read and put through the network at the first need, and held from then on.

    Get one from `real_images_for`: several metrics on the same real images and network share it. A pickle holds the
    features, or what was named where they haven't been needed yet.

    Parameters
    ----------
    named
        What `ganeval.open_source` takes, `ganeval.statistics.Statistics` or a file of them, or `Moments`.
    network
        That makes the features.
    reading
        How.
    capacity
        Features of how many images are kept where metrics want them; None for all.
    """

    def __init__(self, named: Any, network: Network, reading: Reading, capacity: int | None) -> None:
        self._named, self._network, self._reading, self._capacity = named, network, reading, capacity
        self._rows_wanted = False
        self._features: Features | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> RealImages:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | ({} if self._features is None else {"_named": None})

    def want(self, keeping: Keeping) -> None:
        """Say what a metric needs, before the first need."""
        if keeping.columns and not self._rows_wanted:
            self._rows_wanted = True
            self._features = None

    def features(self, device: torch.device) -> Features:
        """What metrics read of them, computed on `device`.

        Raises
        ------
        GanevalError
            As opening and extraction raise it.
        StatisticsError
            If statistics are of other features.
        """
        if self._features is None:
            with untouched_randomness(device):
                extractor = self._network.on(device)
                known = self._known(extractor)
                self._features = self._of_images(extractor, device) if known is None else self._needed(known, extractor)
        return self._features

    def _known(self, extractor: FeatureExtractor) -> StatisticsSource | None:
        if isinstance(self._named, Moments):
            code = code_of(type(extractor))
            return StatisticsSource(Statistics(self._named, self._named.count, extractor.info, code))
        return statistics_of(self._named)

    def _of_images(self, extractor: FeatureExtractor, device: torch.device) -> Features:
        """Features of images: of two metrics on the same content the same ones, so that they are held only once."""
        source = open_source(self._named, self._reading.opening(device))
        content = source.fingerprint()
        key = ("features", content or id(self), id(self._network), self._reading, self._capacity, self._rows_wanted)
        return shared(key, lambda: self._needed(StatisticsSource(self._computed(source, extractor, device)), extractor))

    def _computed(self, source: ImageSource, extractor: FeatureExtractor, device: torch.device) -> Statistics:
        """Memory is bounded by what is kept: the images go through the network chunk by chunk."""
        kept = ALL if self._capacity is None else self._capacity
        return compute_statistics(
            source,
            features=kept if self._rows_wanted else None,
            extractor=extractor,
            device=str(device),
            **vars(self._reading),
        )

    def _needed(self, source: StatisticsSource, extractor: FeatureExtractor) -> Features:
        """In the order of the images' keys, without what isn't needed; raises `StatisticsError` if they don't fit."""
        known = source.statistics
        found = replace(source.extraction(extractor).features, ids=(), labels=None, previews=())
        if not self._rows_wanted:
            return replace(
                found, pooled=found.pooled[:0], logits=None, images=(), moments=known.moments, moments_count=known.count
            )
        order = np.argsort(keys_of_features(found, self._reading.seed).numpy(), kind="stable")
        logits = None if found.logits is None else found.logits[order]
        return replace(found, pooled=found.pooled[order], logits=logits, images=())


def real_images_for(named: Any, network: Network, reading: Reading, keeping: Keeping) -> RealImages:
    """The real side for what a user named, of one object the same for all who name it."""
    if isinstance(named, str | os.PathLike):
        # What a name stands for may change, so its content is asked for at the first need.
        found = RealImages(named, network, reading, keeping.capacity)
    else:
        key = ("real", id(named), id(network), reading, keeping.capacity)
        found = shared(key, lambda: RealImages(named, network, reading, keeping.capacity))
    found.want(keeping)
    return found
