"""MS-SSIM and feature distances between random pairs, against their definitions and torchmetrics called directly."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.images.opening import open_source
from ganeval.images.reading import ImageReader
from ganeval.metrics import feature_diversity, ms_ssim
from ganeval.metrics.random_pairs import disjoint_pairs
from ganeval.metrics.registry import METRICS
from ganeval.metrics.structural_similarity import BETAS, scales_for, window_for
from ganeval.uncertainty.interval import NOTHING_VARIES


def _smooth(count: int, side: int, seed: int, *, alike: float = 0.0) -> np.ndarray:
    """Blurry random images; `alike` is how much of a common image is in each."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 1, (count, 4, 4, 3)) * (1 - alike) + alike * random.uniform(0, 1, (1, 4, 4, 3))
    big = torch.nn.functional.interpolate(
        torch.from_numpy(coarse).permute(0, 3, 1, 2), size=(side, side), mode="bicubic", align_corners=False
    )
    return (big.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


@settings(max_examples=50, deadline=None)
@given(count=st.integers(0, 40), most=st.integers(1, 30), seed=st.integers(0, 1000), classes=st.integers(0, 5))
def test_pairs_share_no_image_and_keep_to_classes(count: int, most: int, seed: int, classes: int) -> None:
    labels = None
    if classes:
        labels = [
            None if i % 7 == 6 else int(x)
            for i, x in enumerate(np.random.default_rng(seed).integers(0, classes, count))
        ]
    pairs = disjoint_pairs(count, most, seed=seed, labels=labels)
    assert len(set(pairs.ravel().tolist())) == pairs.size
    assert pairs.size == 0 or (pairs.min() >= 0 and pairs.max() < count)
    if labels is None:
        assert len(pairs) == min(most, count // 2)
    else:
        assert all(labels[a] is not None and labels[a] == labels[b] for a, b in pairs)
        possible = sum(labels.count(label) // 2 for label in set(labels) - {None})
        assert len(pairs) == min(most, possible)
        taken = [sum(labels[a] == label for a, _ in pairs) for label in set(labels) - {None}]
        full = [labels.count(label) // 2 for label in set(labels) - {None}]
        # The classes take turns: one that got fewer had no more.
        assert all(t >= max(taken) - 1 or t == f for t, f in zip(taken, full, strict=True))


def test_pairs_are_random_and_seeded() -> None:
    assert (disjoint_pairs(100, 50, seed=1) == disjoint_pairs(100, 50, seed=1)).all()
    assert (disjoint_pairs(100, 50, seed=1) != disjoint_pairs(100, 50, seed=2)).any()


@pytest.mark.parametrize(
    ("side", "scales"), [(176, 5), (175, 4), (99, 4), (98, 3), (44, 3), (43, 2), (22, 2), (21, 1), (5, 1)]
)
def test_scales_fit_the_size(side: int, scales: int) -> None:
    betas = scales_for(side)
    assert len(betas) == scales
    assert sum(betas) == pytest.approx(1, abs=2e-4)
    np.testing.assert_allclose(np.array(betas) / betas[0], np.array(BETAS[:scales]) / BETAS[0])
    # At every scale but one that is all there is, the window fits.
    assert side >> (scales - 1) >= window_for(side)[1]


@pytest.mark.parametrize("side", [8, 16, 28, 50, 110, 180])
def test_ms_ssim_is_torchmetrics_over_the_pairs(side: int) -> None:
    images = _smooth(8, side, 3)
    score = ms_ssim(images, pairs=3, seed=5)
    sigma, width = window_for(side)
    values = []
    for a, b in disjoint_pairs(8, 3, seed=5):
        first, second = (torch.from_numpy(images[i]).permute(2, 0, 1)[None] / 255 for i in (a, b))
        values.append(
            float(
                multiscale_structural_similarity_index_measure(
                    first,
                    second,
                    sigma=sigma,
                    kernel_size=width,
                    data_range=1.0,
                    betas=scales_for(side),
                    normalize="relu",
                )
            )
        )
    assert score.value == pytest.approx(np.mean(values), abs=1e-5)
    assert (score.n_generated, score.details["pairs"], score.parameters["scales"]) == (8, 3, len(scales_for(side)))


def test_equal_images_are_alike_and_different_ones_less() -> None:
    same = ms_ssim(np.repeat(_smooth(1, 28, 1), 40, axis=0))
    assert same.value == pytest.approx(1, abs=1e-6)
    assert same.interval is None
    assert same.no_interval_reason == NOTHING_VARIES
    alike, different = ms_ssim(_smooth(60, 28, 1, alike=0.8)), ms_ssim(_smooth(60, 28, 1))
    assert different.interval is not None
    assert alike.value > different.interval.high
    assert not different.higher_is_better


def test_pairs_within_classes_see_classes_that_have_collapsed() -> None:
    # Ten classes, each of them one image: all the variety is between classes.
    images = np.repeat(_smooth(10, 28, 2), 4, axis=0)
    labels = [i // 4 for i in range(40)]
    assert ms_ssim(images, labels=labels).value == pytest.approx(1, abs=1e-6)
    assert ms_ssim(images).value < 0.9


def test_interval_and_influence_are_those_of_the_pairs() -> None:
    images = _smooth(50, 16, 4)
    score = ms_ssim(images, pairs=20)
    assert score.interval is not None
    assert score.influence is not None
    assert score.standard_error.total == pytest.approx(score.details["std_over_pairs"] / math.sqrt(20))
    # 2.093: Student's 97.5 % with 19 degrees of freedom.
    assert score.interval.high - score.value == pytest.approx(2.093 * score.standard_error.total, rel=1e-3)
    assert score.influence.generated.sum() == pytest.approx(0, abs=1e-9)
    assert np.count_nonzero(score.influence.generated) == 40
    assert score.influence.standard_error().total == pytest.approx(score.standard_error.total, rel=0.05)
    few = ms_ssim(images, pairs=9)
    assert few.interval is None
    assert "too few pairs that share no image" in few.no_interval_reason
    assert ms_ssim(images, level=None).no_interval_reason is None


@pytest.mark.parametrize(("count", "match"), [(1, "not one pair"), (3, None)])
def test_few_images(count: int, match: str | None) -> None:
    images = _smooth(3, 16, 1)[:count]
    if match:
        with pytest.raises(NotEnoughImagesError, match=match):
            ms_ssim(images)
    else:
        assert ms_ssim(images).details["pairs"] == 1


def test_bad_input() -> None:
    images = _smooth(4, 16, 1)
    with pytest.raises(MetricError, match=r"16x16 and 20x20|20x20 and 16x16"):
        ms_ssim([images[0], _smooth(1, 20, 1)[0]])
    with pytest.raises(MetricError, match="4 pixels"):
        ms_ssim(_smooth(4, 4, 1))
    with pytest.raises(MetricError, match="3 labels for 4 images"):
        ms_ssim(images, labels=[1, 2, 3])
    with pytest.raises(NotEnoughImagesError, match="not one pair"):
        ms_ssim(images, labels=[1, 2, 3, 4])
    with pytest.raises(OptionError, match="pairs"):
        ms_ssim(images, pairs=0)


def _features(images: np.ndarray, labels: list[int] | None = None) -> Features:
    return Features(
        pooled=images.reshape(len(images), -1).astype(np.float32),
        labels=None if labels is None else tuple(labels),
        reader=ImageReader(open_source(images), len(images)),
    )


def test_table_entry_says_what_the_reals_have() -> None:
    metric = METRICS.get("ms_ssim")
    assert not metric.needs_real
    real, generated = _smooth(30, 16, 1), _smooth(30, 16, 2, alike=0.7)
    (score,) = metric(_features(real), _features(generated))
    assert score.value == ms_ssim(generated).value
    assert score.details["real"]["value"] == ms_ssim(real).value < score.value
    (alone,) = metric(None, _features(generated))
    assert "real" not in alone.details
    # Pairs within classes on one side and across them on the other can't be held side by side.
    (labelled,) = metric(_features(real), _features(generated, [i // 10 for i in range(30)]))
    assert labelled.parameters["within_classes"]
    assert "real" not in labelled.details


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(3, 25),
    d=st.integers(1, 8),
    distance=st.sampled_from(["cosine", "euclidean"]),
)
def test_feature_diversity_is_the_mean_over_all_pairs(seed: int, n: int, d: int, distance: str) -> None:
    features = np.random.default_rng(seed).standard_normal((n, d)) + 0.3

    def between(x: np.ndarray, y: np.ndarray) -> float:
        return np.linalg.norm(x - y) if distance == "euclidean" else 1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    expected = np.mean([between(x, y) for x, y in itertools.combinations(features, 2)])
    score = feature_diversity(features, distance=distance)
    assert score.value == pytest.approx(expected, rel=1e-9, abs=1e-9)
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]
    assert feature_diversity(features[::-1] @ rotation, distance=distance).value == pytest.approx(expected, abs=1e-9)
    scaled = feature_diversity(7 * features, distance=distance).value
    assert scaled == pytest.approx(expected * (7 if distance == "euclidean" else 1), rel=1e-9, abs=1e-9)
    # Influence from the definition of a U-statistic's jackknife.
    without = feature_diversity(features[1:], distance=distance, level=None).value
    jackknife = (n - 1) * (score.value - without)
    assert score.influence is not None
    assert score.influence.generated[0] * (n - 1) / (n - 2) == pytest.approx(jackknife, rel=1e-6, abs=1e-9)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganeval.metrics import feature_diversity as function

    features = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    whole = {name: function(features, distance=name).value for name in ("cosine", "euclidean")}
    import sys

    monkeypatch.setattr(sys.modules["ganeval.metrics.feature_diversity"], "_BLOCK", 64)
    for name, value in whole.items():
        assert function(features, distance=name).value == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("kind", ["far from 0", "centred", "skewed"])
def test_feature_diversity_covers(distance: str, kind: str) -> None:
    random = np.random.default_rng(5)

    def draw(n: int) -> np.ndarray:
        if kind == "skewed":
            return random.exponential(size=(n, 6)) ** 2 + 0.05
        return random.standard_normal((n, 6)) + (2.0 if kind == "far from 0" else 0.0)

    # The mean of heavy-tailed values takes more of them until it is normal.
    count = 250 if kind == "skewed" else 80
    truth = feature_diversity(draw(5_000), distance=distance, level=None).value
    hits = sum(
        interval.low <= truth <= interval.high
        for interval in (feature_diversity(draw(count), distance=distance).interval for _ in range(200))
        if interval is not None
    )
    # Near the centre cosines have no first order, and the interval is longer than it need be.
    assert 180 <= hits <= (200 if kind == "centred" else 198)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("kind", ["heavy", "rare", "far from 0"])
def test_feature_diversity_covers_from_the_least_number_of_images_on(distance: str, kind: str) -> None:
    def draw(seed: int, count: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        if kind == "heavy":
            return random.standard_t(3, size=(count, 6)) + 1.0
        if kind == "rare":
            mode = np.where(random.random(count) < 0.9, 0, random.integers(1, 6, count))
            return 4 * np.eye(8)[mode] + 0.3 * random.standard_normal((count, 8))
        return random.standard_normal((count, 6)) + 2.0

    truth = feature_diversity(draw(0, 5_000), distance=distance, level=None).value
    intervals = [feature_diversity(draw(seed, 50), distance=distance).interval for seed in range(1, 401)]
    assert all(interval is not None for interval in intervals)
    assert sum(i.low <= truth <= i.high for i in intervals if i is not None) >= 0.9 * 400


def test_feature_diversity_of_few_or_equal_images_has_a_reason_in_the_place_of_its_interval() -> None:
    random = np.random.default_rng(0)
    for count in (2, 15, 49):
        score = feature_diversity(random.standard_normal((count, 4)))
        assert (score.interval, score.no_interval_reason) == (None, "fewer than 50 images")
    for rows in (np.ones((60, 3)), np.repeat(np.eye(8)[:4], 15, axis=0)):
        for distance in ("cosine", "euclidean"):
            score = feature_diversity(rows, distance=distance)
            assert (score.interval, score.no_interval_reason) == (None, NOTHING_VARIES)


def test_feature_diversity_of_equal_images_is_not_below_zero() -> None:
    for d in (3, 192, 3072):
        score = feature_diversity(np.full((50, d), 0.1 + d % 7))
        assert 0 <= score.value < 1e-12
        assert feature_diversity(np.repeat([[1.0] * d, [-1.0] * d], [1, 1], axis=0)).value <= 2


def test_feature_diversity_of_a_draw() -> None:
    features = np.random.default_rng(1).standard_normal((500, 4))
    whole, part = (feature_diversity(features, distance="euclidean", images=n) for n in (500, 100))
    assert part.value == pytest.approx(whole.value, rel=0.1)
    assert part.standard_error.total == pytest.approx(whole.standard_error.total * math.sqrt(5), rel=0.3)
    assert np.count_nonzero(part.influence.generated) == 100


def test_feature_diversity_of_odd_input() -> None:
    features = np.random.default_rng(1).standard_normal((6, 4))
    assert feature_diversity(np.ones((6, 4))).value == pytest.approx(0, abs=1e-12)
    assert feature_diversity(np.ones((6, 4)), distance="euclidean").value == 0
    assert feature_diversity(features * 1e160).value == pytest.approx(feature_diversity(features).value)
    assert feature_diversity(features[:2]).interval is None
    with pytest.raises(MetricError, match="overflow"):
        feature_diversity(features * 1e160, distance="euclidean")
    features[3] = 0
    with pytest.raises(MetricError, match=r"row 3 .* all zero"):
        feature_diversity(features)
    features[3] = math.nan
    with pytest.raises(MetricError, match="row 3"):
        feature_diversity(features)
    with pytest.raises(NotEnoughImagesError):
        feature_diversity(features[:1])
    with pytest.raises(OptionError, match="distance"):
        feature_diversity(features[:2], distance="taxicab")


def test_feature_diversity_table_entry() -> None:
    metric = METRICS.get("feature_diversity")
    assert metric.on_features
    real, generated = _smooth(20, 6, 1), _smooth(20, 6, 2)
    (score,) = metric(_features(real), _features(generated))
    assert score.value == feature_diversity(_features(generated).pooled).value
    assert score.details["real"]["value"] == feature_diversity(_features(real).pooled).value
