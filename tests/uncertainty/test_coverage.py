"""A part of benchmarks/coverage.py: nominal 95 % intervals contain the truth as often as docs/coverage.md says.

Each case has 200 replicates. An interval that holds contains the truth with a probability of 90 to 98 %; with 90 %,
fewer than 170 of 200 contain it less than once in a hundred simulations: the lower bound here. An interval that is too
wide is no error (near equality they are conservative on purpose), but one that is far too wide is of no use: its mean
standard error is held to the standard deviation over the replicates. Seeds are fixed.
"""

from __future__ import annotations

import math

import pytest
import scipy.stats
from coverage_simulation.cases import Case
from coverage_simulation.replicates import run_replicate
from coverage_simulation.summary import summarise

REPLICATES = 200
#: Fewest intervals with the truth in them, see above.
FEWEST = int(scipy.stats.binom.ppf(0.01, REPLICATES, 0.90))

CASES = [
    Case("fd", "gaussian", 64, 1.0, "same", 500, 500),
    Case("fd", "mixture", 64, 0.5, "near", 500, 500),
    Case("fd", "mixture", 64, 0.5, "far", 500, 1500),
    Case("fd", "heavy", 32, 0.5, "far", 500, 500),
    Case("fd", "sparse", 64, 0.5, "near", 1500, 500),
    Case("kd", "mixture", 32, 0.5, "same", 300, 300),
    Case("kd", "mixture", 32, 0.5, "near", 300, 600),
    Case("kd", "gaussian", 32, 1.0, "far", 300, 300),
    Case("precision_recall", "gaussian", 16, 0.0, "near", 400, 400),
    Case("density_coverage", "mixture", 32, 0.5, "near", 400, 400),
]


def test_the_bound_is_as_stated():
    assert FEWEST == 170
    assert scipy.stats.binom.cdf(FEWEST - 1, REPLICATES, 0.90) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_intervals_contain_the_truth(case):
    rows = summarise(case, [run_replicate(case, number) for number in range(REPLICATES)])
    assert rows
    for row in rows:
        assert row.offered == REPLICATES, row.refusal
        assert row.inside >= FEWEST, f"{row.score}: only {row.inside} of {REPLICATES}, truth {row.truth}"
        assert 0.8 < row.error / row.spread < 2.5
        # What the correction leaves of the bias must not matter beside the noise.
        assert abs(row.bias_estimate) < 0.5 * row.spread


@pytest.mark.slow
def test_the_uncorrected_distance_is_off_by_many_standard_errors():
    """What the intervals would be worth around the plug-in value: nothing."""
    case = CASES[0]
    (row,) = summarise(case, [run_replicate(case, number) for number in range(40)])
    assert row.bias_value > 5 * row.spread
    assert math.isclose(row.truth, 0, abs_tol=1e-9)
