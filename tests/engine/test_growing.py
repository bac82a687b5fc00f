"""Growing extraction: first parts, cut shards, skipped images, streams, and what the store keeps of it."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.errors import OptionError
from ganeval.features.engine import GrowingExtraction, extract
from ganeval.features.extending import is_stored
from ganeval.features.store import FeatureStore


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path)


def test_a_limit_takes_the_first_images(known_source, channel_sums, expected):
    source = known_source(30)
    extraction = extract(source, channel_sums(), limit=12, batch_size=5)
    assert np.allclose(extraction.features.pooled, expected(source)[:12])
    assert sorted(source.decoded) == list(range(12))
    assert extraction.positions == 12
    assert len(extract(source, channel_sums(), limit=99).features) == 30
    with pytest.raises(OptionError, match="limit"):
        extract(source, channel_sums(), limit=0)


def test_growing_in_memory_extracts_nothing_twice(known_source, channel_sums, expected):
    source = known_source(30)
    growing = GrowingExtraction(source, channel_sums(), batch_size=4)
    for limit in (3, 7, 20, 5, 30, None):
        features = growing.upto(limit).features
        assert np.allclose(features.pooled, expected(source)[:limit])
        assert features.ids == tuple(f"image-{i}" for i in range(len(features)))
        assert len(features.images) == len(features.labels) == len(features.logits) == len(features)
        assert growing.exhausted == (len(source.decoded) == 30)
    assert sorted(source.decoded) == list(range(30))


def test_the_store_keeps_what_was_extracted_and_a_later_run_goes_on(known_source, channel_sums, expected, store):
    source = known_source(30)
    part = extract(source, channel_sums(), limit=11, store=store)
    assert not is_stored(source, channel_sums(), store)
    shorter = extract(source, channel_sums(), limit=4, store=store)
    assert shorter.from_store == 4
    assert np.allclose(shorter.features.pooled, expected(source)[:4])
    whole = extract(source, channel_sums(), store=store)
    assert whole.from_store == 11
    assert sorted(source.decoded) == list(range(30))
    assert is_stored(source, channel_sums(), store)
    assert np.allclose(whole.features.pooled, expected(source))
    prints = {part.features.fingerprint, shorter.features.fingerprint, whole.features.fingerprint}
    assert len(prints) == 3
    # A part is the same part, whether all are stored or not.
    assert extract(source, channel_sums(), limit=11, store=store).features.fingerprint == part.features.fingerprint


def test_reaching_the_last_image_by_a_limit_finishes_the_set(known_source, channel_sums, store):
    source = known_source(9)
    limited = extract(source, channel_sums(), limit=9, store=store)
    assert is_stored(source, channel_sums(), store)
    assert limited.features.fingerprint == extract(source, channel_sums(), store=store).features.fingerprint


@pytest.mark.parametrize("limit", [3, 4, 5, 6, 7, 12])
def test_stored_shards_with_skipped_images_are_cut_at_the_right_place(
    known_source, channel_sums, expected, store, limit
):
    source = known_source(20, bad=frozenset({0, 4, 5, 11}))
    extract(source, channel_sums(), store=store, on_error="skip")
    kept = [i for i in range(limit) if i not in source.bad]
    extraction = extract(source, channel_sums(), store=store, on_error="skip", limit=limit)
    assert extraction.features.ids == tuple(f"image-{i}" for i in kept)
    assert [i for i, _ in extraction.features.skipped] == [f"image-{i}" for i in sorted(source.bad) if i < limit]
    assert np.allclose(extraction.features.pooled, expected(source)[: len(kept)])
    assert extraction.positions == limit


def test_a_source_read_once_grows_too(known_source, channel_sums, expected):
    source = known_source(30, length_known=False)
    once = iter(source)
    source.repeatable = False
    type(source).__iter__, original = (lambda self: once), type(source).__iter__
    try:
        growing = GrowingExtraction(source, channel_sums(), batch_size=4)
        for limit in (5, 17, 40):
            features = growing.upto(limit).features
            assert np.allclose(features.pooled, expected(source)[:limit])
        assert growing.exhausted
    finally:
        type(source).__iter__ = original


def test_after_an_interrupt_it_goes_on_where_it_stopped(known_source, channel_sums, expected):
    source = known_source(30)
    growing = GrowingExtraction(source, channel_sums(), batch_size=4, workers=1)
    source.stop_at = 10
    with pytest.raises(KeyboardInterrupt):
        growing.upto(20)
    source.stop_at = None
    assert np.allclose(growing.upto(20).features.pooled, expected(source)[:20])
