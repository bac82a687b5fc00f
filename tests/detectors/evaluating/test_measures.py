"""Measures against scikit-learn, closed forms and simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from ganeval.detectors.evaluating.measures import (
    auc,
    auc_interval,
    average_precision,
    average_precision_interval,
    bootstrap_interval,
    brier,
    calibration_error,
    clopper_pearson,
    delong_variance,
    newcombe_interval,
    rate,
)
from ganeval.errors import MetricError

# Of few distinct values, so that ties are frequent.
scores = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=25)


def labels(one, other):
    return np.r_[np.ones(len(one)), np.zeros(len(other))], np.r_[one, other]


@given(scores, scores)
def test_auc_and_average_precision_agree_with_scikit_learn(one, other) -> None:
    truth, values = labels(one, other)
    assert auc(one, other) == pytest.approx(roc_auc_score(truth, values))
    assert average_precision(one, other) == pytest.approx(average_precision_score(truth, values))


def test_auc_by_hand() -> None:
    # Of 6 pairs: 4 above, 1 tie, 1 below.
    assert auc([3, 1], [2, 1, 0]) == pytest.approx(4.5 / 6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_brier_of_equal_sides_agrees_with_scikit_learn(one) -> None:
    other = [value / 2 for value in one]
    truth, values = labels(one, other)
    assert brier(one, other) == pytest.approx(brier_score_loss(truth, values))


def test_delong_variance_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 8, 13).astype(float), rng.integers(-2, 6, 9).astype(float)
    wins = (one[:, None] > other) + 0.5 * (one[:, None] == other)
    expected = wins.mean(1).var(ddof=1) / 13 + wins.mean(0).var(ddof=1) / 9
    assert delong_variance(one, other) == pytest.approx(expected)


def test_newcombe_interval_solves_its_equation() -> None:
    low, high = newcombe_interval(0.8, 30, 50, 0.95)
    for theta in (low, high):
        star = 40 - 1
        variance = theta * (1 - theta) * (1 + star * (1 - theta) / (2 - theta) + star * theta / (1 + theta)) / 1500
        assert abs(0.8 - theta) == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-4)


def test_perfect_separation_is_not_certainty() -> None:
    low, high = auc_interval([1.0] * 10 + [2.0] * 10, [0.0] * 20)
    assert high == 1
    assert 0.75 < low < 0.95
    wider, _ = auc_interval([1.0, 2.0], [0.0, 0.0])
    assert wider < low
    assert average_precision_interval([1.0] * 20, [0.0] * 20)[0] == pytest.approx(0.025 ** (1 / 20))


@pytest.mark.parametrize("shift", [0.3, 1.2, 2.2])
def test_auc_interval_covers_the_truth(shift: float) -> None:
    from scipy.stats import norm

    truth = norm.cdf(shift / math.sqrt(2))
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        low, high = auc_interval(rng.normal(shift, 1, 40), rng.normal(0, 1, 60))
        covered += low <= truth <= high
    assert covered >= 0.92 * 300


def test_calibration_error_by_hand() -> None:
    # Two bins: stated .2 with a third generated, stated .9 with all generated; at equal weights of the classes.
    generated, real = [0.9, 0.9, 0.2], [0.2, 0.2, 0.2]
    # Weights 1/6 each: bin .2 holds 4/6 of the weight with 1/6 generated; bin .9 holds 2/6, all generated.
    expected = abs(1 / 6 - 0.2 * 4 / 6) + abs(2 / 6 - 0.9 * 2 / 6)
    assert calibration_error(generated, real, bins=2) == pytest.approx(expected)


def test_calibration_error_does_not_depend_on_the_sets_composition() -> None:
    rng = np.random.default_rng(0)
    stated = rng.beta(0.7, 0.7, 40_000)
    generated = rng.random(stated.size) < stated
    one, other = stated[generated], stated[~generated]
    assert calibration_error(one, other) < 0.015
    assert calibration_error(one[:2000], other) < 0.03
    # Overconfident by construction: log-odds doubled.
    odds = (stated / (1 - stated)) ** 2
    sharp = odds / (1 + odds)
    assert calibration_error(sharp[generated], sharp[~generated]) > 0.05


def test_basic_bootstrap_takes_off_what_chance_adds_to_the_calibration_error() -> None:
    rng = np.random.default_rng(2)
    below = 0
    for seed in range(20):
        stated = rng.beta(1, 1, 200)
        generated = rng.random(200) < stated
        one, other = stated[generated], stated[~generated]
        low, high = bootstrap_interval(calibration_error, one, other, seed=seed, resamples=100)
        assert 0 <= low <= high
        below += low <= 0.02
    # The truth is (nearly) 0.
    assert below >= 17


def test_prior_moves_the_weights() -> None:
    # Honest at one generated image in ten: stated .1 for all.
    assert calibration_error([0.1] * 30, [0.1] * 30, prior=0.1) == pytest.approx(0, abs=1e-12)
    assert calibration_error([0.1] * 30, [0.1] * 30, prior=0.5) == pytest.approx(0.4)


def test_clopper_pearson_closed_forms() -> None:
    assert clopper_pearson(0, 20) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert clopper_pearson(20, 20) == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    # Published example: 10 of 100 at 95 %.
    assert clopper_pearson(10, 100) == (pytest.approx(0.0490, abs=1e-4), pytest.approx(0.1762, abs=1e-4))
    assert math.isnan(rate(0, 0).low)


@pytest.mark.parametrize("function", [auc, average_precision, calibration_error, brier])
@pytest.mark.parametrize(("one", "other"), [([], [1.0]), ([math.nan], [0.5]), ([[1.0]], [1.0])])
def test_what_cannot_be_measured_is_an_error(function, one, other) -> None:
    with pytest.raises(MetricError):
        function(one, other)


def test_probabilities_outside_their_range_are_an_error() -> None:
    with pytest.raises(MetricError, match="between 0 and 1"):
        calibration_error([1.2], [0.0])
