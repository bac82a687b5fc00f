"""Inception Score against torch-fidelity, closed forms and its bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_isc import isc_features_to_metric

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import inception_score
from ganeval.metrics.registry import METRICS
from ganeval.uncertainty.interval import NOTHING_VARIES


def _logits(n: int, c: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((n, c)) * 3).astype(np.float32)


@pytest.mark.parametrize(
    ("n", "splits", "shuffle", "seed"), [(100, 10, True, 2020), (237, 7, True, 1), (50, 10, False, 3)]
)
def test_agrees_with_torch_fidelity(n: int, splits: int, shuffle: bool, seed: int) -> None:
    logits = _logits(n, 40)
    theirs = isc_features_to_metric(torch.from_numpy(logits), splits=splits, shuffle=shuffle, rng_seed=seed)
    ours = inception_score(logits, splits=splits, shuffle=shuffle, seed=seed)
    assert ours.value == pytest.approx(theirs["inception_score_mean"], rel=1e-12)
    assert ours.details["std"] == pytest.approx(theirs["inception_score_std"], rel=1e-9)
    assert ours.parameters == {"splits": splits, "shuffle": shuffle, "seed": seed}
    assert (ours.n_real, ours.n_generated, ours.higher_is_better) == (None, n, True)


def test_is_the_number_of_classes_for_sure_and_even_answers() -> None:
    classes = np.tile(np.eye(8) * 1000, (10, 1))
    assert inception_score(classes, splits=10, shuffle=False).value == pytest.approx(8, rel=1e-12)


def test_is_one_when_all_answers_are_the_same() -> None:
    score = inception_score(np.tile(_logits(1, 30), (40, 1)))
    assert score.value == pytest.approx(1, abs=1e-12)
    assert score.details["std"] == pytest.approx(0, abs=1e-12)


def test_classes_without_any_probability_do_not_make_it_nan() -> None:
    logits = np.zeros((20, 3))
    logits[:, 2] = -5000.0
    assert inception_score(logits).value == pytest.approx(1, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(10, 60), c=st.integers(1, 20), seed=st.integers(0, 1000), scale=st.floats(0, 50))
def test_lies_between_one_and_the_number_of_classes(n: int, c: int, seed: int, scale: float) -> None:
    score = inception_score(np.random.default_rng(seed).standard_normal((n, c)) * scale)
    assert 1 - 1e-9 <= score.value <= c + 1e-9


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_one_split_does_not_depend_on_the_order_or_a_shift_of_the_logits(seed: int) -> None:
    logits = _logits(30, 5, seed).astype(np.float64)
    moved = logits[np.random.default_rng(seed).permutation(30)] + 7.5
    assert inception_score(moved, splits=1).value == pytest.approx(inception_score(logits, splits=1).value, rel=1e-10)


def test_same_for_numpy_and_torch_and_both_widths() -> None:
    logits = _logits(60, 12)
    expected = inception_score(logits).value
    assert inception_score(torch.from_numpy(logits)).value == expected
    assert inception_score(logits.astype(np.float64)).value == expected
    assert inception_score(torch.from_numpy(logits).requires_grad_()).value == expected


def test_fewer_images_than_splits_is_an_error() -> None:
    with pytest.raises(NotEnoughImagesError, match="at least 10 images, but there are 9"):
        inception_score(_logits(9, 5))


@pytest.mark.parametrize("splits", [0, -1, 2.5, True, "3"])
def test_bad_splits(splits: object) -> None:
    with pytest.raises(OptionError, match="splits must be a whole number of at least 1"):
        inception_score(_logits(20, 5), splits=splits)  # type: ignore[arg-type]


def test_table_entry_reads_logits_and_needs_no_real_images() -> None:
    logits = _logits(60, 12)
    metric = METRICS.get("inception_score")
    features = Features(np.zeros((60, 4), np.float32), logits=logits)
    (score,) = metric(None, features, seed=5, splits=3)
    assert score == inception_score(logits, splits=3, seed=5)
    assert score.interval is not None
    (bare,) = metric(None, features, seed=5, splits=3, level=None)
    assert bare == inception_score(logits, splits=3, seed=5, level=None)
    assert bare.value == score.value
    assert bare.interval is bare.corrected is bare.influence is None
    with pytest.raises(MetricError, match="has none"):
        metric(None, Features(np.zeros((60, 4), np.float32)))


def _probabilities(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def _entropy(p: np.ndarray) -> float:
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def _classes(n: int, *, classes: int, seed: int, sure: float, noise: float = 1.0) -> np.ndarray:
    """Logits of images whose classes are used like 1, 1/2, 1/3, ..."""
    random = np.random.default_rng(seed)
    share = 1 / np.arange(1, classes + 1)
    logits = noise * random.standard_normal((n, classes))
    logits[np.arange(n), random.choice(classes, n, p=share / share.sum())] += sure
    return logits


def test_corrected_is_the_jackknife_written_out() -> None:
    p = _probabilities(_classes(80, classes=6, seed=0, sure=3))
    whole = _entropy(p.mean(axis=0))
    without_one = np.mean([_entropy(np.delete(p, i, axis=0).mean(axis=0)) for i in range(80)])
    expected = np.exp(80 * whole - 79 * without_one - np.mean([_entropy(row) for row in p]))
    assert inception_score(np.log(p)).corrected == pytest.approx(expected, rel=1e-10)


def test_influence_is_each_images_divergence() -> None:
    logits = _classes(5000, classes=6, seed=0, sure=3)
    p = _probabilities(logits)
    divergences = (p * np.log(p / p.mean(axis=0))).sum(axis=1)
    score = inception_score(logits)
    assert score.influence is not None
    assert score.corrected is not None
    expected = score.corrected * (divergences - divergences.mean())
    np.testing.assert_allclose(score.influence.generated, expected, rtol=2e-3, atol=1e-9)


@pytest.mark.parametrize(
    ("n", "classes", "sure", "noise"), [(300, 10, 5.0, 1.0), (300, 40, 9.0, 1.5), (600, 30, 50.0, 0.0)]
)
def test_interval_covers_the_score_of_infinitely_many_images(n: int, classes: int, sure: float, noise: float) -> None:
    # Sure answers: exp of the entropy of the classes' shares. Others: a plug-in of a million images.
    if noise:
        many = _probabilities(_classes(1_000_000 // classes * 4, classes=classes, seed=1, sure=sure, noise=noise))
        truth = np.exp(_entropy(many.mean(axis=0)) + (many * np.log(many)).sum(axis=1).mean())
    else:
        share = 1 / np.arange(1, classes + 1)
        truth = np.exp(_entropy(share / share.sum()))
    scores = [inception_score(_classes(n, classes=classes, seed=s, sure=sure, noise=noise)) for s in range(100, 250)]
    covered = sum(s.interval is not None and s.interval.low <= truth <= s.interval.high for s in scores)
    assert covered >= 0.88 * 150
    estimates = [score.estimate for score in scores]
    assert abs(np.mean(estimates) - truth) < 4 * np.std(estimates) / np.sqrt(150) + 0.01 * truth
    assert np.mean([score.value for score in scores]) < truth - 2 * abs(np.mean(estimates) - truth)


def test_too_few_images_for_their_classes_are_refused() -> None:
    score = inception_score(_classes(500, classes=1000, seed=0, sure=1000.0))
    assert score.interval is None
    assert score.corrected is None
    assert "500 images are too few for the classes" in str(score.no_interval_reason)
    assert inception_score(_logits(20, 5)).no_interval_reason == "there are fewer than 30 images"


def test_interval_stays_between_one_and_the_number_of_classes() -> None:
    even = inception_score(np.tile(np.eye(8) * 1000, (40, 1)))
    assert even.interval is not None
    assert even.corrected == even.interval.high == 8
    same = inception_score(np.tile(_logits(1, 30), (40, 1)))
    assert same.value == pytest.approx(1)
    assert same.interval is None
    assert same.no_interval_reason == NOTHING_VARIES
    assert inception_score(np.zeros((40, 1))).corrected == 1
