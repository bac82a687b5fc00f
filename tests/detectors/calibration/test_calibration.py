"""Calibration: logistic fits against scikit-learn and against known ratios, conformal p-values valid, tables whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from ganeval.detectors.calibration.conformal import p_value
from ganeval.detectors.calibration.platt import Platt, bootstrap_platt, fit_platt
from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.errors import WeightsError


def _normal_scores(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose true log-likelihood ratio is ``2 s``: normal around -1 and 1 with deviation 1."""
    rng = np.random.default_rng(seed)
    generated = np.arange(n) % 2 == 1
    return rng.standard_normal(n) + np.where(generated, 1.0, -1.0), generated


def test_the_ratio_of_two_normals_is_found() -> None:
    scores, generated = _normal_scores(20_000)
    platt = fit_platt(scores, generated)
    assert platt.slope == pytest.approx(2.0, abs=0.08)
    assert platt.intercept == pytest.approx(0.0, abs=0.05)


def test_it_is_weighted_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    generated = rng.random(3000) < 0.1
    scores = rng.standard_normal(3000) * 3 + np.where(generated, 5.0, 1.0)
    platt = fit_platt(scores, generated, strength=1e-6)
    theirs = LogisticRegression(C=1e6, class_weight="balanced", tol=1e-10).fit(scores[:, None], generated)
    assert platt.slope == pytest.approx(theirs.coef_[0, 0], rel=1e-4)
    assert platt.intercept == pytest.approx(theirs.intercept_[0], abs=1e-3)


def test_weights_count_like_repetition() -> None:
    scores, generated = _normal_scores(200)
    counts = np.random.default_rng(2).integers(0, 3, 200)
    repeated = fit_platt(np.repeat(scores, counts), np.repeat(generated, counts), strength=1e-9)
    weighted = fit_platt(scores, generated, weights=counts, strength=1e-9)
    assert weighted.slope == pytest.approx(repeated.slope, rel=1e-5)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-5)


def test_separable_scores_give_finite_ratios_within_the_bound() -> None:
    scores = np.r_[np.linspace(-3, -2, 30), np.linspace(2, 3, 30)]
    platt = fit_platt(scores, np.arange(60) >= 30)
    assert np.isfinite(platt.slope)
    assert platt(1e9) == pytest.approx(np.log(31))
    assert platt(-1e9) == pytest.approx(-np.log(31))


def test_a_score_that_speaks_the_other_way_says_nothing() -> None:
    scores, generated = _normal_scores(2000)
    platt = fit_platt(-scores, generated)
    assert platt.slope == 0
    assert abs(float(platt(3.0))) < 0.1


def test_few_references_stay_near_what_is_known_overall() -> None:
    scores, generated = _normal_scores(4)
    overall = Platt(0.0, 2.0, 5.0)
    near = fit_platt(scores, generated, toward=overall, strength=1e6)
    assert near.slope == pytest.approx(2.0, rel=1e-3)


def test_redrawing_whole_clusters_is_wider_than_what_single_pictures_would_say() -> None:
    rng = np.random.default_rng(3)
    families = np.repeat(np.arange(6), 100)
    generated = np.arange(600) % 2 == 1
    shift = rng.standard_normal(6) * 1.5
    scores = rng.standard_normal(600) + np.where(generated, 1.0 + shift[families], -1.0)
    by_family = [float(one(1.0)) for one in bootstrap_platt(scores, generated, families)]
    by_picture = [float(one(1.0)) for one in bootstrap_platt(scores, generated, np.arange(600))]
    assert np.std(by_family) > 2 * np.std(by_picture)


@given(st.integers(1, 200), st.floats(0.01, 0.5))
@settings(max_examples=30, deadline=None)
def test_p_values_are_valid(count: int, level: float) -> None:
    """Over every rank that the picture can have among its references, p-values up to the level are no more."""
    references = np.arange(count, dtype=float)
    p = np.array([p_value(rank - 0.5, references, larger_is_stranger=True) for rank in range(count + 1)])
    assert (p <= level).mean() <= level + 1e-12


def test_p_values_by_hand() -> None:
    assert p_value(2.5, [1, 2, 3, 4], larger_is_stranger=True) == pytest.approx(3 / 5)
    assert p_value(2.0, [1, 2, 3, 4], larger_is_stranger=False) == pytest.approx(3 / 5)
    assert p_value(9.0, [], larger_is_stranger=True) == 1.0


def _table(names: tuple[str, ...], n: int) -> ReferenceScores:
    rng = np.random.default_rng(0)
    text = np.array(["a"] * n)
    return ReferenceScores(
        names, rng.standard_normal((n, len(names))).astype(np.float32), np.arange(n) % 2 == 1, text, text, text
    )


def test_tables_survive_their_arrays_and_join() -> None:
    one, other = _table(("x", "y"), 4), _table(("z",), 3)
    back = ReferenceScores.from_arrays(one.arrays())
    np.testing.assert_array_equal(back.scores, one.scores)
    joined = ReferenceScores.joined([one, other])
    assert joined.detectors == ("x", "y", "z")
    np.testing.assert_array_equal(joined.column("x")[:4], one.column("x"))
    assert np.isnan(joined.column("x")[4:]).all()
    np.testing.assert_array_equal(joined.only(["z"]).scores[4:], other.scores)


def test_columns_are_added_for_the_same_pictures_only() -> None:
    one, other = _table(("x", "y"), 4), _table(("y", "z"), 4)
    both = one.beside(other)
    assert both.detectors == ("x", "y", "z")
    np.testing.assert_array_equal(both.column("x"), one.column("x"))
    np.testing.assert_array_equal(both.column("y"), other.column("y"))
    with pytest.raises(WeightsError, match="other pictures"):
        one.beside(_table(("z",), 3))


def test_broken_tables_are_refused() -> None:
    with pytest.raises(WeightsError, match="no reference scores"):
        _table(("x",), 3).column("y")
    arrays = _table(("x",), 3).arrays()
    del arrays["bins"]
    with pytest.raises(WeightsError, match="bins"):
        ReferenceScores.from_arrays(arrays)
    arrays = _table(("x",), 3).arrays()
    arrays["bins"] = arrays["bins"][:2]
    with pytest.raises(WeightsError, match="2 bins"):
        ReferenceScores.from_arrays(arrays)
