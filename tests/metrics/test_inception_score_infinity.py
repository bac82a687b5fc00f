"""IS∞ against the definition written out with NumPy, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import inception_score, inception_score_infinity
from ganeval.metrics.registry import METRICS
from ganeval.uncertainty.interval import NOTHING_VARIES


def _logits(n: int, classes: int = 10, *, seed: int = 0, sure: float = 5.0, noise: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    logits = noise * random.standard_normal((n, classes))
    logits[np.arange(n), random.integers(classes, size=n)] += sure
    return logits


def _score(logits: np.ndarray) -> float:
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return float(np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean()))


@pytest.mark.parametrize(("n", "points", "smallest"), [(300, 15, 150), (400, 4, 200), (10_600, 6, 5000)])
def test_agrees_with_numpys_line_through_the_scores_of_subsets(n: int, points: int, smallest: int) -> None:
    logits = _logits(n)
    sizes = [round(size) for size in np.linspace(smallest, n, points)]
    random = np.random.RandomState(7)
    values = [_score(logits[random.permutation(n)[:size]]) for size in sizes]
    slope, intercept = np.polyfit(1 / np.array(sizes), values, 1)
    score = inception_score_infinity(logits, points=points, seed=7)
    assert score.value == pytest.approx(intercept, rel=1e-9)
    assert score.details["slope"] == pytest.approx(slope, rel=1e-6)
    assert score.details["sizes"] == sizes
    assert score.details["values"] == pytest.approx(values, rel=1e-10)
    assert score.details["values"][-1] == pytest.approx(inception_score(logits, splits=1).value, rel=1e-10)


def test_is_above_the_score_of_the_images_and_near_the_jackknife() -> None:
    logits = _logits(2000)
    score, corrected = inception_score_infinity(logits), inception_score(logits).corrected
    assert score.value > inception_score(logits).value
    assert score.value == pytest.approx(corrected, rel=0.03)
    assert score.interval is not None
    assert score.interval.low < corrected < score.interval.high


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_interval_covers_the_score_of_infinitely_many_images(noise: float) -> None:
    # Sure answers: the number of classes. Others: many images.
    truth = 10.0 if noise == 0 else _score(_logits(200_000, seed=1, noise=noise))
    sure = 50.0 if noise == 0 else 5.0
    scores = [inception_score_infinity(_logits(300, seed=s, sure=sure, noise=noise), seed=s) for s in range(10, 130)]
    covered = sum(s.interval is not None and s.interval.low <= truth <= s.interval.high + 1e-9 for s in scores)
    assert covered >= 0.88 * len(scores)


def test_influence_follows_from_leaving_an_image_out() -> None:
    # With two sizes the weights are those of a straight line through two points, and the small subset's is negative.
    logits = _logits(400)
    score = inception_score_infinity(logits, points=2, seed=3)
    random = np.random.RandomState(3)
    small = np.isin(np.arange(400), random.permutation(400)[:200])
    assert score.influence is not None
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    divergence = (p * np.log(p / p.mean(axis=0))).sum(axis=1)
    weights = 2 * score.details["values"][1] - np.where(small, 2 * score.details["values"][0], 0)
    expected = weights * (divergence - divergence.mean())
    assert np.corrcoef(score.influence.generated, expected)[0, 1] > 0.9999


def test_equal_answers_are_one() -> None:
    score = inception_score_infinity(np.tile(_logits(1), (60, 1)))
    assert score.value == pytest.approx(1, abs=1e-10)
    assert score.interval is None
    assert score.no_interval_reason == NOTHING_VARIES


def test_the_value_is_one_that_a_score_can_have() -> None:
    # Sure answers: subsets lack classes by chance, and the line rises beyond their number.
    scores = [inception_score_infinity(_logits(60, seed=s, sure=50.0, noise=1e-3), seed=s) for s in range(20)]
    assert all(1 <= s.value <= 10 for s in scores)
    beyond = [s for s in scores if not 1 <= s.details["intercept"] <= 10]
    assert beyond
    for score in beyond:
        assert score.value == 10
        if score.interval is not None:
            assert 1 <= score.interval.low < score.interval.high <= 10
    inside = [s for s in scores if s not in beyond]
    assert all(s.value == s.details["intercept"] for s in inside)


def test_bad_input() -> None:
    with pytest.raises(NotEnoughImagesError, match="at least 30"):
        inception_score_infinity(_logits(29))
    with pytest.raises(OptionError, match="points must be"):
        inception_score_infinity(_logits(40), points=1)
    with pytest.raises(MetricError, match="finite"):
        inception_score_infinity(np.full((40, 3), np.inf))
    refused = inception_score_infinity(_logits(300, 500, sure=50.0))
    assert "too few for the classes" in str(refused.no_interval_reason)
    # Fewer sizes than asked for where there aren't as many.
    assert len(inception_score_infinity(_logits(30), points=100).details["sizes"]) == 16


def test_table_entry_reads_logits_and_needs_no_real_images() -> None:
    logits = _logits(60).astype(np.float32)
    metric = METRICS.get("is_infinity")
    (score,) = metric(None, Features(np.zeros((60, 4), np.float32), logits=logits), seed=5, points=4)
    assert score == inception_score_infinity(torch.from_numpy(logits), points=4, seed=5)
    assert (score.name, score.n_real, score.n_generated, score.higher_is_better) == ("is_infinity", None, 60, True)
    assert metric.fewest({"points": 4}) == 30
    with pytest.raises(MetricError, match="has none"):
        metric(None, Features(np.zeros((60, 4), np.float32)))
