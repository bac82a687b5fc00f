"""The store: hits, misses, resumption, damage, full disks, housekeeping."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from ganeval.errors import CorruptImageError, OptionError
from ganeval.features import extending as extending_module
from ganeval.features import store as store_module
from ganeval.features.chunks import FeatureChunk
from ganeval.features.engine import extract
from ganeval.features.store import FeatureStore, ShardWriter


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(ShardWriter.__init__, "__kwdefaults__", {"images_per_shard": 8, "seconds_per_shard": 1e9})
    return FeatureStore(tmp_path / "cache")


def assert_same(one, other):
    np.testing.assert_array_equal(one.pooled, other.pooled)
    np.testing.assert_array_equal(one.logits, other.logits)
    assert one.ids == other.ids
    assert one.labels == other.labels
    assert one.images == other.images
    assert one.skipped == other.skipped
    assert one.fingerprint == other.fingerprint
    assert [p.id for p in one.previews] == [p.id for p in other.previews]
    for mine, theirs in zip(one.previews, other.previews, strict=True):
        np.testing.assert_array_equal(mine.pixels, theirs.pixels)


def test_a_second_run_extracts_nothing(known_source, channel_sums, store):
    source = known_source(50)
    first = extract(source, channel_sums(), batch_size=4, store=store, device="cpu")
    source.decoded.clear()
    extractor = channel_sums()
    second = extract(source, extractor, batch_size=7, store=store, device="cpu")
    assert source.decoded == []
    assert extractor.threads == set()
    assert (first.from_store, second.from_store) == (0, 50)
    assert_same(first.features, second.features)


def test_another_image_or_other_weights_never_hit(known_source, channel_sums, store):
    source = known_source(20)
    extract(source, channel_sums(), store=store, device="cpu")
    changed = known_source(20)
    changed.arrays[13][0, 0, 0] ^= 1
    assert extract(changed, channel_sums(), store=store, device="cpu").from_store == 0
    assert extract(source, channel_sums(weights="b"), store=store, device="cpu").from_store == 0
    assert extract(source, channel_sums(), store=store, device="cpu").from_store == 20


def test_other_code_never_hits(known_source, channel_sums, store, monkeypatch):
    source = known_source(20)
    monkeypatch.setattr(extending_module, "code_of", lambda kind: "one version")
    extract(source, channel_sums(), store=store, device="cpu")
    assert extract(source, channel_sums(), store=store, device="cpu").from_store == 20
    monkeypatch.setattr(extending_module, "code_of", lambda kind: "another")
    assert extract(source, channel_sums(), store=store, device="cpu").from_store == 0


def shard_of(source, channel_sums, store, start, stop):
    """Write what a run that began at `start` would have written."""
    whole = extract(source, channel_sums(), device="cpu").features
    entry = store.entry(whole.fingerprint, source.name, "channel-sums")
    entry.write(
        FeatureChunk(
            start,
            stop - start,
            whole.pooled[start:stop],
            whole.logits[start:stop],
            ids=whole.ids[start:stop],
            labels=whole.labels[start:stop],
            images=whole.images[start:stop],
        )
    )
    return entry


def test_of_overlapping_shards_those_that_reach_the_furthest_are_taken(known_source, channel_sums, store):
    source = known_source(50)
    # Two runs at once cut differently; the first was killed.
    for start, stop in ((0, 10), (10, 25), (0, 20), (20, 40), (40, 50)):
        entry = shard_of(source, channel_sums, store, start, stop)
    assert [(chunk.start, chunk.stop) for chunk in entry.load()] == [(0, 20), (20, 40), (40, 50)]
    (entry.folder / "shard-000000000020-000000000040.safetensors").write_bytes(b"damaged")
    assert [(chunk.start, chunk.stop) for chunk in entry.load()] == [(0, 20)]
    entry.finish(50)
    again = extract(source, channel_sums(), store=store, device="cpu")
    assert_same(
        again.features,
        replace(extract(source, channel_sums(), device="cpu").features, previews=again.features.previews),
    )


def test_one_flipped_bit_is_damage(known_source, channel_sums, store):
    source = known_source(20)
    extract(source, channel_sums(), batch_size=4, store=store, device="cpu")
    shard = sorted(store.root.glob("*/*/shard-*"))[1]
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    assert extract(source, channel_sums(), batch_size=4, store=store, device="cpu").from_store == 8


def test_strange_files_in_the_store_are_passed_over(known_source, channel_sums, store):
    source = known_source(20)
    extract(source, channel_sums(), store=store, device="cpu")
    folder = next(store.root.glob("*/*"))
    (folder / "shard-a-b.safetensors").write_bytes(b"")
    (folder / "shard-.safetensors").write_bytes(b"")
    (folder / ".ganeval-gone.tmp").symlink_to("nowhere")
    assert extract(source, channel_sums(), store=store, device="cpu").from_store == 20
    (folder / "entry.json").write_text("3")
    (folder / "complete.json").write_text("3")
    (entry,) = store.entries()
    assert (entry.source, entry.images, entry.complete) == ("?", 20, False)


def test_an_empty_key_deletes_nothing(known_source, channel_sums, store):
    extract(known_source(20), channel_sums(), store=store, device="cpu")
    with pytest.raises(OptionError, match="empty key"):
        store.remove("")
    assert len(store.entries()) == 1


@pytest.mark.parametrize("thread_safe", [True, False])
def test_an_interrupted_run_goes_on_where_it_stopped(known_source, channel_sums, store, expected, thread_safe):
    source = known_source(100)
    source.stop_at = 60
    with pytest.raises(KeyboardInterrupt):
        extract(source, channel_sums(thread_safe=thread_safe), batch_size=4, store=store, device="cpu")
    source.stop_at = None
    source.decoded.clear()
    resumed = extract(source, channel_sums(thread_safe=thread_safe), batch_size=4, store=store, device="cpu")
    assert resumed.from_store >= 40
    assert min(source.decoded) == resumed.from_store
    np.testing.assert_allclose(resumed.features.pooled, expected(source), rtol=1e-5)
    whole = extract(source, channel_sums(), batch_size=4, device="cpu")
    assert_same(whole.features, resumed.features)


def test_a_corrupt_image_loses_nothing_that_was_done(known_source, channel_sums, store):
    source = known_source(64, bad=frozenset({40}))
    with pytest.raises(CorruptImageError):
        extract(source, channel_sums(), batch_size=4, store=store, device="cpu")
    extraction = extract(source, channel_sums(), batch_size=4, store=store, device="cpu", on_error="skip")
    assert extraction.from_store == 40
    assert len(extraction.features) == 63


def test_what_was_skipped_before_is_an_error_for_who_does_not_skip(known_source, channel_sums, store):
    source = known_source(64, bad=frozenset({40}))
    extract(source, channel_sums(), batch_size=4, store=store, device="cpu", on_error="skip")
    again = extract(source, channel_sums(), batch_size=4, store=store, device="cpu", on_error="skip")
    assert again.from_store == 63
    assert [name for name, _ in again.features.skipped] == ["image-40"]
    with pytest.raises(CorruptImageError, match="image-40"):
        extract(source, channel_sums(), batch_size=4, store=store, device="cpu")


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_shard_is_extracted_again(known_source, channel_sums, store, damage):
    source = known_source(50)
    whole = extract(source, channel_sums(), batch_size=4, store=store, device="cpu")
    shards = sorted(store.root.glob("*/*/shard-*"))
    assert len(shards) > 3
    data = shards[2].read_bytes()
    shards[2].write_bytes(data[: len(data) // 2] if damage is None else damage)
    again = extract(source, channel_sums(), batch_size=4, store=store, device="cpu")
    assert again.from_store == 16
    assert_same(whole.features, again.features)
    assert extract(source, channel_sums(), batch_size=4, store=store, device="cpu").from_store == 50


def test_a_full_disk_is_a_notice(known_source, channel_sums, store, expected, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module, "write_atomically", full)
    source = known_source(50)
    extraction = extract(source, channel_sums(), batch_size=4, store=store, device="cpu")
    assert [notice.code for notice in extraction.notices] == ["store-unavailable"]
    assert "No space left on device" in extraction.notices[0].message
    np.testing.assert_allclose(extraction.features.pooled, expected(source), rtol=1e-5)


def test_a_cache_folder_that_cannot_be_made_is_a_notice(known_source, channel_sums, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    extraction = extract(known_source(9), channel_sums(), store=FeatureStore(tmp_path / "file"), device="cpu")
    assert [notice.code for notice in extraction.notices] == ["store-unavailable"]
    assert len(extraction.features) == 9


def test_a_source_without_a_fingerprint_is_not_stored(known_source, channel_sums, store):
    class Anonymous(known_source):
        def fingerprint(self):
            return None

    extraction = extract(Anonymous(9), channel_sums(), store=store, device="cpu")
    assert extraction.features.fingerprint is None
    assert store.entries() == []


def test_housekeeping(known_source, channel_sums, store):
    for count in (10, 20, 30):
        extract(known_source(count), channel_sums(), store=store, device="cpu")
    entries = {entry.source: entry for entry in store.entries()}
    assert {entry.images for entry in entries.values()} == {10, 20, 30}
    assert all(entry.complete for entry in entries.values())
    old = store.root / entries["known-10"].key[:2] / entries["known-10"].key
    os.utime(old, (time.time() - 1000, time.time() - 1000))
    assert [entry.source for entry in store.prune(older_than_seconds=500)] == ["known-10"]
    assert [entry.source for entry in store.remove(entries["known-20"].key[:12])] == ["known-20"]
    with pytest.raises(OptionError, match="no stored features"):
        store.remove("zzz")
    assert [entry.source for entry in store.prune(max_bytes=0)] == ["known-30"]
    assert store.entries() == []


def test_prune_keeps_the_most_recently_used(known_source, channel_sums, store):
    for age, count in enumerate((10, 20, 30)):
        extract(known_source(count), channel_sums(), store=store, device="cpu")
        newest = store.entries()[0]
        folder = store.root / newest.key[:2] / newest.key
        os.utime(folder, (1000 + age, 1000 + age))
    sizes = {entry.source: entry.bytes for entry in store.entries()}
    store.prune(max_bytes=sizes["known-30"] + sizes["known-20"])
    assert [entry.source for entry in store.entries()] == ["known-30", "known-20"]
