"""Numbers of images against simulation and the textbook's formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ganeval.errors import OptionError
from ganeval.uncertainty.power import (
    VarianceParts,
    about,
    detectable,
    images_for_half_width,
    images_to_tell,
    require_power,
)


def test_the_textbooks_two_sample_size() -> None:
    # Two means of variance 1 a value, difference 0.5, α = .05, power .8: 2 (1.96 + .8416)² / .25 = 62.8, so 63.
    parts = VarianceParts(real=0.0, generated=2 / 100, n_real=None, n_generated=100)
    assert images_to_tell(parts, 0.5, level=0.95, power=0.8) == 63


def test_as_many_as_it_says_are_enough_and_not_too_many() -> None:
    rng = np.random.default_rng(4)
    difference = 0.3
    parts = VarianceParts(real=0.0, generated=2 / 50, n_real=None, n_generated=50)
    needed = int(images_to_tell(parts, difference, level=0.99, power=0.9))
    critical = norm.ppf(0.995)
    first = rng.normal(size=(4000, needed)).mean(axis=1) + difference
    second = rng.normal(size=(4000, needed)).mean(axis=1)
    told = np.abs(first - second) > critical * math.sqrt(2 / needed)
    assert told.mean() == pytest.approx(0.9, abs=0.02)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(1e-6, 10), st.floats(1e-6, 10), st.integers(2, 10_000), st.integers(2, 10_000), st.floats(1e-3, 100),
    st.booleans(),
)  # fmt: skip
def test_at_the_number_needed_the_difference_is_just_detectable(
    real: float, generated: float, n_real: int, n_generated: int, difference: float, more_real: bool
) -> None:
    parts = VarianceParts(real, generated, n_real, n_generated)
    needed = images_to_tell(parts, difference, level=0.95, power=0.8, more_real=more_real)
    if math.isinf(needed):
        assert detectable(parts.at(1e9, n_real=1e9 if more_real else None), level=0.95) >= difference * (1 - 1e-6)
        return
    at = parts.at(needed, n_real=needed if more_real else None)
    assert detectable(at, level=0.95) <= difference * (1 + 1e-6)
    if needed > 2:
        before = parts.at(needed - 1, n_real=needed - 1 if more_real else None)
        assert detectable(before, level=0.95) >= difference * (1 - 1e-6)


def test_no_number_is_enough_where_the_real_images_are_too_few() -> None:
    parts = VarianceParts(real=1.0, generated=1.0, n_real=100, n_generated=100)
    assert images_to_tell(parts, 0.5, level=0.95) == math.inf
    assert images_to_tell(parts, 0.5, level=0.95, more_real=True) == pytest.approx(200 * 2.8016**2 / 0.25, rel=1e-3)
    assert images_to_tell(parts, 1e-9, level=0.95, more_real=True) == math.inf


def test_the_half_width_is_that_of_the_normal_interval() -> None:
    parts = VarianceParts(real=0.0, generated=1 / 100, n_real=None, n_generated=100)
    assert images_for_half_width(parts, 0.1, level=0.95) == math.ceil((1.959964 / 0.1) ** 2)


@pytest.mark.parametrize(
    ("count", "words"),
    [(8734, "about 8,800"), (9000, "about 9,000"), (62, "about 62"), (2, "about 2"), (math.inf, "more than a billion")],
)
def test_in_words(count: float, words: str) -> None:
    assert about(count) == words


@pytest.mark.parametrize("power", [0, 1, 1.5, -0.1, True, "0.8"])
def test_a_power_that_is_none(power: object) -> None:
    with pytest.raises(OptionError, match="power"):
        require_power(power)
