"""C2ST against scikit-learn's cross-validation, Bayes' optimal accuracy and chance."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import classifier_two_sample_test as c2st
from ganeval.metrics.registry import METRICS


def _sides(n: int, m: int, shift: float, d: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    generated = random.normal(size=(m, d))
    generated[:, 0] += shift
    return random.normal(size=(n, d)), generated


@pytest.mark.parametrize("classifier", ["logistic", "knn"])
def test_agrees_with_scikit_learns_cross_validation(classifier: str) -> None:
    # Other folds and a scaler of its own in each, so that the answers agree but for a few images.
    real, generated = _sides(400, 400, 1.0)
    model = (
        LogisticRegression(class_weight="balanced")
        if classifier == "logistic"
        else KNeighborsClassifier(n_neighbors=25)
    )
    truth = np.repeat([0, 1], 400)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    answers = cross_val_predict(make_pipeline(StandardScaler(), model), np.r_[real, generated], truth, cv=folds)
    assert c2st(real, generated, classifier=classifier).value == pytest.approx((answers == truth).mean(), abs=0.02)


@pytest.mark.parametrize(("n", "m"), [(1500, 1500), (2500, 600)])
@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_close_to_the_optimal_accuracy_of_two_gaussians(n: int, m: int, shift: float) -> None:
    # Two unit Gaussians a distance s apart: Φ(s/2), on each side, whatever their sizes.
    score = c2st(*_sides(n, m, shift))
    best = NormalDist().cdf(shift / 2)
    assert score.value == pytest.approx(best, abs=0.025)
    assert score.interval is not None
    assert score.interval.low < best + 0.01
    for side in ("accuracy_real", "accuracy_generated"):
        assert score.details[side] == pytest.approx(best, abs=0.05)
    assert score.details["p_value"] < 1e-3


@pytest.mark.parametrize("classifier", ["logistic", "knn"])
@pytest.mark.parametrize(("n", "m"), [(100, 100), (200, 60)])
def test_by_chance_the_interval_holds_one_half_and_the_test_keeps_its_level(classifier: str, n: int, m: int) -> None:
    scores = [c2st(*_sides(n, m, 0, d=6, seed=1000 + seed), classifier=classifier, seed=seed) for seed in range(120)]
    values = [score.value for score in scores]
    assert np.mean(values) == pytest.approx(0.5, abs=4 * np.std(values) / np.sqrt(120))
    covered = sum(s.interval is not None and s.interval.low <= 0.5 <= s.interval.high for s in scores)
    assert covered >= 0.88 * 120
    assert sum(score.details["p_value"] < 0.05 for score in scores) <= 0.12 * 120


def test_what_a_line_cannot_see_neighbours_can() -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(400, 2)), random.normal(size=(400, 2))
    real *= 3 / np.linalg.norm(real, axis=1, keepdims=True)
    assert c2st(real, generated).value < 0.6
    assert c2st(real, generated, classifier="knn").value > 0.85


def test_sets_apart_are_told_without_error() -> None:
    score = c2st(*_sides(50, 50, 40.0))
    assert score.value == 1
    assert score.interval is not None
    assert 0.9 < score.interval.low < 1 == score.interval.high


def test_constant_and_equal_features_are_chance() -> None:
    assert c2st(np.ones((40, 3)), np.ones((60, 3))).value == 0.5
    real, _ = _sides(60, 60, 0)
    same = c2st(real, real)
    # Its copy was in the training set with the other label.
    assert same.value <= 0.55


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(1e-3, 1e3), offset=st.floats(-50, 50))
def test_columns_units_do_not_matter(seed: int, factor: float, offset: float) -> None:
    real, generated = _sides(60, 60, 1.0, seed=seed)
    moved = c2st(real * factor + offset, generated * factor + offset)
    assert moved.value == pytest.approx(c2st(real, generated).value, abs=0.02)


def test_exchanging_the_sides_changes_nothing_but_their_names() -> None:
    real, generated = _sides(80, 80, 1.0)
    score, other = c2st(real, generated), c2st(generated, real)
    assert other.value == pytest.approx(score.value, abs=0.05)
    assert score == c2st(torch.from_numpy(real), generated)


def test_influence_is_that_of_the_mean_of_answers() -> None:
    score = c2st(*_sides(50, 90, 1.0))
    assert score.influence is not None
    assert score.influence.real is not None
    assert sorted(set(np.round(score.influence.real, 12))) == sorted(
        {round((right - score.details["accuracy_real"]) / 2, 12) for right in (0, 1)}
    )


def test_huge_features_do_not_overflow() -> None:
    real, generated = _sides(50, 50, 3.0)
    assert c2st(1e300 * real, 1e300 * generated).value == pytest.approx(c2st(real, generated).value, abs=0.03)


def test_bad_input() -> None:
    real, generated = _sides(40, 25, 1.0)
    assert c2st(real, generated).no_interval_reason == "a side has fewer than 30 images"
    assert c2st(real, generated, level=None).no_interval_reason is None
    with pytest.raises(NotEnoughImagesError, match="at least 5"):
        c2st(real[:4], generated)
    with pytest.raises(OptionError, match="logistic, knn"):
        c2st(real, generated, classifier="svm")
    for parameter, value in {"folds": 1, "inverse_penalty": 0.0, "neighbours": 0}.items():
        with pytest.raises(OptionError, match=f"^{parameter} must be"):
            c2st(real, generated, **{parameter: value})
    # More neighbours than there are images are all of them.
    assert c2st(real, generated, classifier="knn", neighbours=1000).value == 0.5


def test_table_entry() -> None:
    real, generated = (side.astype(np.float32) for side in _sides(50, 60, 1.0))
    metric = METRICS.get("c2st")
    (score,) = metric(Features(real), Features(generated), seed=3, folds=4)
    assert score == c2st(real, generated, seed=3, folds=4)
    assert (score.name, score.n_real, score.n_generated, score.higher_is_better) == ("c2st", 50, 60, False)
    assert metric.fewest({"folds": 7}) == 7
    with pytest.raises(OptionError):
        metric.fewest({"classifier": "svm"})
    with pytest.raises(ValueError, match="none of"):
        metric.parameter("classifier").parse("svm")
    with pytest.raises(MetricError, match="needs real images"):
        metric(None, Features(generated))
