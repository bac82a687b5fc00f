"""Features extracted by several processes are those of one, whatever was stored before and by how many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganeval.distributed.extraction import extract_together
from ganeval.distributed.ranks import Ranks
from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.features.engine import Extraction, extract
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.features import Features
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.images.opening import open_source

COUNT = 61


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    root.mkdir()
    random = np.random.default_rng(0)
    for number in range(COUNT):
        Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(root / f"{number:03d}.png")
    return root


def extractor() -> Any:
    return resolve_extractor("pixels", ExtractorRequest())[0]


def together(folder: Path, ranks: Ranks, store: Path | None, **options: Any) -> Extraction:
    return extract_together(
        open_source(folder),
        extractor(),
        ranks,
        store=None if store is None else FeatureStore(store),
        workers=1,
        **options,
    )


def assert_same(found: Features, expected: Features) -> None:
    assert found.pooled.dtype == expected.pooled.dtype
    assert np.array_equal(found.pooled, expected.pooled)
    assert found.ids == expected.ids
    assert found.images == expected.images
    assert found.skipped == expected.skipped
    assert [preview.id for preview in found.previews] == [preview.id for preview in expected.previews]


def shards(store: Path) -> list[Path]:
    return sorted(store.glob("features/*/*/shard-*"))


@pytest.mark.parametrize("world", [2, 5])
def test_all_get_what_one_process_gets(in_ranks: Callable[..., Any], folder: Path, tmp_path: Path, world: int) -> None:
    expected = extract(open_source(folder), extractor())
    for store in (None, tmp_path / "store"):
        for found in in_ranks(world, lambda ranks, at=store: together(folder, ranks, at)):
            assert_same(found.features, expected.features)
            assert (found.from_store, found.positions) == (0, COUNT)
            assert found.features.fingerprint == expected.features.fingerprint
    # One process, and another number of them, find all of it.
    assert extract(open_source(folder), extractor(), store=FeatureStore(tmp_path / "store")).from_store == COUNT
    for found in in_ranks(3, lambda ranks: together(folder, ranks, tmp_path / "store")):
        assert_same(found.features, expected.features)
        assert found.from_store == COUNT
    assert len(shards(tmp_path / "store")) == world


def test_machines_with_stores_of_their_own(in_ranks: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    expected = extract(open_source(folder), extractor())
    # Rank 1's store knows the set already, but for its middle.
    extract(open_source(folder), extractor(), store=FeatureStore(tmp_path / "1"), batch_size=20)
    in_ranks(3, lambda ranks: together(folder, ranks, tmp_path / "2"))
    for path in shards(tmp_path / "2"):
        if path.name.startswith("shard-000000000020"):
            path.unlink()
    for found in in_ranks(3, lambda ranks: together(folder, ranks, tmp_path / str(ranks.rank))):
        assert_same(found.features, expected.features)
        assert found.from_store == COUNT


@pytest.mark.parametrize("world", [1, 2, 3])
def test_what_an_interrupted_job_stored_is_used(
    in_ranks: Callable[..., Any], folder: Path, tmp_path: Path, world: int
) -> None:
    store = tmp_path / "store"
    in_ranks(4, lambda ranks: together(folder, ranks, store))
    expected = extract(open_source(folder), extractor())
    kept = shards(store)
    assert len(kept) == 4
    kept[0].unlink()
    kept[2].write_bytes(kept[2].read_bytes()[:-50])
    (kept[0].parent / "complete.json").unlink()
    listed = FeatureStore(store).entries()[0]
    assert not listed.complete
    found = in_ranks(world, lambda ranks: together(folder, ranks, store))
    lost = 15 + 15
    for one in found:
        assert_same(one.features, expected.features)
        assert one.from_store == COUNT - lost
    assert FeatureStore(store).entries()[0].complete


def test_corrupt_images(in_ranks: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    # All that the second of three processes has, and one more.
    for number in (*range(20, 40), 60):
        (folder / f"{number:03d}.png").write_bytes(b"no image")
    expected = extract(open_source(folder), extractor(), on_error="skip")
    for store in (None, tmp_path / "store"):
        found = in_ranks(3, lambda ranks, at=store: together(folder, ranks, at, on_error="skip"))
        for one in found:
            assert_same(one.features, expected.features)
            assert one.positions == COUNT
    # What was skipped isn't hidden from those who want to know.
    with pytest.raises(CorruptImageError, match="020"):
        in_ranks(2, lambda ranks: together(folder, ranks, tmp_path / "store"))


def test_processes_that_see_other_files(in_ranks: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes((folder / "000.png").read_bytes())
    with pytest.raises(ImageSourceError, match=f"rank 0 sees {COUNT} images .* and rank 1 1"):
        in_ranks(2, lambda ranks: together([folder, other][ranks.rank], ranks, None))


def test_sets_that_cant_be_divided_are_read_by_each(in_ranks: Callable[..., Any]) -> None:
    images = [np.full((4, 4, 3), value, np.uint8) for value in range(5)]

    def work(ranks: Ranks) -> Extraction:
        return extract_together(open_source(iter([np.stack(images)])), extractor(), ranks)

    for found in in_ranks(2, work):
        assert len(found.features) == 5


def test_one_process_is_plain_extraction(folder: Path, tmp_path: Path) -> None:
    found = together(folder, Ranks(), tmp_path / "store")
    assert_same(found.features, extract(open_source(folder), extractor()).features)
    assert len(shards(tmp_path / "store")) == 1
