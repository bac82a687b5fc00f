"""Influence of single images: standard errors against textbook formulas, and in a Score."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import (
    Influence,
    StandardError,
    variance_of_grouped_mean,
    variance_of_mean,
)

VALUES = arrays(np.float64, st.integers(2, 40), elements=st.floats(-100, 100))


def score(value=5.0, **more):
    return Score("s", value, 10, 20, higher_is_better=False, **more)


@given(VALUES)
def test_variance_of_a_mean_is_the_sample_variance_over_n(values):
    by_hand = sum((v - values.mean()) ** 2 for v in values) / (len(values) - 1) / len(values)
    assert variance_of_mean(values) == pytest.approx(by_hand, rel=1e-9, abs=1e-12)


def test_variance_without_a_side_and_of_a_single_image():
    assert variance_of_mean(None) == 0
    assert variance_of_mean(np.array([1.0])) == math.inf


@given(VALUES)
def test_images_that_are_groups_of_one_are_independent(values):
    names = [str(number) for number in range(len(values))]
    assert variance_of_grouped_mean(values, names) == pytest.approx(variance_of_mean(values), rel=1e-9, abs=1e-12)


@given(VALUES, st.integers(2, 5))
def test_repeating_each_image_in_its_group_changes_nothing(values, times):
    """A clip of equal frames knows as much as one frame."""
    names = [str(number) for number in range(len(values)) for _ in range(times)]
    repeated = np.repeat(values, times)
    assert variance_of_grouped_mean(repeated, names) == pytest.approx(variance_of_mean(values), rel=1e-9, abs=1e-10)
    # Ignoring the groups would claim to know more than there is.
    assert variance_of_mean(repeated) <= variance_of_mean(values) + 1e-12


def test_grouped_variance_is_that_of_simulated_clips():
    rng = np.random.default_rng(1)
    means, claimed = [], []
    for _ in range(1500):
        frames = rng.integers(2, 9, 40)
        clip = np.repeat(rng.normal(size=40), frames) + rng.normal(0, 0.5, frames.sum())
        names = np.repeat(np.arange(40).astype(str), frames)
        means.append(clip.mean())
        claimed.append(variance_of_grouped_mean(clip - clip.mean(), list(names)))
    assert np.mean(claimed) == pytest.approx(np.var(means), rel=0.12)


def test_groups_without_a_side_and_a_single_group():
    assert variance_of_grouped_mean(None, []) == 0
    assert variance_of_grouped_mean(np.array([1.0, -1.0]), ["a", "a"]) == math.inf


@given(st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0, 1e3))
def test_parts_of_a_standard_error_add_up_in_squares(real, generated, other):
    total = StandardError(real, generated, other).total
    assert total == pytest.approx(math.hypot(real, generated, other), rel=1e-12)


def test_standard_error_of_a_difference_of_means_is_welchs():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=30), rng.normal(2, 3, size=50)
    error = Influence(-(x - x.mean()), y - y.mean()).standard_error()
    assert error.total == pytest.approx(math.sqrt(x.var(ddof=1) / 30 + y.var(ddof=1) / 50))
    assert error.real == pytest.approx(x.std(ddof=1) / math.sqrt(30))


def test_what_the_first_order_misses_widens_and_never_narrows():
    values = np.array([1.0, -1.0, 2.0, -2.0])
    plain = Influence(None, values).standard_error().total
    assert Influence(None, values, other_variance=0.3).standard_error().total == pytest.approx(
        math.sqrt(plain**2 + 0.3)
    )
    assert Influence(None, values, other_variance=-0.3).standard_error().total == plain


def test_interval_of_a_score_lies_around_the_corrected_value():
    values = np.array([3.0, -3.0] * 8)
    made = score(corrected=4.0).with_influence(Influence(None, values), level=0.95, method="m")
    error = values.std(ddof=1) / 4
    assert made.interval.low == pytest.approx(4 - 1.959964 * error)
    assert made.interval.high == pytest.approx(4 + 1.959964 * error)
    assert made.standard_error.total == pytest.approx(error)
    assert (made.value, made.estimate) == (5.0, 4.0)
    assert made.influence.generated is values


def test_a_score_that_knew_no_interval_forgets_the_reason():
    made = (
        score()
        .without_interval("too few")
        .with_influence(Influence(None, np.array([1.0, -1.0])), level=0.9, method="m")
    )
    assert made.no_interval_reason is None
    assert made.interval.level == 0.9


def test_a_single_image_gives_a_reason_and_no_infinite_interval():
    made = score().with_influence(Influence(None, np.array([0.0])), level=0.95, method="m")
    assert made.interval is None
    assert made.standard_error is None
    assert "too few" in made.no_interval_reason


def test_a_variance_that_overflows_is_not_blamed_on_few_images():
    made = score().with_influence(Influence(None, np.array([1.0, -1.0]), math.inf), level=0.95, method="m")
    assert made.interval is None
    assert "overflow" in made.no_interval_reason


def test_dropping_an_image_moves_a_mean_by_its_influence():
    """The jackknife: influence/(N−1) is how far the estimate moves without that image."""
    values = np.random.default_rng(4).normal(size=12)
    influence = values - values.mean()
    for number in range(12):
        without = np.delete(values, number).mean()
        assert values.mean() - without == pytest.approx(influence[number] / 11)
