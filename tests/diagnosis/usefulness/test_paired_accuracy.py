"""Shares, their intervals, and tests of paired answers against closed forms, scipy and simulated truth."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ganeval.diagnosis.usefulness.paired_accuracy import (
    Answers,
    exchanged,
    loses_more_than,
    mcnemar,
    paired_interval,
    paired_score,
    wilson,
)
from ganeval.errors import MetricError


def answers(both: int, first: int, second: int, neither: int):
    a = [True] * both + [True] * first + [False] * second + [False] * neither
    b = [True] * both + [False] * first + [True] * second + [False] * neither
    return np.asarray(a), np.asarray(b)


def test_ranks_by_hand() -> None:
    scores = np.asarray([[3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [0.0, 5.0, 5.0], [0.0, 0.0, 9.0]])
    found = Answers.of(scores, np.asarray([1, 2, 2, 2]))
    assert found.predicted.tolist() == [0, 0, 1, 2]
    assert found.rank.tolist() == [1, 2, 1, 0]
    assert found.right(2).tolist() == [True, False, True, True]
    assert np.array_equal(found.right(), found.predicted == [1, 2, 2, 2])


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(MetricError, match="not numbers"):
        Answers.of(np.asarray([[np.nan, 1.0]]), np.asarray([0]))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_scipys(trials: int, share: float, level: float) -> None:
    successes = round(share * trials)
    expected = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    low, high = wilson(successes, trials, level)
    assert float(low) == pytest.approx(expected.low, abs=1e-12)
    assert float(high) == pytest.approx(expected.high, abs=1e-12)


def test_wilson_covers_the_share_of_a_class() -> None:
    # The least mean coverage of Wilson's interval at these sizes is well known to lie near its level.
    trials, truth = 40, np.linspace(0.05, 0.95, 19)
    counts = np.arange(trials + 1)
    low, high = wilson(counts, np.full(trials + 1, trials), 0.95)
    covered = [stats.binom.pmf(counts, trials, p)[(low <= p) & (p <= high)].sum() for p in truth]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)
    assert min(covered) > 0.9


def test_a_class_that_nobody_asked_about_may_have_any_accuracy() -> None:
    low, high = wilson(np.asarray([0]), np.asarray([0]), 0.95)
    assert (low[0], high[0]) == (0, 1)


def test_mcnemar_is_a_binomial_test() -> None:
    first, second = answers(50, 3, 12, 10)
    assert mcnemar(first, second) == pytest.approx(stats.binomtest(3, 15, alternative="less").pvalue)
    assert mcnemar(*answers(5, 0, 0, 5)) == 1


def test_the_score_without_a_difference_is_mcnemars() -> None:
    assert paired_score(12, 3, 75, 0.0) == pytest.approx((12 - 3) / math.sqrt(15))


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(0, 30)] * 4).filter(lambda counts: sum(counts) > 0))
def test_the_interval_holds_what_the_score_doesnt_reject(counts) -> None:
    first, second = answers(*counts)
    low, high = paired_interval(first, second, 0.95)
    estimate = second.mean() - first.mean()
    assert -1 <= low <= estimate <= high <= 1
    z = stats.norm.ppf(0.975)
    for end in (low, high):
        if abs(end) < 1 - 1e-6 and abs(end - estimate) > 1e-6:
            assert abs(paired_score(counts[2], counts[1], len(first), end)) == pytest.approx(z, abs=1e-3)
    mirrored = paired_interval(second, first, 0.95)
    assert mirrored == pytest.approx((-high, -low), abs=1e-6)


def test_the_paired_interval_covers_the_difference() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        kind = random.choice(4, size=120, p=[0.6, 0.05, 0.15, 0.2])
        first, second = np.isin(kind, (0, 1)), np.isin(kind, (0, 2))
        low, high = paired_interval(first, second, 0.9)
        covered += low <= 0.1 <= high
    assert covered / 400 == pytest.approx(0.9, abs=0.045)


def test_losing_more_than_a_margin() -> None:
    first, second = answers(700, 20, 80, 200)
    assert loses_more_than(first, second, 0.0) == pytest.approx(stats.norm.sf(60 / math.sqrt(100)))
    assert loses_more_than(first, second, 0.02) < 0.001
    assert loses_more_than(first, second, 0.06) == pytest.approx(0.5)
    assert loses_more_than(first, second, 0.1) > 0.99


def test_exchanges_by_hand() -> None:
    assert exchanged([0, 0], [1, 1]) == pytest.approx(1 / 6)
    assert exchanged([1, 1], [0, 0]) == 1
    assert exchanged([0.3] * 3, [0.3] * 3) == 1
    assert exchanged([0.1] * 8, [0.2] * 8) == pytest.approx(1 / math.comb(16, 8))


def test_exchanges_are_scipys_permutations() -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(0, 1, 5), random.normal(0.5, 1, 5)
    expected = stats.permutation_test(
        (first, second), lambda a, b: a.mean() - b.mean(), alternative="less", n_resamples=np.inf
    )
    assert exchanged(first, second) == pytest.approx(expected.pvalue)


def test_exchanges_have_uniform_p_values_where_numbers_are_exchangeable() -> None:
    found = [exchanged(order[:3], order[3:]) for order in permutations(range(6))]
    for alpha in (0.05, 0.1, 0.5):
        # All orders of six numbers are equally probable: the share is exact.
        assert np.mean(np.asarray(found) <= alpha) == pytest.approx(math.floor(alpha * 20) / 20, abs=0.05)
        assert np.mean(np.asarray(found) <= alpha) <= alpha + 1e-12


def test_unequal_numbers_cant_be_exchanged() -> None:
    with pytest.raises(MetricError, match="can't be exchanged"):
        exchanged([1, 2], [1])
