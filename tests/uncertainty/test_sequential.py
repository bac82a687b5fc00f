"""Looks at growing sets: the critical value against published tables and simulation, coverage and false decisions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import OptionError
from ganeval.uncertainty.interval import critical_value
from ganeval.uncertainty.sequential import Looks, planned_sizes, pocock_constant, probability_within


@pytest.mark.parametrize(
    ("looks", "constant"), [(1, 1.960), (2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (10, 2.555), (20, 2.672)]
)
def test_equal_steps_give_pococks_published_constants(looks, constant):
    # Jennison & Turnbull 1999, table 2.1, alpha = 0.05.
    assert pocock_constant(range(1, looks + 1), 0.95) == pytest.approx(constant, abs=6e-4)


def test_two_looks_agree_with_the_bivariate_normal_of_scipy():
    from scipy.stats import multivariate_normal

    rho = math.sqrt(300 / 800)
    joint = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    expected = joint.cdf([2.2, 2.2], lower_limit=[-2.2, -2.2])
    assert probability_within([300, 800], 2.2) == pytest.approx(expected, abs=1e-5)


def test_many_looks_agree_with_simulated_brownian_motion():
    sizes = planned_sizes(500, 50_000)
    critical = pocock_constant(sizes, 0.95)
    rng = np.random.default_rng(0)
    steps = np.sqrt(np.diff([0, *sizes])) * rng.normal(size=(100_000, len(sizes)))
    inside = np.abs(steps.cumsum(1) / np.sqrt(sizes)).max(1) <= critical
    assert inside.mean() == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 100_000))


@given(st.lists(st.integers(30, 10**6), min_size=1, max_size=6, unique=True), st.sampled_from([0.5, 0.9, 0.99]))
@settings(max_examples=25, deadline=None)
def test_the_constant_lies_between_one_look_and_independent_ones(sizes, level):
    sizes = sorted(sizes)
    constant = pocock_constant(sizes, level)
    assert critical_value(level) - 1e-6 <= constant <= critical_value(level ** (1 / len(sizes))) + 1e-6
    assert probability_within(sizes, constant) == pytest.approx(level, abs=1e-6)
    # Each single look has the level that the constant stands for.
    looks = Looks(sizes, level)
    assert critical_value(looks.level_at(0)) == pytest.approx(looks.critical(0))


def test_small_looks_reach_further_because_their_errors_are_estimated():
    from scipy.stats import norm, t

    looks = Looks([20, 100, 50_000], 0.95)
    constant = pocock_constant(looks.sizes, 0.95)
    for index, size in enumerate(looks.sizes):
        assert t.sf(looks.critical(index), size - 1) == pytest.approx(norm.sf(constant), rel=1e-6)
    assert looks.critical(0) > 1.08 * constant
    assert looks.critical(2) == pytest.approx(constant, rel=1e-3)


def test_sizes_grow_by_half_and_end_where_the_images_do():
    sizes = planned_sizes(500, 20_000)
    assert sizes[0] == 500
    assert sizes[-1] == 20_000
    ratios = [b / a for a, b in itertools.pairwise(sizes)]
    assert all(1.2 < ratio < 1.9 for ratio in ratios)
    assert planned_sizes(500, 500) == [500]
    assert planned_sizes(500, 40) == [40]
    assert planned_sizes(500, 560) == [560]


@pytest.mark.parametrize("wrong", [[], [0, 1], [5, 5], [9, 3]])
def test_sizes_that_do_not_ascend_are_refused(wrong):
    with pytest.raises(OptionError, match="ascending"):
        Looks(wrong, 0.95)


def test_impossible_plans_and_looks_are_refused():
    with pytest.raises(OptionError, match="can't be planned"):
        planned_sizes(500, 1000, growth=1.0)
    with pytest.raises(OptionError, match="level"):
        Looks([1, 2], 1.0)
    with pytest.raises(OptionError, match="no look 2"):
        Looks([1, 2], 0.9).critical(2)


def simulate(draw, truth, sizes, *, stop, replicates, seed):
    """Share of replicates whose interval at the stop holds `truth`, and how many stopped before the end.

    The interval is mean ± critical × the *estimated* standard error; `stop(mean, half)` says whether it is enough.
    """
    looks = Looks(sizes, 0.95)
    rng = np.random.default_rng(seed)
    values = draw(rng, (replicates, sizes[-1]))
    open_, held, early = np.ones(replicates, bool), np.zeros(replicates, bool), 0
    for index, size in enumerate(sizes):
        part = values[:, :size]
        mean, half = part.mean(1), looks.critical(index) * part.std(1, ddof=1) / math.sqrt(size)
        done = open_ & (stop(mean, half) | (index + 1 == len(sizes)))
        held[done] = np.abs(mean - truth)[done] <= half[done]
        early += int(done.sum()) if index + 1 < len(sizes) else 0
        open_ &= ~done
    return held.mean(), early / replicates


REPLICATES = 4000
NOISE = 4 * math.sqrt(0.95 * 0.05 / REPLICATES)
SIZES = planned_sizes(50, 2000)


@pytest.mark.parametrize("width", [0.5, 0.3, 0.15])
def test_intervals_keep_their_coverage_when_they_stop_at_a_width(width):
    def normal(rng, shape):
        return rng.normal(1.0, 1.0, shape)

    coverage, early = simulate(normal, 1.0, SIZES, stop=lambda mean, half: half <= width, replicates=REPLICATES, seed=1)
    assert early > 0.9
    assert coverage >= 0.95 - NOISE


def test_intervals_keep_their_coverage_when_the_width_is_relative_and_values_are_skewed():
    # The standard error of an exponential's mean goes with the mean: those too low would stop first.
    coverage, early = simulate(
        lambda rng, shape: rng.exponential(1.0, shape),
        1.0,
        SIZES,
        stop=lambda mean, half: half <= 0.1 * mean,
        replicates=REPLICATES,
        seed=2,
    )
    assert early > 0.5
    assert coverage >= 0.95 - NOISE


def test_false_decisions_stay_below_five_percent_and_without_the_rule_they_would_not():
    def normal(rng, shape):
        return rng.normal(0.0, 1.0, shape)

    def decided(mean, half):
        return np.abs(mean) > half

    coverage, _ = simulate(normal, 0.0, SIZES, stop=decided, replicates=REPLICATES, seed=3)
    assert 1 - coverage <= 0.05 + NOISE / 2

    def decided_naively(mean, half):
        return np.abs(mean) > half * critical_value(0.95) / Looks(SIZES, 0.95).critical(0)

    _, decided_share = simulate(normal, 0.0, SIZES, stop=decided_naively, replicates=REPLICATES, seed=3)
    assert decided_share > 0.15


def test_skipped_looks_and_a_side_that_is_whole_from_the_start_do_no_harm():
    rng = np.random.default_rng(4)
    looks = Looks(SIZES, 0.95)
    generated = rng.normal(size=(REPLICATES, SIZES[-1]))
    real = rng.normal(size=(REPLICATES, 300))
    worst = np.zeros(REPLICATES)
    for size in SIZES[::2]:
        mean = generated[:, :size].mean(1) - real.mean(1)
        error = np.sqrt(generated[:, :size].var(1, ddof=1) / size + real.var(1, ddof=1) / 300)
        worst = np.maximum(worst, np.abs(mean) / error / looks.critical(SIZES.index(size)))
    assert (worst <= 1).mean() >= 0.95 - NOISE
