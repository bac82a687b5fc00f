"""Which scores mean the same whatever the number of images, and how sets are cut to one number for the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ganeval.errors import PluginError
from ganeval.features.features import Features
from ganeval.metrics.naming import score_name
from ganeval.metrics.registry import METRICS, Metric
from ganeval.metrics.score import Score

T = TypeVar("T")

#: What is read of the features themselves can be cut; images, clips and generators can't.
_CUTTABLE = ("pooled", "logits", "spatial", "labels")


def depends_on_count(metric: Metric | None, score: Score) -> bool:
    """Whether sets of different sizes would differ in `score` even if their images were of one kind.

    A score whose finite-sample bias is removed doesn't, nor one that is unbiased by itself. Everything else is taken
    to, as precision, recall, density and coverage do, whose neighbourhoods shrink as sets grow.
    """
    if score.corrected is not None:
        return False
    return metric is None or not metric.any_count


def can_be_cut(metric: Metric) -> bool:
    """Whether the metric can be computed on a part of the rows of a set's features."""
    return metric.needs in _CUTTABLE


def metric_of(name: str, extractor: str) -> tuple[Metric, str] | None:
    """The metric of the table that gives the score of that full name, with its base name; None for one of others."""
    for listed in METRICS.names():
        try:
            metric = METRICS.get(listed)
        except PluginError:
            continue
        for base in metric.scores:
            if score_name(base, metric, extractor) == name:
                return metric, base
    return None


def random_order(count: int, seed: int) -> npt.NDArray[np.int64]:
    """All rows in a random order, [count]: its first n rows are a fair sample of n, for any n, each within the next."""
    return np.random.default_rng(seed).permutation(count).astype(np.int64)


def rows_of(features: Features, rows: npt.NDArray[np.int64]) -> Features:
    """The chosen rows, in ascending order, of everything that is kept by row; the images themselves aren't readable."""
    chosen = np.sort(rows)

    def part(values: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32] | None:
        return None if values is None else values[chosen]

    def entries(values: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(values[row] for row in chosen) if values else values

    return replace(
        features,
        pooled=features.pooled[chosen],
        logits=part(features.logits),
        spatial=part(features.spatial),
        ids=entries(features.ids),
        labels=None if features.labels is None else entries(features.labels),
        images=entries(features.images),
        clips=None if features.clips is None else entries(features.clips),
        fingerprint=None,
        reader=None,
    )
