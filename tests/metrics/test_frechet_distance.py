"""Fréchet distance against closed forms, torch-fidelity, torchmetrics and pytorch-fid, at every relation of N to D."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import _compute_fid

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics import frechet_distance, frechet_distance_from_moments
from ganeval.metrics.covariance_factor import (
    factor_of_covariance,
    factor_of_rows,
    nuclear_norm_of_product,
)
from ganeval.metrics.registry import METRICS

SHAPES = [(40, 40, 64), (65, 65, 64), (64, 64, 64), (300, 300, 64), (30, 500, 64), (500, 30, 64), (65, 66, 64)]


def _oracle(real: np.ndarray, generated: np.ndarray) -> float:
    """By singular values of centred rows: no covariance, no square root of a matrix."""
    rows = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (real.astype(np.float64), generated.astype(np.float64))]
    nuclear = np.linalg.svd(rows[0] @ rows[1].T, compute_uv=False).sum()
    shift = real.mean(0, dtype=np.float64) - generated.mean(0, dtype=np.float64)
    return float(shift @ shift + sum((x**2).sum() for x in rows) - 2 * nuclear)


@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
def test_agrees_with_singular_values(make_features, n: int, m: int, d: int) -> None:
    real, generated = make_features(n, d, seed=1), make_features(m, d, seed=2, offset=0.1)
    assert frechet_distance(real, generated).value == pytest.approx(_oracle(real, generated), rel=1e-9)


@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
def test_agrees_with_torch_fidelity(make_features, n: int, m: int, d: int) -> None:
    real, generated = make_features(n, d, seed=1), make_features(m, d, seed=2, offset=0.1)
    stats = [fid_features_to_statistics(torch.from_numpy(x.astype(np.float64))) for x in (generated, real)]
    theirs = fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"]
    # With singular covariances its eigenvalues of a non-symmetric matrix are good to about the root of float64's.
    rel = 1e-9 if min(n, m) > 2 * d else 1e-5
    assert frechet_distance(real, generated).value == pytest.approx(theirs, rel=rel)


def test_agrees_with_torch_fidelity_up_to_its_float32_mean(make_features) -> None:
    real, generated = make_features(300, 64, seed=1), make_features(300, 64, seed=2, offset=0.1)
    stats = [fid_features_to_statistics(torch.from_numpy(x)) for x in (generated, real)]
    theirs = fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(real, generated).value == pytest.approx(theirs, rel=1e-6)


def test_agrees_with_torchmetrics(make_features) -> None:
    sides = [torch.from_numpy(make_features(400, 48, seed=s, offset=s / 20)).double() for s in (1, 2)]
    theirs = _compute_fid(sides[0].mean(0), sides[0].T.cov(), sides[1].mean(0), sides[1].T.cov())
    assert frechet_distance(*sides).value == pytest.approx(float(theirs), rel=1e-9)


def test_agrees_with_pytorch_fid(make_features) -> None:
    fid_score = pytest.importorskip("pytorch_fid.fid_score")
    sides = [make_features(400, 48, seed=s, offset=s / 20).astype(np.float64) for s in (1, 2)]
    moments = [f(x) for x in sides for f in (lambda x: x.mean(0), lambda x: np.cov(x, rowvar=False))]
    try:
        theirs = fid_score.calculate_frechet_distance(*moments)
    except (TypeError, ValueError) as error:
        pytest.skip(f"pytorch-fid's call of scipy.linalg.sqrtm fails with this SciPy: {error}")
    assert frechet_distance(*sides).value == pytest.approx(float(theirs), rel=1e-8)
    assert frechet_distance_from_moments(*moments).value == pytest.approx(float(theirs), rel=1e-8)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), d=st.integers(1, 12))
def test_closed_form_of_commuting_covariances(seed: int, d: int) -> None:
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.standard_normal((d, d)))[0]
    a, b = random.uniform(0.01, 4, (2, d))
    mu = random.standard_normal((2, d))
    score = frechet_distance_from_moments(mu[0], basis * a @ basis.T, mu[1], basis * b @ basis.T)
    expected_mean, expected_cov = ((mu[0] - mu[1]) ** 2).sum(), ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert score.details["mean_term"] == pytest.approx(expected_mean, rel=1e-12)
    assert score.details["covariance_term"] == pytest.approx(expected_cov, rel=1e-9, abs=1e-12)


def test_closed_form_of_two_dimensions_that_do_not_commute() -> None:
    # tr (AB)^½ of 2×2 matrices is √(tr AB + 2√det AB).
    a, b = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[0.5, -0.3], [-0.3, 3.0]])
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    score = frechet_distance_from_moments(np.zeros(2), a, np.zeros(2), b)
    assert score.value == pytest.approx(np.trace(a) + np.trace(b) - 2 * root, rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(20, 50), (51, 50), (200, 50)])
def test_a_shift_costs_its_squared_length_and_nothing_else(make_features, n: int, d: int) -> None:
    real = make_features(n, d, seed=3).astype(np.float64)
    shift = np.linspace(-1, 1, d)
    score = frechet_distance(real, real + shift)
    assert score.details["mean_term"] == pytest.approx(shift @ shift, rel=1e-10)
    assert score.details["covariance_term"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("n", "d"), [(20, 50), (50, 50), (51, 50), (200, 50), (300, 400), (900, 300)])
def test_equal_sets_are_at_zero(make_features, n: int, d: int) -> None:
    real = make_features(n, d, seed=4)
    value = frechet_distance(real, real).value
    assert 0 <= value < 1e-8 * real.var(axis=0).sum()


@pytest.mark.parametrize("dead", ["columns", "combinations", "rows"])
def test_singular_covariances(make_features, dead: str) -> None:
    real, generated = (make_features(900, 320, seed=s, offset=s / 30).astype(np.float64) for s in (1, 2))
    if dead == "columns":
        real[:, 5:60] = 0.25
        generated[:, 40:90] = 0
    elif dead == "combinations":
        real[:, :40] = real[:, 40:80]
        generated[:, 100:160] = 2 * generated[:, 160:220]
    else:
        real, generated = np.tile(real[:100], (9, 1)), generated[:300].repeat(3, axis=0)
    assert frechet_distance(real, generated).value == pytest.approx(_oracle(real, generated), rel=1e-7)
    assert frechet_distance(real, real).value < 1e-8 * real.var(axis=0).sum()


@pytest.mark.parametrize("duplicates", [0, 150])
def test_gram_matrix_and_singular_values_agree_at_sizes_where_they_differ_in_kind(make_features, duplicates) -> None:
    real, generated = make_features(360, 380, seed=1), make_features(400, 380, seed=2, offset=0.1)
    real[:duplicates] = real[duplicates : 2 * duplicates]
    factors = [factor_of_rows(torch.from_numpy(real)), factor_of_rows(torch.from_numpy(generated[:330]))]
    exact = float(torch.linalg.svdvals(factors[0] @ factors[1].T).sum())
    assert nuclear_norm_of_product(*factors) == pytest.approx(exact, rel=1e-8)


def test_factors_are_factors(make_features) -> None:
    rows = torch.from_numpy(make_features(30, 12, seed=1))
    sigma = rows.double().T.cov()
    for factor in (factor_of_rows(rows), factor_of_covariance(sigma)):
        torch.testing.assert_close(factor.T @ factor, sigma, rtol=1e-12, atol=1e-13)
    assert factor_of_rows(rows).shape == (29, 12)
    singular = rows[:5].double().T.cov()
    narrow = factor_of_covariance(singular)
    assert len(narrow) == 4
    torch.testing.assert_close(narrow.T @ narrow, singular, rtol=1e-12, atol=1e-13)


def test_constant_sides() -> None:
    ones, twos = np.ones((5, 3)), np.full((4, 3), 2.0)
    assert frechet_distance(ones, twos).value == pytest.approx(3.0, abs=1e-14)
    varied = np.random.default_rng(0).standard_normal((50, 3))
    expected = varied.var(0, ddof=1).sum() + ((varied.mean(0) - 1) ** 2).sum()
    assert frechet_distance(varied, ones).value == pytest.approx(expected, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 30), m=st.integers(2, 30), d=st.integers(1, 15))
def test_symmetric_and_unmoved_by_permutation_shift_and_rotation(seed: int, n: int, m: int, d: int) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.gamma(1.0, 1.0, (n, d)), random.gamma(1.5, 1.0, (m, d))
    expected = pytest.approx(frechet_distance(real, generated).value, rel=1e-8, abs=1e-9)
    rotation = np.linalg.qr(random.standard_normal((d, d)))[0]
    assert frechet_distance(generated, real).value == expected
    assert frechet_distance(random.permutation(real), random.permutation(generated)).value == expected
    assert frechet_distance(real + 3, generated + 3).value == expected
    assert frechet_distance(real @ rotation, generated @ rotation).value == expected


def test_scaling_squares(make_features) -> None:
    real, generated = make_features(80, 30, seed=1), make_features(90, 30, seed=2, offset=0.2)
    assert frechet_distance(real * 4, generated * 4).value == pytest.approx(
        16 * frechet_distance(real, generated).value, rel=1e-10
    )


def test_a_large_common_offset_costs_no_digits(make_features) -> None:
    real, generated = (make_features(200, 20, seed=s, offset=s / 9).astype(np.float64).round(6) for s in (1, 2))
    expected = frechet_distance(real, generated).value
    assert frechet_distance(real + 2.0**20, generated + 2.0**20).value == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("n", [30, 200])
def test_moments_and_features_agree(make_features, n: int) -> None:
    sides = [make_features(n, 40, seed=s, offset=s / 20).astype(np.float64) for s in (1, 2)]
    moments = [f(x) for x in sides for f in (lambda x: x.mean(0), lambda x: np.cov(x, rowvar=False))]
    score = frechet_distance_from_moments(*moments, n_real=n, n_generated=n)
    assert score.value == pytest.approx(frechet_distance(*sides).value, rel=1e-6)
    assert (score.n_real, score.n_generated) == (n, n)


def test_same_for_numpy_and_torch_and_both_widths(make_features) -> None:
    real, generated = make_features(70, 30, seed=1), make_features(80, 30, seed=2, offset=0.1)
    expected = pytest.approx(frechet_distance(real, generated).value, rel=1e-13)
    assert frechet_distance(torch.from_numpy(real), torch.from_numpy(generated)).value == expected
    assert frechet_distance(real.astype(np.float64), torch.from_numpy(generated)).value == expected
    half = torch.from_numpy(real).half()
    assert frechet_distance(half, generated).value == frechet_distance(half.double(), generated).value


def test_leaves_its_arguments_as_they_are(make_features) -> None:
    real, generated = (make_features(70, 30, seed=s).astype(np.float64) for s in (1, 2))
    before = real.copy(), generated.copy()
    frechet_distance(real, generated)
    np.testing.assert_array_equal(real, before[0])
    np.testing.assert_array_equal(generated, before[1])


def test_too_few_images() -> None:
    with pytest.raises(NotEnoughImagesError, match=r"generated holds 1 image, but at least 2"):
        frechet_distance(np.ones((3, 2)), np.ones((1, 2)))


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (np.diag([1.0, -0.5]), "below 0"),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), "below 0"),
        (np.array([[1.0, 0.5], [0.0, 1.0]]), "sigma_real must be symmetric"),
        (np.ones((2, 3)), "sigma_real must be square"),
        (np.eye(3), r"mu_real must be of the length 3"),
        (np.diag([1.0, np.nan]), "sigma_real must be finite"),
    ],
)
def test_bad_moments(sigma: np.ndarray, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        frechet_distance_from_moments(np.zeros(2), sigma, np.zeros(2), np.eye(2))


def test_table_entry(make_features) -> None:
    real, generated = make_features(70, 30, seed=1), make_features(80, 30, seed=2, offset=0.1)
    (score,) = METRICS.get("fd")(Features(real), Features(generated))
    assert score == frechet_distance(real, generated)
    assert (score.name, score.n_real, score.n_generated, score.higher_is_better) == ("fd", 70, 80, False)
    assert score.value == pytest.approx(score.details["mean_term"] + score.details["covariance_term"])
    with pytest.raises(MetricError, match="needs real images"):
        METRICS.get("fd")(None, Features(generated))
