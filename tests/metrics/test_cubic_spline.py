"""The cubic spline of even nodes, against scipy's and against cubics, which it must reproduce."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from ganeval.metrics.cubic_spline import cubic_spline


@given(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=60), st.integers(1, 300))
def test_is_scipys_spline(values: list[float], asked: int) -> None:
    at_nodes = np.array(values)
    steps = np.linspace(0, len(values) - 1, asked)
    expected = CubicSpline(np.arange(len(values)), at_nodes)(steps)
    assert cubic_spline(at_nodes, steps) == pytest.approx(expected, rel=1e-11, abs=1e-11 * max(1, abs(at_nodes).max()))


def test_cubics_are_reproduced() -> None:
    cubic = np.polynomial.Polynomial([3.0, -2.0, 0.5, 0.25])
    steps = np.linspace(0, 9, 91)
    assert cubic_spline(cubic(np.arange(10.0)), steps) == pytest.approx(cubic(steps), rel=1e-12)
