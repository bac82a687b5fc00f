"""Verdicts from scores with chosen numbers: directions, and means over things that differ."""

from __future__ import annotations

import pytest

from ganeval.comparing.judging import Row, judge


def _judged(first, second):
    (found,) = judge([Row("x", {"a": first, "b": second})], identical=(), level=0.95).metrics["x"].differences
    return found


@pytest.mark.parametrize("higher", [True, False])
def test_the_better_one_is_better_in_either_direction(higher, score_of):
    low, high = (score_of("recall", value, 0.1, higher_is_better=higher) for value in (1.0, 3.0))
    assert _judged(low, high).better == ("b" if higher else "a")
    assert _judged(high, low).better == ("a" if higher else "b")


def test_means_over_different_classes_are_not_held_against_each_other(score_of):
    def score(value, classes):
        return score_of(
            "intra_fd", value, 0.1, details={"classes": {c: {"value": value + i} for i, c in enumerate(classes)}}
        )

    assert _judged(score(3.0, ["cat", "dog"]), score(5.0, ["cat", "dog"])).outcome == "better"
    found = _judged(score(3.0, ["cat"]), score(5.0, ["cat", "dog"]))
    assert found.outcome == "no-verdict"
    assert "different classes" in found.verdict


def test_identical_pairs_that_one_mean_leaves_out_are_no_verdict(score_of):
    """A set that restores half of the images exactly mustn't lose by the other half."""
    half_exact = score_of("psnr", 30.0, 0.1, details={"identical_pairs": 50})
    none_exact = score_of("psnr", 34.0, 0.1, details={"identical_pairs": 0})
    assert _judged(half_exact, none_exact).outcome == "no-verdict"
    assert _judged(half_exact, half_exact).outcome == "undecided"
