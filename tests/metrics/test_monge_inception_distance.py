"""MIND against closed forms, assignment by linear programming and SciPy's 1-D Wasserstein distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog
from scipy.stats import wasserstein_distance

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import monge_inception_distance as mind
from ganeval.metrics.registry import METRICS
from ganeval.metrics.sliced_transport import matching, potentials, squared_distances
from ganeval.uncertainty.interval import NOTHING_VARIES


def _transport_plan_cost(x: np.ndarray, y: np.ndarray) -> float:
    """The cheapest transport of squared distances, as a linear programme over all plans."""
    n, m = len(x), len(y)
    costs = (x[:, None] - y[None]) ** 2
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    solved = linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.r_[np.full(n, 1 / n), np.full(m, 1 / m)])
    return float(solved.fun)


@pytest.mark.parametrize(("n", "m"), [(6, 6), (5, 7), (4, 8), (1, 5), (9, 6)])
def test_a_line_agrees_with_linear_programming(n: int, m: int) -> None:
    random = np.random.default_rng(n * m)
    x, y = np.sort(random.normal(size=n)), np.sort(random.normal(1, 2, m))
    assert squared_distances(x[None], y[None], matching(n, m))[0] == pytest.approx(_transport_plan_cost(x, y), rel=1e-8)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (37, 90), (100, 40)])
def test_the_matching_is_that_of_scipy(n: int, m: int) -> None:
    random = np.random.default_rng(0)
    x, y = np.sort(random.normal(size=n)), np.sort(random.gamma(2, size=m))
    matched = matching(n, m)
    assert matched.weights.sum() == pytest.approx(1)
    theirs = wasserstein_distance(x, y)
    assert (np.abs(x[matched.first] - y[matched.second]) * matched.weights).sum() == pytest.approx(theirs, rel=1e-12)


def test_one_dimension_is_three_times_the_assignment() -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(30, 1)), random.normal(1, 2, (30, 1))
    costs = (real - generated.T) ** 2
    expected = 3 * costs[linear_sum_assignment(costs)].mean()
    assert mind(real, generated, projections=3).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("d", [1, 5, 40])
def test_a_shift_is_three_times_its_squared_length(d: int) -> None:
    # For a shift by μ in every dimension, 3·d·μ².
    real = np.random.default_rng(0).normal(size=(200, d))
    score = mind(real, real + 0.7, projections=400)
    assert score.details["mean_term"] == pytest.approx(3 * d * 0.49, rel=1e-10)
    # Over random directions (θ·Δ)² varies by 2 of its squared mean.
    assert score.value == pytest.approx(3 * d * 0.49, rel=4 * np.sqrt(2 / 400) if d > 1 else 1e-10)
    assert score.corrected == pytest.approx(3 * d * 0.49, rel=0.15)


def test_closed_form_of_isotropic_gaussians() -> None:
    # Along each direction N(0, 1) and N(0, σ²): W₂² = (1 − σ)².
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(4000, 6)), 1.5 * random.normal(size=(3000, 6))
    score = mind(real, generated, projections=200)
    assert score.corrected == pytest.approx(3 * 6 * 0.25, rel=0.1)
    assert score.interval is not None
    assert score.interval.low < 4.5 < score.interval.high


@pytest.mark.parametrize(("n", "m"), [(12, 12), (9, 14)])
def test_potentials_are_the_derivative_in_an_images_weight(n: int, m: int) -> None:
    # Doubling one image's weight: (W² after − W² before) is about its potential / (n + 1).
    random = np.random.default_rng(3)
    x, y = np.sort(random.normal(size=300 * n)), np.sort(random.normal(0.5, 1.3, 300 * m))
    of_x, of_y = potentials(x[None], y[None], matching(len(x), len(y)))
    before = squared_distances(x[None], y[None], matching(len(x), len(y)))[0]
    for i in (300, len(x) // 2, len(x) - 300):
        heavier = np.insert(x, i, x[i])
        after = squared_distances(heavier[None], y[None], matching(len(heavier), len(y)))[0]
        assert (after - before) * len(x) == pytest.approx(of_x[0, i], abs=0.06)
    for i in (300, len(y) // 2, len(y) - 300):
        heavier = np.insert(y, i, y[i])
        after = squared_distances(x[None], heavier[None], matching(len(x), len(heavier)))[0]
        assert (after - before) * len(y) == pytest.approx(of_y[0, i], abs=0.06)


@pytest.mark.parametrize(("n", "m"), [(100, 100), (300, 100)])
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.5])
def test_interval_covers_the_population_value(n: int, m: int, shift: float) -> None:
    # N(0, I) and N(shift, σ²I), σ = 1 + shift/5: MIND = 3 (‖shift‖² + d (1 − σ)²).
    random = np.random.default_rng(7)
    sigma, d, replicates = 1 + shift / 5, 4, 150
    truth = 3 * (shift**2 + d * (1 - sigma) ** 2)
    covered, estimates, plug_ins = 0, [], []
    for seed in range(replicates):
        generated = sigma * random.normal(size=(m, d))
        generated[:, 0] += shift
        score = mind(random.normal(size=(n, d)), generated, projections=40, seed=seed)
        assert score.interval is not None
        covered += score.interval.low <= truth <= score.interval.high
        estimates.append(score.estimate)
        plug_ins.append(score.value)
    assert covered / replicates >= 0.88
    noise = np.std(estimates) / np.sqrt(replicates)
    assert abs(np.mean(estimates) - truth) < 4 * noise + 0.01 * truth
    if shift == 0:
        assert np.mean(plug_ins) > 10 * noise


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 30), m=st.integers(2, 30))
def test_symmetric_scaling_with_the_square_and_unmoved_by_permutation(seed: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.normal(size=(n, 4)), random.gamma(1, 1, (m, 4))
    value = mind(real, generated, projections=20).value
    assert value >= 0
    expected = pytest.approx(value, rel=1e-9)
    assert mind(generated, real, projections=20).value == expected
    assert mind(random.permutation(real), generated, projections=20).value == expected
    assert mind(3 * real, 3 * generated, projections=20).value == pytest.approx(9 * value, rel=1e-9)
    assert mind(real + 5, generated + 5, projections=20).value == pytest.approx(value, rel=1e-8)


def test_rotation_changes_no_more_than_other_directions_would() -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(300, 8)), random.normal(size=(300, 8)) * np.linspace(0.5, 2, 8)
    rotation = np.linalg.qr(random.standard_normal((8, 8)))[0]
    before, after = mind(real, generated), mind(real @ rotation, generated @ rotation)
    assert after.value == pytest.approx(before.value, rel=0.05)


def test_equal_and_constant_sets() -> None:
    real = np.random.default_rng(0).normal(size=(80, 5))
    same = mind(real, real, projections=30)
    assert same.value == pytest.approx(0, abs=1e-20)
    assert same.interval is not None
    assert same.interval.low == 0
    constant = mind(np.ones((80, 5)), np.full((70, 5), 3.0), projections=30)
    assert constant.corrected == pytest.approx(3 * 5 * 4, rel=1e-12)
    assert constant.interval is None
    assert constant.no_interval_reason == NOTHING_VARIES


def test_blocks_of_directions_change_nothing(make_features, monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = make_features(200, 12, seed=1), make_features(131, 12, seed=2, offset=0.1)
    whole = mind(real, generated, projections=50)
    monkeypatch.setitem(mind.__globals__, "_BLOCK_BYTES", 100_000)
    parts = mind(real, generated, projections=50)
    assert parts.value == pytest.approx(whole.value, rel=1e-12)
    assert parts.corrected == pytest.approx(whole.corrected, rel=1e-10)
    assert parts.standard_error is not None
    assert whole.standard_error is not None
    assert parts.standard_error.total == pytest.approx(whole.standard_error.total, rel=1e-8)
    assert mind(real, generated, projections=50, level=None).value == pytest.approx(whole.value, rel=1e-12)


def test_same_seed_same_number(make_features) -> None:
    real, generated = make_features(100, 12, seed=1), make_features(100, 12, seed=2, offset=0.1)
    assert mind(real, torch.from_numpy(generated)) == mind(real, generated) != mind(real, generated, seed=1)


def test_bad_input() -> None:
    real = np.random.default_rng(0).normal(size=(70, 2))
    assert mind(real[:63], real).no_interval_reason == "a side has fewer than 64 images"
    with pytest.raises(NotEnoughImagesError):
        mind(real[:1], real)
    with pytest.raises(OptionError, match="projections must be"):
        mind(real, real, projections=0)
    with pytest.raises(MetricError, match="overflow"):
        mind(1e200 * real, real)
    with pytest.raises(MetricError, match="row 2 holds NaN"):
        mind(np.where(np.arange(70)[:, None] == 2, np.nan, real), real)


def test_table_entry(make_features) -> None:
    real, generated = make_features(70, 10, seed=1), make_features(80, 10, seed=2)
    (score,) = METRICS.get("mind")(Features(real), Features(generated), seed=3, projections=20)
    assert score == mind(real, generated, seed=3, projections=20)
    assert (score.name, score.n_real, score.n_generated, score.higher_is_better) == ("mind", 70, 80, False)
    with pytest.raises(MetricError, match="needs real images"):
        METRICS.get("mind")(None, Features(generated))
