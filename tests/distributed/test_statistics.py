"""Statistics gathered by several processes: what one gets, whoever stored what, and nothing that grows with the set."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.distributed import running
from ganeval.errors import ImageSourceError, StatisticsError
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.metrics.moments import Moments
from ganeval.statistics import compute_statistics
from ganeval.statistics.merging import merged_moments


class Sums(FeatureExtractor):
    """Means of rows, [N, 8]; logits their first three."""

    thread_safe = True

    def __init__(self) -> None:
        self.info = ExtractorInfo("sums", "b" * 64, "native", feature_dim=8, class_count=3)

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        return images.float()

    def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
        pooled = prepared.mean(dim=(1, 3))
        return ExtractorOutput(pooled, pooled[:, :3])


def images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def across(in_ranks):
    """Statistics as each of several processes gets them."""

    def run(world: int, data, stores=None, **options):
        def one(ranks):
            token = running._together.set(ranks)
            try:
                store = {"cache": False} if stores is None else {"cache_dir": stores[ranks.rank % len(stores)]}
                return compute_statistics(data, extractor=Sums(), device="cpu", **store, **options)
            finally:
                running._together.reset(token)

        return in_ranks(world, one)

    return run


def assert_same(found, alone) -> None:
    assert found.count == alone.count
    np.testing.assert_allclose(found.moments.mean, alone.moments.mean, rtol=1e-13)
    np.testing.assert_allclose(found.moments.scatter, alone.moments.scatter, rtol=1e-12, atol=1e-9)
    for name in ("skipped", "labels", "kinds", "fingerprint", "content", "extractor", "notices", "source"):
        assert getattr(found, name) == getattr(alone, name), name


@pytest.mark.parametrize("features", [None, 9, "all"])
def test_each_gets_the_moments_and_the_first_the_rows(across, features):
    data = (images(53), np.arange(53) % 3)
    alone = compute_statistics(data, extractor=Sums(), cache=False, device="cpu", features=features)
    for world in (2, 5):
        first, *others = across(world, data, features=features)
        for found in (first, *others):
            assert_same(found, alone)
        assert all(other.kept is None for other in others)
        if features is None:
            assert first.kept is None
            continue
        assert first.kept.ids == alone.kept.ids
        assert first.kept.labels == alone.kept.labels
        assert first.kept.images == alone.kept.images
        assert np.array_equal(first.kept.pooled, alone.kept.pooled)
        assert np.array_equal(first.kept.logits, alone.kept.logits)


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_stored_is_read_by_one_each(across, tmp_path, monkeypatch, shared):
    data = images(40)
    stores = [tmp_path / "one"] if shared else [tmp_path / "one", tmp_path / "two"]
    alone = compute_statistics(data, extractor=Sums(), cache=False, device="cpu", features=7)
    across(3 if shared else 2, data, stores)
    shards = sorted(tmp_path.glob("*/features/*/*/shard-*"))
    assert len(shards) == (3 if shared else 2)
    # Damaged: it is extracted again. Another number of processes takes the rest.
    shards[1].write_bytes(b"damaged")
    seen: list[int] = []
    forward = Sums.forward
    monkeypatch.setattr(Sums, "forward", lambda self, rows: seen.append(len(rows)) or forward(self, rows))
    found = across(2, data, stores, features=7)[0]
    assert_same(found, alone)
    assert np.array_equal(found.kept.pooled, alone.kept.pooled)
    assert 0 < sum(seen) < 40
    if shared:
        seen.clear()
        assert_same(compute_statistics(data, extractor=Sums(), cache_dir=stores[0], device="cpu"), alone)
        assert seen == []


def test_corrupt_images_are_counted_once(across, picture_folder):
    picture_folder.joinpath("07.png").write_bytes(b"no image")
    picture_folder.joinpath("02.png").write_bytes(b"no image")
    alone = compute_statistics(picture_folder, extractor=Sums(), cache=False, device="cpu", on_error="skip")
    found = across(3, picture_folder, on_error="skip")
    assert [one.skipped for one in found] == [2, 2, 2]
    assert_same(found[2], alone)
    assert "02.png" in found[2].notices[-1].message
    with pytest.raises(ImageSourceError, match=r"02\.png"):
        across(3, picture_folder)


@pytest.fixture
def picture_folder(tmp_path):
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, pixels in enumerate(images(12)):
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return folder


def test_too_few_images_are_an_error_in_all(across):
    with pytest.raises(StatisticsError, match="single image"):
        across(3, images(1))


@pytest.mark.parametrize("world", [1, 2, 4])
def test_merged_moments_are_numpys(in_ranks, world):
    # A mean far from 0, with which raw second moments would lose ten digits; the second process has no rows.
    rows = np.random.default_rng(0).normal(1e5, 1, (90, 4))
    cuts = np.array_split(rows, max(1, world - 1))

    def one(ranks):
        part = () if ranks.rank == 1 else cuts[ranks.rank - (ranks.rank > 1)]
        return merged_moments(Moments.of(part) if len(part) else None, ranks)

    for found in in_ranks(world, one):
        assert found.count == 90
        np.testing.assert_allclose(found.covariance(), np.cov(rows, rowvar=False), rtol=1e-9, atol=1e-10)
    assert in_ranks(world, lambda ranks: merged_moments(None, ranks)) == [None] * world
