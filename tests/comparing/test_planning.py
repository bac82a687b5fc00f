"""Plans from a report's standard errors, by hand and against what more images then give."""

from __future__ import annotations

import math

import numpy as np
import pytest

import ganeval
from ganeval.errors import MetricError, OptionError
from ganeval.uncertainty.influence import StandardError

FD = "fd_efficientnet-lite0"


def test_by_hand(report_of, score_of):
    report = report_of("a", [score_of(FD, 10.0, 0.5, standard_error=StandardError(0.3, 0.4, 0.0))])
    made = ganeval.plan(report, metrics="fid", difference=0.5).metrics[FD]
    z = 1.959964 + 0.841621
    assert made.half_width == pytest.approx(1.959964 * 0.5, rel=1e-5)
    assert made.detectable == pytest.approx(z * 0.4 * math.sqrt(2), rel=1e-5)
    assert made.detectable_unpaired == pytest.approx(z * 0.5 * math.sqrt(2), rel=1e-5)
    assert made.needed == math.ceil(2 * 0.16 * 2000 * z**2 / 0.25)
    assert made.needed_unpaired == math.ceil(2 * 0.25 * 2000 * z**2 / 0.25)
    # .5 = 1.96 · √(.09 + .16 · 2,000/N) is out of reach: .3 · 1.96 > .5.
    assert made.needed_for_half_width == math.inf
    assert made.needed_for_half_width_both == math.ceil(0.25 * 2000 * 1.959964**2 / 0.25)


def test_relative_differences_and_scores_without_errors(report_of, score_of):
    report = report_of("a", [score_of(FD, 10.0), score_of("recall", 0.5, None, no_interval_reason="none is valid")])
    made = ganeval.plan(report, relative=0.05).metrics
    assert made[FD].difference == pytest.approx(0.5)
    assert made["recall"].reason == "none is valid"
    assert made["recall"].needed is None
    zero = ganeval.plan(report_of("a", [score_of(FD, 0.0)]), relative=0.05).metrics[FD]
    assert "difference of 0" in zero.reason
    only = ganeval.plan(report).metrics[FD]
    assert (only.difference, only.needed) == (None, None)
    assert only.detectable > 0


def test_what_cannot_be_planned(report_of, score_of):
    report = report_of("a", [score_of(FD, 10.0)])
    for wrong in ({"difference": -1}, {"difference": math.nan}, {"difference": 1, "relative": 0.1}, {"power": 2}):
        with pytest.raises(OptionError):
            ganeval.plan(report, **wrong)
    with pytest.raises(MetricError, match="kid"):
        ganeval.plan(report, metrics="kid", difference=1)


def test_the_interval_at_the_planned_number_is_as_wide_as_planned(digit_sets):
    """On a set that is four times as large, the half-width is what the plan from the smaller one says."""
    from sklearn.datasets import load_digits

    pixels = (load_digits().images * 15.9).astype(np.uint8)
    order = np.random.default_rng(6).permutation(len(pixels))
    settings = {"extractor": "pixels", "cache": False, "metrics": "kid"}
    small = ganeval.score(pixels[order[:200]], pixels[order[1000:1200]] // 2, **settings)
    large = ganeval.score(pixels[order[:800]], pixels[order[1000:1797]] // 2, **settings)
    interval = large["kid"].interval
    made = ganeval.plan(small, difference=(interval.high - interval.low) / 2).metrics["kd_pixels"]
    assert made.needed_for_half_width_both == pytest.approx(800, rel=0.25)


def test_an_interval_that_is_wider_than_the_normal_one_stays_so(report_of, score_of):
    error = StandardError(0.0, 0.2)
    plain = ganeval.plan(report_of("a", [score_of(FD, 9.0, 0.2, standard_error=error)]), difference=0.1).metrics[FD]
    wide = ganeval.plan(report_of("a", [score_of(FD, 9.0, 0.4, standard_error=error)]), difference=0.1).metrics[FD]
    assert wide.half_width == pytest.approx(2 * plain.half_width)
    assert wide.needed_for_half_width == pytest.approx(4 * plain.needed_for_half_width, rel=1e-3)
    assert wide.needed == plain.needed
