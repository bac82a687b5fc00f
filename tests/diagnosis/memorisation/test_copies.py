"""Constructed copies must be found, in features and in pixels, and fresh real images must not."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganeval.diagnosis.diagnostic import Subject
from ganeval.diagnosis.memorisation import closeness
from ganeval.diagnosis.memorisation.closeness import (
    closeness_of_sets,
    feature_closeness,
    local_dimension,
    log_volume,
    pixel_closeness,
    remarkably_close,
)
from ganeval.diagnosis.memorisation.copies import DIAGNOSTIC, _sentence, find_copies
from ganeval.diagnosis.memorisation.nearest_images import nearest_images, nearest_training_images, nearest_within
from ganeval.diagnosis.memorisation.shares import clopper_pearson, difference_of_shares, smallest_difference
from ganeval.diagnosis.memorisation.tail_scan import tail_scan_p_value
from ganeval.diagnosis.memorisation.thumbnails import BASE, crops, mirror, thumbnails, whole
from ganeval.diagnosis.overlap import find_overlap
from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.images.digest import pixel_digest
from ganeval.images.fashion_mnist import _embedded_test
from ganeval.images.source import ImageInfo
from ganeval.metrics.image_sets import as_reader

Images = np.ndarray


def _mirrored(image: Images, random: np.random.Generator) -> Images:
    return image[:, ::-1]


def _cropped(image: Images, random: np.random.Generator) -> Images:
    top, left = random.integers(0, 3, 2)
    return np.asarray(Image.fromarray(image[top : top + 26, left : left + 26]).resize((28, 28)))


def _noisy(image: Images, random: np.random.Generator) -> Images:
    return np.clip(image + random.normal(0, 5, image.shape), 0, 255).astype(np.uint8)


def _compressed(image: Images, random: np.random.Generator) -> Images:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=75)
    return np.asarray(Image.open(stream))


def _features(images: Images, name: str, *, readable: bool = True) -> Features:
    rgb = np.repeat(images[..., None], 3, axis=-1)
    return Features(
        images.reshape(len(images), -1).astype(np.float32) / 255,
        ids=tuple(f"{name}/{row}" for row in range(len(images))),
        images=tuple(ImageInfo("array", "L", 28, 28, digest=pixel_digest(image)) for image in rgb),
        reader=as_reader("images", rgb) if readable else None,
    )


@pytest.fixture(scope="module")
def fashion() -> dict[str, Images]:
    images = _embedded_test()[0]
    return {"training": images[:1500], "held_out": images[1500:2500], "fresh": images[2500:3000]}


def _vectors(seed: int, count: int, dimension: int = 12) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((5, dimension)) * 2
    return (centres[random.integers(0, 5, count)] + random.standard_normal((count, dimension))).astype(np.float32)


def test_fresh_images_are_no_copies(fashion) -> None:
    subject = Subject(*(_features(fashion[name], name) for name in ("fresh", "training", "held_out")))
    found = DIAGNOSTIC(subject)
    assert found.evidence.p_value is not None
    assert found.evidence.p_value > 0.05
    assert found.evidence.details["exact_copies"] == 0
    assert found.evidence.details["spaces"] == ["features", "pixels"]
    assert len(found.evidence.exhibits[0].rows) >= 6


# What a valid test sees among so few training images: about half of the copies. (Distances alone see more, and call
# samples copies that merely vary in fewer directions than the data.)
@pytest.mark.parametrize(
    ("alter", "least", "most_p"),
    [(_mirrored, 0.02, 1e-3), (_cropped, 0.02, 2e-2), (_noisy, 0.03, 1e-3), (_compressed, 0.02, 1e-3)],
)
def test_altered_copies_are_found(fashion, alter: Callable[..., Images], least: float, most_p: float) -> None:
    random = np.random.default_rng(1)
    generated, sources = fashion["fresh"].copy(), random.choice(1500, 25, replace=False)
    generated[:25] = [alter(fashion["training"][row], random) for row in sources]
    sides = [_features(s, n) for s, n in ((generated, "g"), (fashion["training"], "t"), (fashion["held_out"], "h"))]
    found = DIAGNOSTIC(Subject(*sides))
    assert found.evidence.p_value is not None
    assert found.evidence.p_value < most_p
    assert found.evidence.severity == "severe"
    # 5 % were made.
    assert least <= found.evidence.effect <= 0.07
    low, high = found.evidence.details["interval"]
    assert low <= found.evidence.effect <= high
    pairs = {one["generated"]: one["nearest_pixels"] for one in found.evidence.details["closest"]}
    right = sum(pairs.get(f"g/{place}") == f"t/{row}" for place, row in enumerate(sources))
    assert right >= 12
    shown = found.evidence.exhibits[0].rows
    assert all(len(pictures) == 3 for _, pictures in shown)
    assert shown[0][1][0].preview is not None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_the_share_of_copies_is_estimated_though_few_can_be_named(share: float) -> None:
    training, generated = _vectors(0, 3000), _vectors(1, 1000)
    copied = int(share * len(generated))
    noise = 0.4 * np.random.default_rng(3).standard_normal((copied, 12)).astype(np.float32)
    generated[:copied] = training[:copied] + noise
    found = DIAGNOSTIC(Subject(Features(generated), Features(training), Features(_vectors(2, 1000)))).evidence
    low, high = found.details["interval"]
    assert low <= share <= high + 0.02
    assert found.effect == pytest.approx(share, abs=0.04)
    # Counting those that stand out by themselves would miss some.
    assert found.details["near_copies_share"] < 0.02 + 0.8 * share


def test_exact_and_mirrored_pixels_are_counted(fashion) -> None:
    generated = fashion["fresh"].copy()
    generated[3], generated[5] = fashion["training"][7], fashion["training"][8][:, ::-1]
    found = DIAGNOSTIC(Subject(_features(generated, "g"), _features(fashion["training"], "t")))
    assert (found.evidence.details["exact_copies"], found.evidence.details["exact_mirrored_copies"]) == (1, 1)
    assert "exactly a training image's pixels" in found.evidence.sentence


def test_without_pixels_it_says_why(fashion) -> None:
    sides = [_features(fashion[name], name, readable=False) for name in ("fresh", "training", "held_out")]
    details = DIAGNOSTIC(Subject(*sides)).evidence.details
    assert details["spaces"] == ["features"]
    assert "can't be read again" in details["without_pixels"]
    assert DIAGNOSTIC(Subject(_features(fashion["fresh"], "g"), sides[1]), pixels="no").evidence.p_value is not None
    with pytest.raises(OptionError, match="pixels must be one of"):
        DIAGNOSTIC(Subject(*sides), pixels="maybe")


@pytest.mark.parametrize("held_out", [True, False])
def test_false_alarms(held_out: bool) -> None:
    values = []
    for seed in range(60):
        training, generated, other = (_vectors(3 * seed + i, n) for i, n in enumerate((300, 120, 150)))
        subject = Subject(Features(generated), Features(training), Features(other) if held_out else None, seed=seed)
        values.append(DIAGNOSTIC(subject).evidence.p_value)
    # 60 valid p-values: P[more than 8 at or below 0.05] < 0.003.
    assert np.mean(np.asarray(values) <= 0.05) <= 8 / 60


def test_copies_within_the_training_set_are_no_scale() -> None:
    training = np.concatenate([np.repeat(_vectors(0, 1), 80, axis=0), _vectors(1, 200)])
    found = feature_closeness(training[:1] + np.float32(1e-3), training)
    assert found.ratio[0] < 0.01
    assert found.nearest[0] == 0


@pytest.mark.parametrize(("dimension", "spread"), [(2, 1.0), (2, 30.0), (6, 1.0)])
def test_volumes_are_free_of_density_and_dimension(dimension: int, spread: float) -> None:
    # Around a point with images scattered at random, the nearest has 1/50 of the volume up to the 50th, on average.
    random = np.random.default_rng(dimension)
    training = (spread * random.random((4000, dimension))).astype(np.float32)
    queries = (spread * (0.25 + 0.5 * random.random((1500, dimension)))).astype(np.float32)
    found = feature_closeness(queries, training)
    assert np.exp(log_volume(found)).mean() == pytest.approx(1 / 50, rel=0.25)
    assert (log_volume(feature_closeness(training[:3], training)) == -np.inf).all()


def test_local_dimension() -> None:
    # In 2 dimensions, distances grow like the square root of the neighbour's number.
    distances = np.sqrt(np.arange(1, 51.0))[None]
    assert local_dimension(distances)[0] == pytest.approx(2, rel=0.15)
    # A copy has no influence; neighbours at one distance have no dimension, and give a finite one.
    copy = distances.copy()
    copy[0, 0] = 0
    assert local_dimension(copy) == local_dimension(distances)
    assert np.isfinite(local_dimension(np.ones((1, 50)))).all()
    assert np.isfinite(local_dimension(np.zeros((1, 3)))).all()


def test_remarkable_closeness_is_exchangeable_and_finite() -> None:
    training = _vectors(0, 500)
    ours, theirs = (feature_closeness(_vectors(1 + i, n), training) for i, n in enumerate((300, 200)))
    first, second = remarkably_close(ours, theirs)
    other_second, other_first = remarkably_close(theirs, ours)
    np.testing.assert_allclose(np.concatenate([first, second]), np.concatenate([other_first, other_second]))
    all_copied, honest = remarkably_close(feature_closeness(training[:300], training), theirs)
    assert np.isfinite(all_copied).all()
    assert all_copied.max() < honest.min()
    # Nothing of the number of directions is left.
    rank = np.corrcoef(np.concatenate([first, second]), np.log(np.concatenate([ours.dimension, theirs.dimension])))
    assert abs(rank[0, 1]) < 0.15


def test_duplicates_in_the_data_are_no_alarm() -> None:
    # Half of all images of this world come twice, once on either side.
    values = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        world = np.repeat(_vectors(seed, 400), 2, axis=0)[random.permutation(800)]
        subject = Subject(Features(world[:300]), Features(world[300:]), seed=seed)
        values.append(DIAGNOSTIC(subject).evidence.p_value)
    assert np.mean(np.asarray(values) <= 0.05) <= 5 / 30


def test_degenerate_sets() -> None:
    ones = np.ones((40, 3), dtype=np.float32)
    with pytest.raises(MetricError, match="differ from one another"):
        DIAGNOSTIC(Subject(Features(ones), Features(ones)))
    with pytest.raises(NotEnoughImagesError, match="too few real images"):
        DIAGNOSTIC(Subject(Features(_vectors(0, 20)), Features(_vectors(1, 12))))
    broken = _vectors(0, 50)
    broken[3, 2] = np.nan
    with pytest.raises(MetricError, match="NaN"):
        DIAGNOSTIC(Subject(Features(broken), Features(_vectors(1, 90))))
    same = _vectors(0, 300)
    found = DIAGNOSTIC(Subject(Features(same), Features(same), Features(_vectors(1, 200))))
    assert found.evidence.severity == "severe"
    assert found.evidence.effect == pytest.approx(1, abs=0.02)


def _scan_by_enumeration(generated: np.ndarray, fresh: np.ndarray) -> float:
    """p-value from all assignments of the values to the two samples."""
    values = np.concatenate([generated, fresh])
    n, total = len(generated), len(values)
    ordered = np.sort(values)
    wanted = [k for k in (8, 16, 32) if k < total] or [total // 2]
    depths = sorted({int((values <= ordered[k - 1]).sum()) for k in wanted} - {total})

    def statistic(chosen: np.ndarray) -> float:
        tails = []
        for k in depths:
            inside = int((chosen <= ordered[k - 1]).sum())
            ways = sum(comb(n, c) * comb(total - n, k - c) for c in range(inside, min(n, k) + 1))
            tails.append(ways / comb(total, k))
        return min(tails, default=1.0)

    observed = statistic(generated)
    every = [statistic(values[list(rows)]) <= observed * (1 + 1e-9) for rows in combinations(range(total), n)]
    return float(np.mean(every))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (6, 11), (9, 9)])
def test_tail_scan_is_exact(n: int, m: int, ties: bool) -> None:
    random = np.random.default_rng(n + m)
    for _ in range(2):
        generated, fresh = random.random(n) - 0.2, random.random(m)
        if ties:
            generated, fresh = np.round(generated * 4), np.round(fresh * 4)
        expected = _scan_by_enumeration(generated, fresh)
        assert tail_scan_p_value(generated, fresh) == pytest.approx(expected, rel=1e-9)


def test_tail_scan_reaches_small_values() -> None:
    random = np.random.default_rng(0)
    generated, fresh = random.random(10_000), random.random(10_000)
    generated[:100] -= 2
    assert 0 < tail_scan_p_value(generated, fresh) < 1e-19
    assert tail_scan_p_value(np.zeros(5), np.zeros(9)) == 1.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(30, 200), m=st.integers(30, 200))
def test_ranks_alone_matter(seed: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    ours, theirs = random.random((2, n)), random.random((2, m))
    found = find_copies(ours, theirs)
    assert ((found.p_values >= 1 / (m + 1)) & (found.p_values <= 1)).all()
    again = find_copies([ours[0] ** 3, np.exp(ours[1])], [theirs[0] ** 3, np.exp(theirs[1])])
    np.testing.assert_array_equal(again.p_values, found.p_values)
    assert again.p_value == found.p_value


def test_neighbours_are_remembered_as_long_as_the_sets_live() -> None:
    real, generated = Features(_vectors(0, 200)), Features(_vectors(1, 50))
    first = nearest_training_images(generated, real)
    assert nearest_training_images(generated, real) is first
    assert nearest_training_images(Features(generated.pooled), real) is not first
    brute = np.linalg.norm(generated.pooled[:, None].astype(float) - real.pooled[None], axis=2)
    np.testing.assert_allclose(first.distances, np.sort(brute, axis=1)[:, :50], rtol=1e-12)
    rows = np.array([3, 77])
    within = nearest_within(real.pooled, rows, count=2)
    assert (within.rows != rows[:, None]).all()
    mapped = np.asarray(real.pooled)
    np.testing.assert_array_equal(nearest_images(mapped[rows], mapped).rows[:, 0], rows)


def test_thumbnails_and_their_crops(fashion) -> None:
    made = thumbnails(_features(fashion["fresh"][:5], "g").reader)
    assert made.grey.shape == (5, BASE * BASE)
    assert made.mirrored[2] == pixel_digest(np.repeat(fashion["fresh"][2][:, ::-1, None], 3, axis=-1))
    np.testing.assert_array_equal(mirror(mirror(made.grey)), made.grey)
    tried = list(crops(made.grey))
    assert len(tried) == 28
    np.testing.assert_array_equal(tried[0], whole(made.grey))
    # Averages of a slope are its values at the middle of what is averaged.
    slope = np.tile((np.arange(BASE, dtype=np.float32) + 0.5) / BASE, (1, BASE))
    expected = np.tile((np.arange(10) + 0.5) / 10, 10) - 0.5
    got = whole(slope)[0]
    np.testing.assert_allclose(got / np.linalg.norm(got), expected / np.linalg.norm(expected), atol=1e-5)
    near = pixel_closeness(
        made.grey, np.concatenate([mirror(made.grey), made.grey[::-1] * 0.5 + 0.1]), np.zeros((5, 1), int)
    )
    assert (near.ratio < 0.3).all()


def test_overlap_is_found_and_named(fashion) -> None:
    training = _features(fashion["training"], "train")
    held = fashion["held_out"][:50].copy()
    held[[4, 9]] = fashion["training"][[100, 200]]
    found = find_overlap(_features(held, "test"), training)
    assert found.pairs == (("test/4", "train/100"), ("test/9", "train/200"))
    assert (found.by_pixels, found.by_features, found.share) == (2, 0, 0.04)
    assert found.sentence == (
        "2 of 50 held-out images are also in the training set: test/4 = train/100, test/9 = train/200"
    )
    bare = find_overlap(Features(held.reshape(50, -1) / np.float32(255)), Features(training.pooled))
    assert (bare.by_pixels, bare.by_features) == (0, 2)
    assert find_overlap(_features(fashion["held_out"][:50], "test"), training).sentence == ""
    samples = find_overlap(_features(held, "test"), training, place="among the samples")
    assert samples.sentence.startswith("2 of 50 held-out images are also among the samples: test/4")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            (1.0, 0.88, 1.0, 400, 400, 400, 0),
            "100 % of the samples (between 88 and 100 %) are near copies of training ",
        ),
        ((0.084, 0.036, 0.132, 52, 400, 0, 1), "8.4 % of the samples (between 3.6 and 13 %) are near copies "),
        ((0.0, 0.0, 0.0, 0, 400, 0, 0), "none of 400 samples is closer"),
    ],
)
def test_the_sentence_has_shares_that_people_can_read(counts: tuple[float, ...], said: str) -> None:
    assert _sentence(*counts).startswith(said)


def test_exact_and_mirrored_pixels_are_told_apart() -> None:
    said = _sentence(0.1, 0.05, 0.2, 50, 400, 1, 10)
    assert said.endswith(
        "; 1 has exactly a training image's pixels; 10 have exactly a training image's pixels, mirrored"
    )


def test_intervals_of_shares() -> None:
    assert clopper_pearson(0, 10, 0.95) == pytest.approx((0, 1 - 0.025**0.1))
    assert clopper_pearson(10, 10, 0.95) == pytest.approx((0.025**0.1, 1))
    low, high = difference_of_shares(0.5, (0.4, 0.6), 0.3, (0.2, 0.4))
    assert (low, high) == pytest.approx((0.2 - 0.02**0.5, 0.2 + 0.02**0.5))
    assert smallest_difference(0.5, 10_000, 10_000) < smallest_difference(0.5, 100, 100) <= 1


@pytest.mark.parametrize("twice", [False, True])
def test_closeness_of_sets_is_that_of_their_vectors(twice: bool) -> None:
    training, queries = _vectors(21, 120), _vectors(22, 30)
    if twice:
        training[7] = training[3]
    sets = [Features(pooled=vectors) for vectors in (queries, training)]
    for found, expected in zip(closeness_of_sets(*sets), feature_closeness(queries, training), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_nearest_crop_is_that_of_every_pair() -> None:
    """Against each pair by itself; images in blocks and pairs in parts of any size."""
    rng = np.random.default_rng(5)
    grey = rng.random((40, BASE * BASE), dtype=np.float32)
    small = whole(rng.random((9, BASE * BASE), dtype=np.float32))
    small[4] = list(crops(grey[11:12]))[13][0]
    tried = rng.integers(0, 40, (9, 6))
    tried[4, 2] = 11

    def nearest(query: np.ndarray, image: int) -> float:
        return min(float(np.linalg.norm(query - crop[0])) for crop in crops(grey[image : image + 1]))

    expected = np.array([[nearest(query, image) for image in row] for query, row in zip(small, tried, strict=True)])
    for block, pairs in ((2000, 2000), (3, 5)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(closeness, "_BLOCK", block)
            patch.setattr(closeness, "_PAIRS", pairs)
            distances, sources = closeness._nearest_crop(small, grey, tried)
        np.testing.assert_allclose(distances, expected.min(axis=1), atol=2e-3)
        assert (sources == tried[np.arange(9), expected.argmin(axis=1)]).all()
        assert sources[4] == 11
