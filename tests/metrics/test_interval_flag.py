"""What `Metric.has_interval` says in listings is what the metrics do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganeval.features.features import Features
from ganeval.metrics.image_sets import as_reader
from ganeval.metrics.registry import METRICS

COUNT = 600
#: Needs weights that aren't there, a generator, or file names.
LEFT_OUT = {"generator", "pairs"}
NAMES = [
    name
    for name in METRICS.names()
    if METRICS.get(name).needs not in LEFT_OUT and not any(p.name == "download" for p in METRICS.get(name).parameters)
]


def side(seed: int) -> Features:
    rng = np.random.default_rng(seed)
    rows = (rng.normal(size=(COUNT, 4)) * (1 + 0.1 * seed) + 0.2 * seed).astype(np.float32)
    images = rng.integers(0, 256, (COUNT, 24, 24, 3), dtype=np.uint8)
    return Features(
        pooled=rows,
        logits=2 * rows,
        spatial=rows,
        labels=tuple(row % 3 for row in range(COUNT)),
        clips=tuple(f"{row // 6:04d}" for row in range(COUNT)),
        ids=tuple(f"{row // 6:04d}/{row}" for row in range(COUNT)),
        reader=as_reader("images", images),
    )


@pytest.mark.parametrize("name", NAMES)
def test_intervals_are_offered_exactly_where_the_listing_says_so(name):
    metric = METRICS.get(name)
    features = side(0) if metric.needs_real else None, side(1)
    if metric.needs != "clips":
        features = tuple(None if each is None else _without_clips(each) for each in features)
    scores = metric(*features, seed=1)
    assert [score.name for score in scores] == list(metric.scores)
    for score in scores:
        assert (score.interval is not None) == metric.has_interval, score.no_interval_reason
        assert (score.interval is None) == (score.no_interval_reason is not None)
        if score.interval is not None:
            assert score.interval.low <= score.interval.high
            assert score.interval.level == 0.95
            assert score.interval.method


@pytest.mark.parametrize("name", NAMES)
def test_no_interval_work_where_none_is_wanted(name):
    metric = METRICS.get(name)
    features = side(0) if metric.needs_real else None, side(1)
    if metric.needs != "clips":
        features = tuple(None if each is None else _without_clips(each) for each in features)
    for score in metric(*features, seed=1, level=None):
        assert score.interval is None
        assert score.influence is None


def _without_clips(features: Features) -> Features:
    return replace(features, clips=None)
