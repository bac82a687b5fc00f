"""Birthday-paradox support against supports that are known, duplicates that are planted, and two real halves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from ganeval.diagnosis.collapse.birthday import DIAGNOSTIC, batch_with_duplicate, support
from ganeval.diagnosis.collapse.close_pairs import ClosePairs, pairs_within
from ganeval.diagnosis.diagnostic import Subject
from ganeval.errors import NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.images.arrays import ArraySource
from ganeval.images.reading import ImageReader
from ganeval.report.diagnosis import Examined


def _draws(random: np.random.Generator, count: int, shares: np.ndarray) -> ClosePairs:
    drawn = random.choice(len(shares), count, p=shares)
    return pairs_within(torch.from_numpy(drawn[:, None].astype(np.float32)), 0.25)


def test_one_pair_by_hand() -> None:
    found = support(pairs_within(torch.tensor([[0.0], [0.1], [5.0], [9.0], [20.0]]), 1.0))
    assert found.value == 10
    assert found.pairs == 1
    # Garwood's limits for one event: 0.0253 and 5.572.
    assert found.low == pytest.approx(10 / 5.5716, rel=1e-4)
    assert found.high == pytest.approx(10 / 0.025318, rel=1e-4)


def test_no_pair_gives_a_lower_bound() -> None:
    found = support(pairs_within(torch.arange(100.0)[:, None], 0.5), level=0.95)
    assert found.value == found.low == pytest.approx(4950 / -math.log(0.05))
    assert found.high == math.inf


def test_all_alike_is_one_image() -> None:
    found = support(pairs_within(torch.zeros(50, 2), 0.0))
    assert found.value == 1
    assert found.low == 1 <= found.high < 1.3


def test_batch_with_a_duplicate_is_the_birthday_problems() -> None:
    assert round(batch_with_duplicate(365)) == 23
    random = np.random.default_rng(1)
    size = round(batch_with_duplicate(5000))
    repeats = [len(set(random.integers(0, 5000, size))) < size for _ in range(2000)]
    assert np.mean(repeats) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("uneven", [False, True])
def test_the_interval_covers_the_collision_probability(uneven: bool) -> None:
    random = np.random.default_rng(2)
    shares = np.ones(3000) if not uneven else 1 / np.arange(1, 3001) ** 0.8
    shares /= shares.sum()
    truth = 1 / (shares**2).sum()
    covered, values = 0, []
    for _ in range(250):
        found = support(_draws(random, 400, shares))
        covered += found.low <= truth <= found.high
        values.append(1 / found.value)
    assert covered >= 0.92 * 250
    assert np.mean(values) == pytest.approx(1 / truth, rel=0.06)


def _features(vectors: np.ndarray, images: np.ndarray | None = None) -> Features:
    reader = None
    if images is not None:
        source = ArraySource(images[..., None], None, name="test", kind="array")
        reader = ImageReader(source, len(images))
    return Features(vectors.astype(np.float32), ids=tuple(str(i) for i in range(len(vectors))), reader=reader)


def _examined(generated: np.ndarray, real: np.ndarray, seed: int = 0, **sides: np.ndarray) -> Examined:
    one, other = _features(generated, sides.get("one")), _features(real, sides.get("other"))
    return DIAGNOSTIC(Subject(one, other, seed=seed))


def test_few_different_images_are_found_out() -> None:
    random = np.random.default_rng(3)
    real = random.normal(size=(1200, 8))
    kept = random.normal(size=(500, 8))
    generated = kept[random.integers(0, 500, 600)] + random.normal(size=(600, 8)) * 1e-3
    found = _examined(generated, real)
    evidence = found.evidence
    assert evidence.severity == "severe"
    assert evidence.p_value is not None
    assert evidence.p_value < 1e-3
    score = found.scores["support"]
    assert score.interval is not None
    assert score.interval.low < 500 < score.interval.high
    assert len(evidence.exhibits[0].rows) == 12
    assert "of real images" in evidence.sentence


def test_pixels_speak_where_features_are_blind() -> None:
    random = np.random.default_rng(4)
    images = random.integers(0, 256, (900, 16, 16)).astype(np.uint8)
    features = random.normal(size=(900, 6))
    repeated = images[600:][np.r_[0:270, 0:30]]
    noisy = np.clip(repeated + random.integers(-3, 4, repeated.shape), 0, 255).astype(np.uint8)
    found = _examined(features[600:], features[:600], one=noisy, other=images[:600])
    assert found.evidence.p_value is not None
    assert found.evidence.p_value < 1e-3
    # Chance adds few to the thirty that were planted.
    assert 30 <= found.evidence.details["pixels"]["generated"]["pairs"] <= 36
    assert found.evidence.details["features"]["p_value"] > 0.01
    pictures = [picture for _, row in found.evidence.exhibits[-1].rows for picture in row]
    assert all(picture.preview is not None for picture in pictures)


def test_fresh_images_raise_no_alarm() -> None:
    random = np.random.default_rng(5)
    p_values = [
        _examined(random.standard_t(3, size=(60, 6)), random.standard_t(3, size=(120, 6)), seed).evidence.p_value
        for seed in range(100)
    ]
    assert None not in p_values
    small = sum(p <= 0.1 for p in p_values if p is not None)
    assert small <= stats.binom.ppf(0.999, 100, 0.1)


def test_identical_sets_and_constant_images() -> None:
    same = np.ones((60, 4))
    found = _examined(same[:30], same)
    assert found.evidence.severity == "none"
    assert found.evidence.p_value == 1.0
    vectors = np.random.default_rng(6).normal(size=(60, 4))
    assert _examined(vectors, vectors).evidence.severity == "none"


def test_bad_input() -> None:
    vectors = np.random.default_rng(7).normal(size=(60, 4))
    with pytest.raises(OptionError, match="share"):
        DIAGNOSTIC(Subject(_features(vectors), _features(vectors)), share=0.9)
    with pytest.raises(NotEnoughImagesError):
        _examined(vectors[:2], vectors[:2])
