"""Normal intervals against scipy's quantiles, and their cuts at the ends of a quantity's range."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ganeval.errors import OptionError
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence, StandardError
from ganeval.uncertainty.interval import (
    DEFAULT_LEVEL,
    NOTHING_VARIES,
    Interval,
    critical_value,
    has_width,
    normal_interval,
    require_level,
)

LEVELS = st.floats(0.01, 0.999)


@given(LEVELS)
def test_critical_value_is_the_normal_quantile_of_scipy(level):
    assert critical_value(level) == pytest.approx(scipy.stats.norm.ppf((1 + level) / 2), rel=1e-9, abs=1e-12)


def test_the_default_level_is_95_percent():
    assert DEFAULT_LEVEL == 0.95
    assert critical_value(DEFAULT_LEVEL) == pytest.approx(1.959963984540054)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), LEVELS)
def test_interval_is_that_of_scipy(estimate, error, level):
    interval = normal_interval(estimate, error, level=level, method="words")
    if error > 0:
        low, high = scipy.stats.norm.interval(level, loc=estimate, scale=error)
        assert interval.low == pytest.approx(low, rel=1e-9, abs=1e-9 * (abs(estimate) + error))
        assert interval.high == pytest.approx(high, rel=1e-9, abs=1e-9 * (abs(estimate) + error))
    else:
        assert (interval.low, interval.high) == (estimate, estimate)
    assert (interval.level, interval.method) == (level, "words")


@given(st.floats(-0.5, 1.5), st.floats(0, 2), LEVELS)
def test_cut_interval_stays_in_the_range_and_loses_nothing_of_it(estimate, error, level):
    whole = normal_interval(estimate, error, level=level, method="")
    cut = normal_interval(estimate, error, level=level, method="", lowest=0, highest=1)
    assert 0 <= cut.low <= cut.high <= 1
    for inside in np.linspace(0, 1, 7):
        covered = cut.low <= inside <= cut.high
        assert covered or not whole.low <= inside <= whole.high
        if 0 <= estimate <= 1:
            assert covered == (whole.low <= inside <= whole.high) or inside in (cut.low, cut.high)


@given(st.floats(0, 50), st.floats(0.01, 1), LEVELS)
def test_an_estimate_beyond_the_range_leaves_as_wide_an_interval_as_one_at_its_end(beyond, error, level):
    # Cut alone, an estimate two standard errors below what can be would give an interval of no width.
    reach = critical_value(level) * error
    below = normal_interval(-beyond, error, level=level, method="", lowest=0.0)
    assert (below.low, below.high) == (0.0, pytest.approx(reach))
    above = normal_interval(1 + beyond, error, level=level, method="", lowest=-100.0, highest=1.0)
    assert (above.low, above.high) == (pytest.approx(1 - reach), 1.0)


@pytest.mark.parametrize(("low", "high", "size", "wide"), [(0, 0, 0, False), (3, 3 + 1e-12, 0, False)])
def test_an_interval_of_rounding_has_no_width(low, high, size, wide):
    assert has_width(Interval(low, high, 0.95, ""), size) is wide


def test_small_intervals_have_a_width_unless_they_come_from_large_numbers():
    assert has_width(Interval(0.0, 1e-14, 0.95, ""))
    assert not has_width(Interval(0.0, 1e-14, 0.95, ""), 1.0)


def test_a_score_that_no_image_moves_has_no_interval_but_a_reason():
    score = Score("x", 2.0, None, 60, True)
    influence = Influence(None, np.zeros(60))
    told = score.with_influence(influence, level=0.95, method="")
    assert told.interval is None
    assert told.no_interval_reason == NOTHING_VARIES
    assert told.standard_error == StandardError(0.0, 0.0)
    assert told.influence is influence
    varying = Influence(None, np.tile([-1.0, 1.0], 30))
    assert score.with_influence(varying, level=0.95, method="").interval is not None


@given(st.floats(-10, 10), st.floats(0.1, 5), st.floats(0.05, 0.9))
def test_a_higher_level_gives_a_wider_interval_around_the_same_centre(estimate, error, level):
    narrow = normal_interval(estimate, error, level=level, method="")
    wide = normal_interval(estimate, error, level=level + 0.05, method="")
    assert wide.low < narrow.low < narrow.high < wide.high
    assert narrow.low + narrow.high == pytest.approx(2 * estimate, abs=1e-9)


def test_simulated_intervals_of_a_mean_hold():
    rng = np.random.default_rng(0)
    draws = rng.normal(3, 2, (4000, 100))
    inside = 0
    for row in draws:
        interval = normal_interval(row.mean(), row.std(ddof=1) / 10, level=0.9, method="")
        inside += interval.low <= 3 <= interval.high
    assert inside / 4000 == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, math.nan, "0.95", True])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(OptionError, match="between 0 and 1"):
        require_level(level)


def test_levels_that_can_be_used():
    assert require_level(None) is None
    assert require_level(0.5) == 0.5
