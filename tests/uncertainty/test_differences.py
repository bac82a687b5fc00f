"""Differences against simulation and closed forms, Holm's procedure against its definition by closed testing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ganeval.uncertainty.differences import Difference, Estimate, Rule, difference, holm, simultaneous_level
from ganeval.uncertainty.influence import Influence, StandardError

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def distance_of_means(real: np.ndarray, generated: np.ndarray) -> Estimate:
    """‖mean of real − mean of generated‖² without its bias, with the exact influence: 2(μr − μg)·(x − μr) and so on."""
    gap = real.mean(axis=0) - generated.mean(axis=0)
    bias = sum(side.var(axis=0, ddof=1).sum() / len(side) for side in (real, generated))
    u = 2 * (real - real.mean(axis=0)) @ gap
    v = -2 * (generated - generated.mean(axis=0)) @ gap
    influence = Influence(u, v)
    return Estimate(float(gap @ gap - bias), influence.standard_error(), influence)


def draw(rng: np.random.Generator, count: int, shift: float) -> np.ndarray:
    rows = rng.normal(size=(count, 4))
    rows[:, 0] += shift
    return rows


def test_the_interval_covers_and_pairing_narrows_it() -> None:
    rng = np.random.default_rng(1)
    covered, wide, narrow, errors = 0, [], [], []
    for _ in range(600):
        real = draw(rng, 150, 0)
        first, second = (distance_of_means(real, draw(rng, 600, shift)) for shift in (1.0, 1.2))
        paired = difference(first, second, same_real=True)
        apart = difference(first, second, same_real=False)
        low, high = paired.ends(Rule().critical(0.95))
        covered += low <= 1.0 - 1.44 <= high
        wide.append(apart.standard_error)
        narrow.append(paired.standard_error)
        errors.append(paired.value)
    assert 0.92 < covered / 600 < 0.975
    assert np.mean(narrow) == pytest.approx(np.std(errors), rel=0.08)
    # Var(u_A − u_B)/N + Var(v_A)/M + Var(v_B)/M in closed form, and with (Var(u_A) + Var(u_B))/N for the unpaired one.
    generated = 4 * (1.0 + 1.44) / 600
    assert np.mean(narrow) == pytest.approx(math.sqrt(4 * 0.04 / 150 + generated), rel=0.05)
    assert np.mean(wide) == pytest.approx(math.sqrt(4 * (1.0 + 1.44) / 150 + generated), rel=0.05)


def test_false_decisions_are_as_rare_as_promised_when_two_sets_are_alike() -> None:
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(600):
        real = draw(rng, 200, 0)
        sets = [draw(rng, 200, 0.8) for _ in range(3)]
        estimates = [distance_of_means(real, one) for one in sets]
        found = [difference(a, b, same_real=True) for a, b in itertools.combinations(estimates, 2)]
        false += any(one.decided for one in holm([Rule().p_value(f) for f in found], level=0.95))
    # Three dependent differences: the rate may lie below 5 %, and above it by chance of 600 runs only.
    assert 0.01 < false / 600 < 0.05 + 1.64 * math.sqrt(0.05 * 0.95 / 600)


def test_pairs_only_what_is_shared() -> None:
    u = np.array([1.0, -1.0, 2.0, -2.0])
    first = Estimate(3.0, StandardError(0.5, 0.2, 0.1), Influence(u, None))
    second = Estimate(1.0, StandardError(0.5, 0.3, 0.0), Influence(u, None))
    longer = Estimate(1.0, StandardError(0.5, 0.3, 0.0), Influence(np.zeros(5), None))
    numbers = Estimate(1.0, StandardError(0.5, 0.3, 0.0))
    generated = 0.2**2 + 0.1**2 + 0.3**2
    paired = difference(first, second, same_real=True)
    assert (paired.value, paired.paired) == (2.0, True)
    assert paired.real_variance == 0
    assert paired.generated_variance == pytest.approx(generated)
    for other, same in ((second, False), (longer, True), (numbers, True)):
        apart = difference(first, other, same_real=same)
        assert not apart.paired
        assert apart.real_variance == pytest.approx(0.5)
    assert difference(first, Estimate(1.0), same_real=True) is None


def test_a_standard_error_beyond_its_influences_widens_the_difference_alike() -> None:
    rng = np.random.default_rng(3)
    u, w = rng.normal(size=(2, 1000))
    u, w = u - u.mean(), w - w.mean()
    plain = [Estimate(0.0, Influence(x, None).standard_error(), Influence(x, None)) for x in (u, w)]
    doubled = [Estimate(0.0, StandardError(2 * e.standard_error.real, 0.0), e.influence) for e in plain]
    assert difference(*doubled, same_real=True).standard_error == pytest.approx(
        2 * difference(*plain, same_real=True).standard_error
    )


def test_the_p_value_is_that_of_the_normal_distribution() -> None:
    found = difference(Estimate(1.0, StandardError(0, 0.3)), Estimate(0.2, StandardError(0, 0.4)), same_real=True)
    assert Rule().p_value(found) == pytest.approx(2 * norm.sf(0.8 / 0.5))
    same = difference(Estimate(1.0, StandardError(0, 0)), Estimate(1.0, StandardError(0, 0)), same_real=True)
    assert Rule().p_value(same) == 1


def closed_testing(p_values: list[float], alpha: float) -> list[bool]:
    """Reject a hypothesis if Bonferroni rejects every subset that contains it: what Holm's procedure abbreviates."""
    places = range(len(p_values))
    subsets = [s for size in range(1, len(p_values) + 1) for s in itertools.combinations(places, size)]
    return [all(min(p_values[j] for j in s) <= alpha / len(s) for s in subsets if i in s) for i in places]


@settings(max_examples=150, deadline=None)
@given(P_VALUES)
def test_holm_is_closed_testing(p_values: list[float]) -> None:
    decisions = holm(p_values, level=0.95)
    assert [one.decided for one in decisions] == closed_testing(p_values, 1 - 0.95)


def test_holm_by_hand() -> None:
    # Holm 1979 by hand: 3 × .01, 2 × .02 (not below the one before), 1 × .04.
    decisions = holm([0.02, 0.04, 0.01], level=0.95)
    assert [round(one.adjusted, 12) for one in decisions] == [0.04, 0.04, 0.03]
    assert [round(1 - one.step_level, 12) for one in decisions] == [0.025, 0.05, round(0.05 / 3, 12)]
    assert holm([], level=0.95) == []


@settings(max_examples=150, deadline=None)
@given(P_VALUES)
def test_the_step_level_agrees_with_the_decision(p_values: list[float]) -> None:
    for p_value, one in zip(p_values, holm(p_values, level=0.9), strict=True):
        if abs(p_value - (1 - one.step_level)) > 1e-12:
            assert one.decided == (p_value < 1 - one.step_level)
        assert one.adjusted >= p_value
        assert one.step_level <= simultaneous_level(0.9, len(p_values)) + 1e-12


@settings(max_examples=100, deadline=None)
@given(P_VALUES, st.randoms())
def test_the_order_of_p_values_does_not_matter(p_values: list[float], random) -> None:
    order = list(range(len(p_values)))
    random.shuffle(order)
    plain, shuffled = holm(p_values, level=0.95), holm([p_values[i] for i in order], level=0.95)
    assert [plain[i].decided for i in order] == [one.decided for one in shuffled]
    assert [plain[i].adjusted for i in order] == [one.adjusted for one in shuffled]


def test_repeated_looks_keep_the_level_and_agree_with_their_intervals() -> None:
    sizes = (500, 750, 1125, 1700, 2500)
    rule, rng = Rule(sizes), np.random.default_rng(5)
    steps = np.diff((0, *sizes))
    paths = np.cumsum(rng.normal(size=(4000, len(sizes))) * np.sqrt(steps), axis=1) / np.sqrt(sizes)
    strayed = (np.abs(paths) > rule.critical(0.95)).any(axis=1).mean()
    assert strayed == pytest.approx(0.05, abs=0.011)
    single = (np.abs(paths) > Rule().critical(0.95)).any(axis=1).mean()
    assert single > 0.1
    just = Difference(rule.critical(0.95), 1.0, 0.0, paired=True)
    assert rule.p_value(just) == pytest.approx(0.05, abs=1e-6)
    assert just.ends(rule.critical(0.95))[0] == pytest.approx(0, abs=1e-9)
    assert rule.p_value(Difference(0.0, 1.0, 0.0, paired=True)) == pytest.approx(1)
    assert rule.p_value(Difference(99.0, 1.0, 0.0, paired=True)) == 0
    assert Rule().single_look_level(0.9) == pytest.approx(0.9)
    assert rule.single_look_level(0.95) > 0.975
