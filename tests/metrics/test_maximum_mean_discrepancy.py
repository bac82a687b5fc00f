"""Squared MMDs against double loops, scikit-learn's kernels and closed forms for Gaussians; their intervals by law."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import kernel_distance, mmd_poly, mmd_rbf
from ganeval.metrics import kernel_means as kernel_means_module
from ganeval.metrics.kernel_means import squared_mmd, squared_mmd_of_blocks
from ganeval.metrics.kernels import Origin, PolynomialKernel, RbfKernel
from ganeval.metrics.registry import METRICS
from ganeval.uncertainty.interval import NOTHING_VARIES


def _estimates(k_rr: np.ndarray, k_gg: np.ndarray, k_rg: np.ndarray) -> tuple[float, float]:
    """The U- and the V-statistic from whole kernel matrices."""
    n, m = k_rg.shape
    unbiased = (k_rr.sum() - np.trace(k_rr)) / (n * (n - 1)) + (k_gg.sum() - np.trace(k_gg)) / (m * (m - 1))
    return unbiased - 2 * k_rg.mean(), k_rr.mean() + k_gg.mean() - 2 * k_rg.mean()


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(("n", "m"), [(30, 30), (50, 20), (1100, 40)])
def test_rbf_agrees_with_scikit_learn(make_features, n: int, m: int) -> None:
    real, generated = make_features(n, 12, seed=1), make_features(m, 12, seed=2, offset=0.2)
    sides = [_unit(side.astype(np.float64)) for side in (real, generated)]
    matrices = [rbf_kernel(a, b, gamma=1 / 200) for a, b in ((sides[0],) * 2, (sides[1],) * 2, sides)]
    unbiased, biased = _estimates(*matrices)
    score = mmd_rbf(real, generated)
    assert score.value == pytest.approx(1000 * biased, rel=1e-9)
    assert score.corrected == pytest.approx(1000 * unbiased, rel=1e-8)
    assert mmd_rbf(real, generated, biased=False).value == score.corrected == score.details["unbiased"]
    assert mmd_rbf(real, generated, biased=False).corrected is None


@pytest.mark.parametrize(("n", "m"), [(30, 30), (50, 20), (40, 1100)])
def test_polynomial_agrees_with_scikit_learn(make_features, n: int, m: int) -> None:
    real, generated = (make_features(k, 12, seed=s, offset=s / 10).astype(np.float64) for s, k in ((1, n), (2, m)))
    matrices = [polynomial_kernel(a, b, degree=3) for a, b in ((real, real), (generated, generated), (real, generated))]
    unbiased, biased = _estimates(*matrices)
    assert mmd_poly(real, generated).value == pytest.approx(unbiased, rel=1e-9)
    assert mmd_poly(real, generated, biased=True, scale=10).value == pytest.approx(10 * biased, rel=1e-9)


def test_rbf_by_loops() -> None:
    random = np.random.default_rng(0)
    r, g = random.normal(size=(5, 3)), random.normal(1, 2, (7, 3))

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * 1.5**2)))

    expected = (
        sum(k(a, b) for a in r for b in r) / 25
        + sum(k(a, b) for a in g for b in g) / 49
        - 2 * sum(k(a, b) for a in r for b in g) / 35
    )
    assert mmd_rbf(r, g, sigma=1.5, normalise=False, scale=1).value == pytest.approx(expected, rel=1e-12)


def test_the_polynomial_one_is_the_kernel_distance_without_subsets(make_features) -> None:
    real, generated = make_features(90, 12, seed=1), make_features(70, 12, seed=2, offset=0.1)
    poly, kernel = mmd_poly(real, generated), kernel_distance(real, generated)
    assert poly.value == pytest.approx(kernel.corrected, rel=1e-12)
    assert poly.interval is not None
    assert kernel.interval is not None
    assert (poly.interval.low, poly.interval.high) == pytest.approx((kernel.interval.low, kernel.interval.high))


def test_the_median_bandwidth_is_the_median_distance() -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(40, 4)), random.normal(size=(30, 4))
    both = np.concatenate([real, generated])
    distances = np.linalg.norm(both[:, None] - both[None], axis=2)[np.triu_indices(70, 1)]
    score = mmd_rbf(real, generated, sigma="median", normalise=False)
    # torch takes the lower of two middle values.
    assert score.parameters["sigma"] == pytest.approx(np.sort(distances)[(len(distances) - 1) // 2], rel=1e-12)


def test_blocks_are_the_mean_of_their_own_estimates(make_features, monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = (torch.from_numpy(make_features(n, 6, seed=n)) for n in (90, 61))
    kernel = PolynomialKernel(3, 1 / 6, 1.0)
    seen = []
    monkeypatch.setattr(
        kernel_means_module, "squared_mmd", lambda r, g, k: seen.append((r, g, squared_mmd(r, g, k))) or seen[-1][2]
    )
    found = squared_mmd_of_blocks(real, generated, kernel, block_images=30, seed=0)
    assert sorted(len(r) for r, _, _ in seen) == [30, 30, 30]
    assert sorted(len(g) for _, g, _ in seen) == [20, 20, 21]
    rows = torch.cat([r for r, _, _ in seen]).numpy()
    assert sorted(map(tuple, rows)) == sorted(map(tuple, real.numpy()))
    assert found.unbiased == pytest.approx(np.mean([mmd.unbiased for _, _, mmd in seen]))
    assert found.distance is not None
    # Each block's own variances add up, whatever the blocks' sizes.
    errors = [mmd.distance.influence.standard_error() for _, _, mmd in seen if mmd.distance is not None]
    total = found.distance.influence.standard_error()
    assert total.other == pytest.approx(np.sqrt(sum(e.other**2 for e in errors)) / 3)
    assert total.real == pytest.approx(np.sqrt(sum(e.real**2 for e in errors)) / 3, rel=0.05)
    assert squared_mmd_of_blocks(real, generated, kernel, block_images=90, seed=0).unbiased == pytest.approx(
        squared_mmd(real, generated, kernel).unbiased, rel=1e-12
    )


def test_second_order_variance_is_that_of_the_doubly_centred_kernel() -> None:
    # For the linear kernel k̃(x, y) = (x − μ)·(y − μ), and E k̃² is the squared Frobenius norm of the covariance.
    random = np.random.default_rng(1)
    scales = np.array([1.0, 2.0, 0.5])
    real, generated = random.normal(size=(3000, 3)) * scales + 4, random.normal(size=(2000, 3)) * scales + 4
    mmd = squared_mmd(torch.from_numpy(real), torch.from_numpy(generated), PolynomialKernel(1, 1.0, 0.0))
    assert mmd.distance is not None
    expected = (scales**4).sum() * (2 / (3000 * 2999) + 2 / (2000 * 1999) + 4 / (3000 * 2000))
    assert mmd.distance.influence.other_variance == pytest.approx(expected, rel=0.05)


def test_influence_is_that_of_the_population() -> None:
    # Linear kernel: MMD² = ‖Δ‖², and a real image's influence is 2 Δ·(x − μ).
    random = np.random.default_rng(1)
    real, generated = random.normal(size=(3000, 3)), random.normal(size=(2000, 3)) + np.array([1.0, 0, 0])
    mmd = squared_mmd(torch.from_numpy(real), torch.from_numpy(generated), PolynomialKernel(1, 1.0, 0.0))
    assert mmd.distance is not None
    influence = mmd.distance.influence
    assert influence.real is not None
    assert influence.generated is not None
    np.testing.assert_allclose(influence.real, -2 * (real[:, 0] - real[:, 0].mean()), atol=0.5)
    np.testing.assert_allclose(influence.generated, 2 * (generated[:, 0] - generated[:, 0].mean()), atol=0.5)
    assert abs(influence.real.mean()) < 1e-12


def _gaussian_rbf_mmd(shift: np.ndarray, scale: np.ndarray, sigma: float) -> float:
    """Of N(0, I) and N(shift, diag scale²): E k of two Gaussians is a Gaussian integral."""

    def mean_kernel(difference: np.ndarray, variances: np.ndarray) -> float:
        spread = sigma**2 + variances
        return float(np.prod(sigma / np.sqrt(spread)) * np.exp(-0.5 * (difference**2 / spread).sum()))

    one, nothing = np.ones_like(shift), np.zeros_like(shift)
    return mean_kernel(nothing, 2 * one) + mean_kernel(nothing, 2 * scale**2) - 2 * mean_kernel(shift, one + scale**2)


@pytest.mark.parametrize(("n", "m"), [(60, 60), (200, 40)])
@pytest.mark.parametrize("distance", [0.0, 0.3, 2.0])
def test_interval_covers_the_population_value(n: int, m: int, distance: float) -> None:
    # Closed form for Gaussians; 4 standard deviations of a binomial count around 95 %.
    random = np.random.default_rng(5)
    shift, scale = np.array([distance, 0, 0, 0]), np.full(4, 1 + distance / 10)
    truth = _gaussian_rbf_mmd(shift, scale, 2.0)
    replicates, covered, estimates = 200, 0, []
    for _ in range(replicates):
        real, generated = random.normal(size=(n, 4)), random.normal(size=(m, 4)) * scale + shift
        score = mmd_rbf(real, generated, sigma=2.0, normalise=False, scale=1.0)
        assert score.interval is not None
        covered += score.interval.low <= truth <= score.interval.high
        estimates.append(score.estimate)
    assert 0.89 <= covered / replicates <= 0.995
    assert abs(np.mean(estimates) - truth) < 4 * np.std(estimates) / np.sqrt(replicates)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 25), m=st.integers(2, 25))
def test_unmoved_by_permutation_rotation_and_exchange(seed: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.gamma(1, 1, (n, 5)), random.gamma(1.4, 1, (m, 5))
    rotation = np.linalg.qr(random.standard_normal((5, 5)))[0]
    for metric in (mmd_rbf, mmd_poly):
        expected = pytest.approx(metric(real, generated).value, rel=1e-8, abs=1e-9)
        assert metric(generated, real).value == expected
        assert metric(random.permutation(real), generated).value == expected
        assert metric(real @ rotation, generated @ rotation).value == expected
    assert mmd_rbf(3 * real, generated).value == pytest.approx(mmd_rbf(real, generated).value, rel=1e-8, abs=1e-9)


def test_equal_sets_are_at_zero(make_features) -> None:
    real = make_features(60, 8, seed=1)
    score = mmd_rbf(real, real)
    assert score.value == pytest.approx(0, abs=1e-10)
    assert score.corrected is not None
    assert score.corrected < 0
    assert score.interval is not None
    assert score.interval.low == 0


def test_constant_features_are_equal_or_far_apart() -> None:
    ones, twos = np.ones((20, 4)), 2 * np.ones((20, 4))
    for score in (mmd_rbf(ones, ones), mmd_poly(ones, ones)):
        assert score.value == pytest.approx(0, abs=1e-12)
        assert score.interval is None
        assert score.no_interval_reason == NOTHING_VARIES
    far = mmd_rbf(ones, twos, normalise=False, sigma=1.0, scale=1.0)
    assert far.value == pytest.approx(2 - 2 * np.exp(-2))
    assert far.interval is None
    assert mmd_poly(ones, 2e3 * ones).interval is None
    # As soon as one image differs there is an interval.
    ones[0, 0] = 1.001
    for score in (mmd_rbf(ones, twos), mmd_poly(ones, twos)):
        assert score.interval is not None
        assert score.interval.low < score.interval.high


def test_a_large_bandwidth_keeps_its_digits() -> None:
    # For σ → ∞, σ²·MMD² tends to the squared distance of the means.
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(40, 3)), random.normal(size=(40, 3)) + 1
    score = mmd_rbf(real, generated, sigma=1e6, scale=1e12, normalise=False)
    assert score.value == pytest.approx(((real.mean(0) - generated.mean(0)) ** 2).sum(), rel=1e-6)


def test_rbf_kernel_far_from_the_origin() -> None:
    rows = torch.tensor([[1e8, 0.0], [1e8 + 1, 0.0]], dtype=torch.float64)
    origin = Origin.between(rows[:1], rows[1:])
    value = RbfKernel(1.0)(origin.rows(rows[:1]), origin.rows(rows[1:]))
    assert float(value) == pytest.approx(np.exp(-0.5) - 1)


def test_few_images_have_no_interval_and_no_level_means_no_work(make_features) -> None:
    real, generated = make_features(9, 8, seed=1), make_features(40, 8, seed=2)
    assert mmd_poly(real, generated).no_interval_reason == "a side has fewer than 10 images"
    alone = mmd_poly(make_features(12, 8, seed=1), generated, level=None)
    assert alone.interval is alone.influence is alone.no_interval_reason is None


def test_bad_input() -> None:
    real = np.random.default_rng(0).normal(size=(5, 2))
    dead = real.copy()
    dead[3] = 0
    with pytest.raises(MetricError, match="generated row 3 is all 0"):
        mmd_rbf(real, dead)
    assert mmd_rbf(real, dead, normalise=False).value > 0
    with pytest.raises(MetricError, match="median distance"):
        mmd_rbf(np.ones((5, 2)), np.ones((5, 2)), sigma="median")
    with pytest.raises(MetricError, match="overflows"):
        mmd_poly(np.full((5, 2), 1e80), real)
    with pytest.raises(NotEnoughImagesError):
        mmd_poly(real[:1], real)
    for parameter, value in {"sigma": 0, "scale": -1}.items():
        with pytest.raises(OptionError, match=f"^{parameter} must be"):
            mmd_rbf(real, real, **{parameter: value})
    with pytest.raises(OptionError, match="'median'"):
        mmd_rbf(real, real, sigma="mean")
    with pytest.raises(OptionError, match="degree must be"):
        mmd_poly(real, real, degree=0)
    with pytest.raises(OptionError, match="level must lie"):
        mmd_poly(real, real, level=1.5)


def test_huge_features_are_normalised_without_overflow() -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(20, 3)), random.normal(size=(20, 3)) + 1
    assert mmd_rbf(1e200 * real, generated).value == pytest.approx(mmd_rbf(real, generated).value, rel=1e-9)


def test_table_entries(make_features) -> None:
    real, generated = make_features(50, 10, seed=1), make_features(80, 10, seed=2)
    (rbf,) = METRICS.get("mmd_rbf")(Features(real), Features(generated), sigma=2.0)
    assert rbf == mmd_rbf(real, generated, sigma=2.0)
    assert (rbf.name, rbf.n_real, rbf.n_generated, rbf.higher_is_better) == ("mmd_rbf", 50, 80, False)
    (poly,) = METRICS.get("mmd_poly")(Features(real), Features(generated), degree=2, level=None)
    assert poly == mmd_poly(real, generated, degree=2, level=None)
    for name in ("mmd_rbf", "mmd_poly"):
        with pytest.raises(MetricError, match="needs real images"):
            METRICS.get(name)(None, Features(generated))
    assert METRICS.get("mmd_rbf").parameter("sigma").parse("median") == "median"
    with pytest.raises(OptionError):
        METRICS.get("mmd_rbf").fewest({"sigma": -1.0})
