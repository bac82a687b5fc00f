"""Statistics against numpy's on all features at once, however batches, threads and the store cut the work."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganeval.errors import ImageSourceError, OptionError, StatisticsError
from ganeval.features.chunks import FeatureChunk
from ganeval.features.engine import extract
from ganeval.images.opening import open_source
from ganeval.images.source import ImageInfo
from ganeval.statistics import compute_statistics
from ganeval.statistics import computing as computing_module
from ganeval.statistics.computing import BlockMoments
from ganeval.statistics.sampling import KeptSample


def features_of(images, network):
    return extract(open_source(images), network(), device="cpu").features


def test_moments_are_numpys_and_everything_is_said(known, pictures, network):
    images = pictures(70, 1)
    statistics = known(images)
    rows = features_of(images, network).pooled.astype(np.float64)
    np.testing.assert_allclose(statistics.moments.mean, rows.mean(0), rtol=1e-13)
    np.testing.assert_allclose(statistics.moments.covariance(), np.cov(rows, rowvar=False), rtol=1e-12, atol=1e-14)
    assert (statistics.count, statistics.dimension, statistics.kept) == (70, 6, None)
    assert statistics.extractor.name == "means-and-spreads"
    assert statistics.fingerprint == features_of(images, network).fingerprint
    assert statistics.kinds == {("array", "RGB", 8, 8, 0): 70}


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (7, 3), (64, 2)])
def test_no_digit_depends_on_batches_or_threads(known, pictures, batch_size, workers, monkeypatch):
    monkeypatch.setattr(computing_module, "BLOCK_ROWS", 16)
    images = pictures(50, 2)
    one, other = known(images), known(images, batch_size=batch_size, workers=workers, features=20)
    assert np.array_equal(one.moments.mean, other.moments.mean)
    assert np.array_equal(one.moments.scatter, other.moments.scatter)


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, 40), max_size=6), block=st.integers(1, 50))
def test_blocks_of_any_size_give_the_moments_of_the_whole(cuts, block):
    rows = np.random.default_rng(0).normal(3, 1, (40, 4)).astype(np.float32)
    gathered = BlockMoments()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing_module, "BLOCK_ROWS", block)
        for part in np.split(rows, sorted(cuts)):
            gathered.add(part)
        moments = gathered.result()
    assert moments.count == 40
    np.testing.assert_allclose(moments.covariance(), np.cov(rows.astype(np.float64), rowvar=False), rtol=1e-10)


def test_all_features_are_those_of_the_engine(known, pictures, network):
    images = pictures(30, 3)
    kept, whole = known(images, features="all").kept, features_of(images, network)
    assert np.array_equal(kept.pooled, whole.pooled)
    assert np.array_equal(kept.logits, whole.logits)
    assert kept.ids == whole.ids
    assert [info.digest for info in kept.images] == [info.digest for info in whole.images]


def test_a_part_is_the_same_for_every_batch_size_and_differs_by_seed(known, pictures):
    images = pictures(60, 4)
    ids = [known(images, features=15, batch_size=size).kept.ids for size in (1, 9, 60)]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[0])) == 15
    assert known(images, features=15, seed=7).kept.ids != ids[0]
    assert list(ids[0]) == sorted(ids[0], key=lambda name: int(name.partition("[")[2][:-1]))


def test_a_part_as_large_as_the_set_is_the_set(known, pictures):
    images = pictures(20, 5)
    whole, part = known(images, features="all"), known(images, features=20)
    assert np.array_equal(whole.kept.pooled, part.kept.pooled)
    assert part.whole
    assert not known(images, features=19).whole


def test_every_row_is_kept_equally_often():
    rows = np.arange(12, dtype=np.float32)[:, None]
    counts = np.zeros(12)
    for seed in range(1500):
        sample = KeptSample(3, seed)
        for start in (0, 5, 9):
            stop = {0: 5, 5: 9, 9: 12}[start]
            part = rows[start:stop]
            n = len(part)
            info = ImageInfo("PNG", "RGB", 1, 1)
            ids = tuple(f"{start + place:02d}.png" for place in range(n))
            sample.add(FeatureChunk(start, n, part, ids=ids, labels=(None,) * n, images=(info,) * n))
        kept = sample.rows()
        counts[kept.pooled[:, 0].astype(int)] += 1
    expected = 1500 * 3 / 12
    # Chi-squared with 11 degrees of freedom (less, as rows are drawn without replacement): 31.3 in one of 1,000 runs.
    assert ((counts - expected) ** 2 / expected).sum() < 31.3


def test_chunks_are_forgotten(known, pictures, monkeypatch):
    seen = []
    add = BlockMoments.add

    def remembering(self, rows):
        seen.append(weakref.ref(rows))
        add(self, rows)
        alive.append(sum(ref() is not None for ref in seen))

    alive: list[int] = []
    monkeypatch.setattr(BlockMoments, "add", remembering)
    known(pictures(200, 6), batch_size=4, workers=1)
    assert len(seen) == 50
    assert max(alive) < 10


def test_what_is_stored_is_not_extracted_again_and_an_interrupted_run_goes_on(pictures, network, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    for number, picture in enumerate(pictures(24, 7)):
        Image.fromarray(picture).save(folder / f"{number:02d}.png")
    options = {"extractor": network(), "cache_dir": tmp_path / "cache", "device": "cpu", "batch_size": 4, "workers": 1}
    calls = []
    forward = network.forward

    def counting(self, prepared):
        calls.append(len(prepared))
        if sum(calls) > 12 and len(calls) <= 4:
            raise KeyboardInterrupt
        return forward(self, prepared)

    monkeypatch.setattr(network, "forward", counting)
    with pytest.raises(KeyboardInterrupt):
        compute_statistics(folder, **options)
    first = sum(calls)
    statistics = compute_statistics(folder, **options)
    assert sum(calls) - first < 24
    before = sum(calls)
    again = compute_statistics(folder, **options, features="all")
    assert sum(calls) == before
    assert np.array_equal(again.moments.scatter, statistics.moments.scatter)
    fresh = compute_statistics(folder, **options | {"cache": False})
    np.testing.assert_allclose(fresh.moments.scatter, statistics.moments.scatter, rtol=1e-13)
    assert fresh.fingerprint == statistics.fingerprint == again.fingerprint


def test_corrupt_images_are_an_error_or_counted(pictures, network, tmp_path):
    for number, picture in enumerate(pictures(6, 8)):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"no image")
    options = {"extractor": network(), "cache": False, "device": "cpu"}
    with pytest.raises(ImageSourceError, match=r"3\.png"):
        compute_statistics(tmp_path, **options)
    statistics = compute_statistics(tmp_path, **options, on_error="skip", features=2)
    assert (statistics.count, statistics.skipped) == (5, 1)
    assert "3.png" in statistics.notices[0].message
    one_by_one = compute_statistics(tmp_path, **options, on_error="skip", features=2, batch_size=1)
    assert one_by_one.kept.ids == statistics.kept.ids


def test_labels_are_counted_and_kept(pictures, network, tmp_path):
    for number, picture in enumerate(pictures(7, 9)):
        folder = tmp_path / ("cat" if number < 5 else "dog")
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / f"{number}.png")
    statistics = compute_statistics(
        tmp_path, extractor=network(), cache=False, device="cpu", labels="folders", features="all"
    )
    assert statistics.labels == {"cat": 5, "dog": 2}
    assert statistics.kept.labels == ("cat",) * 5 + ("dog",) * 2


@pytest.mark.parametrize("features", [-1, 2.5, True, "some"])
def test_features_that_are_no_number(known, pictures, features):
    with pytest.raises(OptionError, match="features"):
        known(pictures(3, 0), features=features)


def test_a_single_image_has_no_covariance(known, pictures):
    with pytest.raises(StatisticsError, match="single image"):
        known(pictures(1, 0))


def test_a_set_of_ever_new_sizes_is_not_counted_by_kind(known, monkeypatch):
    monkeypatch.setattr(computing_module, "MOST_KINDS", 3)
    images = [np.zeros((4 + i, 5, 3), np.uint8) + i for i in range(8)]
    statistics = known(images)
    assert statistics.count == 8
    assert statistics.kinds is None
