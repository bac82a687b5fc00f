"""Numbers are shown with the digits that mean something."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeval.metrics.score import Interval, Score
from ganeval.report.digits import number_text, rate_text, score_text, seconds_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (23.416785, "23.417"),
        (0.8125, "0.81250"),
        (9.999996, "10.000"),
        (301.68, "301.68"),
        (0.0012345678, "0.0012346"),
        (0.000123456, "0.00012346"),
        (0.0000123456, "1.2346e-05"),
        (123456.7, "123457"),
        (1234567.0, "1.2346e+06"),
        (1.5e300, "1.5000e+300"),
        (-0.00211, "-0.0021100"),
        (0.0, "0"),
        (-0.0, "0"),
        (math.nan, "not a number"),
        (math.inf, "infinite"),
        (-math.inf, "-infinite"),
    ],
)
def test_five_significant_digits(value: float, shown: str) -> None:
    assert number_text(value) == shown


@pytest.mark.parametrize(
    ("value", "uncertainty", "shown"),
    [
        (3.9124710183, 0.1349817, "3.91"),
        (0.01234567891, 0.00098123, "0.01235"),
        (23.416785, 1e-9, "23.417"),
        (301.68, 14.2, "302"),
        (-0.00001, 0.0005, "-0.00001"),
        (-0.000001, 0.0005, "0.00000"),
        (5.0, 1e9, "5"),
        (23.416785, math.nan, "23.417"),
        (23.416785, 0.0, "23.417"),
    ],
)
def test_an_uncertainty_ends_the_digits_at_its_second(value: float, uncertainty: float, shown: str) -> None:
    assert number_text(value, uncertainty) == shown


@given(st.floats(-1e307, 1e307), st.none() | st.floats(0, 1e12))
def test_what_is_shown_is_the_number_to_its_last_place(value: float, uncertainty: float | None) -> None:
    shown = number_text(value, uncertainty)
    assert shown == "-0" or not shown.startswith("-0.0000000000")
    mantissa, _, exponent = shown.partition("e")
    places = len(mantissa.partition(".")[2])
    last_place = 10.0 ** (int(exponent or 0) - places)
    assert abs(float(shown) - value) <= 0.5000001 * last_place + 1e-15 * abs(value)
    digits = mantissa.replace(".", "").lstrip("-0")
    assert len(digits) <= 6


def test_spread_and_interval_share_the_place() -> None:
    score = Score("fd", 23.416785, 10, 10, False, Interval(22.9071, 23.9271, 0.95, "influence"), {}, {})
    text = score_text(score)
    assert (text.value, text.interval, text.interval_of) == ("23.42", ("22.91", "23.93"), "95%, influence")
    assert text.spread is None
    score = Score("kd", 0.01234567, 10, 10, False, None, {"subsets": 100}, {"std": 0.00098123})
    text = score_text(score)
    assert (text.value, text.spread, text.spread_of) == ("0.01235", "0.00098", "standard deviation over 100 subsets")


@pytest.mark.parametrize(
    ("level", "percent"), [(0.95, "95%"), (0.951109, "95.11%"), (0.9, "90%"), (0.99999, "99.999%"), (0.5, "50%")]
)
def test_levels_are_shown_to_the_digits_that_matter(level: float, percent: str) -> None:
    score = Score("fd", 2.0, 10, 10, False, Interval(1.0, 3.0, level, "influence"))
    assert score_text(score).interval_of == f"{percent}, influence"


def test_a_spread_of_zero_hides_no_digit() -> None:
    text = score_text(Score("inception_score", 1.00004, None, 10, True, None, {"splits": 2}, {"std": 0.0}))
    assert (text.value, text.spread) == ("1.0000", "0")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.1234, "0.12 s"), (9.4, "9.4 s"), (59.7, "1 min 00 s"), (71.4, "1 min 11 s"), (7500, "2 h 05 min"), (0, "0 s")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert seconds_text(seconds) == shown


def test_rates() -> None:
    assert rate_text(2000, 63.2) == "31.6 images/s"
    assert rate_text(50000, 100) == "500 images/s"
    assert rate_text(0, 1.0) is None
    assert rate_text(10, 0.0) is None
    assert rate_text(10, math.nan) is None
