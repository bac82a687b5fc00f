"""The corrected Fréchet distance, its interval and influences: closed forms, finite differences, small simulations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import NotEnoughImagesError, OptionError
from ganeval.images.opening import open_source
from ganeval.metrics import frechet_distance, frechet_influence
from ganeval.metrics.covariance_factor import factor_of_covariance, factor_of_rows, singular_system
from ganeval.metrics.frechet_correction import population_overlap
from ganeval.metrics.frechet_influence import variance_of_few
from ganeval.uncertainty.interval import NOTHING_VARIES


def _weighted_distance(real: np.ndarray, generated: np.ndarray, real_w: np.ndarray, generated_w: np.ndarray) -> float:
    """By eigenvalues of the product of weighted covariances; weights sum to one."""
    moments = []
    for rows, weights in ((real, real_w), (generated, generated_w)):
        mean = weights @ rows
        moments.append((mean, (rows - mean).T @ ((rows - mean) * weights[:, None])))
    (mu_r, sigma_r), (mu_g, sigma_g) = moments
    roots = np.sqrt(np.linalg.eigvals(sigma_r @ sigma_g).real.clip(0)).sum()
    return float(((mu_r - mu_g) ** 2).sum() + np.trace(sigma_r) + np.trace(sigma_g) - 2 * roots)


@pytest.mark.parametrize(("side", "row"), [("real", 3), ("real", 17), ("generated", 0), ("generated", 25)])
def test_influence_is_the_derivative_with_respect_to_an_images_weight(make_features, side: str, row: int) -> None:
    real, generated = (make_features(n, 6, seed=n, offset=n / 90).astype(np.float64) for n in (40, 30))
    influence = frechet_influence(real, generated)
    weights = {"real": np.full(40, 1 / 40), "generated": np.full(30, 1 / 30)}

    def at(step: float) -> float:
        moved = {name: value.copy() for name, value in weights.items()}
        moved[side] *= 1 - step
        moved[side][row] += step
        return _weighted_distance(real, generated, moved["real"], moved["generated"])

    step = 1e-5
    values = getattr(influence, side)
    assert values[row] == pytest.approx((at(step) - at(-step)) / (2 * step), rel=1e-5, abs=1e-7)
    assert values.mean() == pytest.approx(0, abs=1e-9)


def test_influence_of_commuting_covariances_in_closed_form() -> None:
    # With covariances diag(a) and diag(b), T from the generated side is diag(√(a/b)).
    random = np.random.default_rng(0)
    rows = random.standard_normal((50, 3))
    rows -= rows.mean(0)
    rows = np.linalg.qr(rows)[0] * np.sqrt(50)
    real, generated = rows * np.sqrt([4.0, 1.0, 0.25]), rows * np.sqrt([1.0, 2.0, 0.5]) + [0.0, 1.0, 0.0]
    centred = generated - generated.mean(0)
    quadratic = centred**2 @ (1 - np.sqrt([4.0, 0.5, 0.5]))
    expected = 2 * centred[:, 1] + quadratic - quadratic.mean()
    np.testing.assert_allclose(frechet_influence(real, generated).generated, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("n", "m", "d"), [(60, 90, 20), (20, 30, 40), (21, 90, 20), (20, 90, 40), (300, 290, 280)])
def test_singular_system_rebuilds_the_product_and_orthonormal_coordinates(make_features, n, m, d) -> None:
    sides = [torch.from_numpy(make_features(k, d, seed=k, offset=0.1).astype(np.float64)) for k in (n, m)]
    factors = [factor_of_rows(side) for side in sides]
    system = singular_system(*factors)
    exact = torch.linalg.svdvals(factors[0] @ factors[1].T)
    torch.testing.assert_close(system.values, exact[: len(system.values)], rtol=1e-6, atol=1e-9)
    assert system.nuclear_norm == pytest.approx(float(exact.sum()), rel=1e-8)
    for side, directions in zip(sides, (system.first, system.second), strict=True):
        coordinates = (side - side.mean(0)) @ directions / np.sqrt(len(side) - 1)
        products = coordinates.T @ coordinates
        torch.testing.assert_close(products, torch.eye(len(products), dtype=torch.float64), rtol=0, atol=1e-5)


def _gaussians(seed: int, n: int, m: int, d: int, power: float, scale: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Samples of two Gaussians with diagonal covariances, and their distance."""
    random = np.random.default_rng(seed)
    a = np.arange(1, d + 1) ** -power
    b = a * np.linspace(1, scale, d)
    distance = 0.04 * (scale != 1) + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    real, generated = (random.standard_normal((k, d)) * np.sqrt(v) for k, v in ((n, a), (m, b)))
    generated[:, 0] += 0.2 * (scale != 1)
    return real, generated, float(distance)


@pytest.mark.parametrize(("n", "m", "d"), [(100, 100, 90), (90, 90, 120), (150, 900, 100), (800, 160, 100)])
@pytest.mark.parametrize("scale", [1.0, 6.0])
def test_the_bias_goes_and_the_interval_covers(n: int, m: int, d: int, scale: float) -> None:
    runs = [_gaussians(seed, n, m, d, 0.7, scale) for seed in range(20)]
    truth = runs[0][2]
    scores = [frechet_distance(real, generated) for real, generated, _ in runs]
    plug_in = np.mean([score.value for score in scores]) - truth
    left = np.mean([score.corrected for score in scores]) - truth
    noise = np.std([score.corrected for score in scores]) / np.sqrt(len(runs))
    assert plug_in > 10 * noise
    assert abs(left) < 0.08 * plug_in + 3 * noise
    covered = sum(score.interval.low <= truth <= score.interval.high for score in scores)
    assert covered >= 16


def test_heavy_tails_and_mixtures_are_corrected_too() -> None:
    # Marchenko and Pastur's law alone, which knows Gaussians, leaves about a third of the bias here.
    random = np.random.default_rng(0)
    left, plug_in = [], []
    for _ in range(15):
        spreads = [np.exp(0.6 * random.standard_normal(150))[:, None] for _ in range(2)]
        real, generated = (random.standard_normal((150, 100)) * spread for spread in spreads)
        score = frechet_distance(real, generated)
        left.append(score.corrected)
        plug_in.append(score.value)
    assert abs(np.mean(left)) < 0.08 * np.mean(plug_in)


def test_contributions_average_to_the_overlap_and_tend_to_the_exact_influence(make_features) -> None:
    real, generated = (torch.from_numpy(make_features(n, 8, seed=n, offset=n / 30000)) for n in (6000, 7000))
    factors = [factor_of_covariance(side.double().T.cov()) for side in (real, generated)]
    overlap = population_overlap(real, generated, singular_system(*factors))
    assert overlap.real.mean() == pytest.approx(overlap.value, rel=1e-12)
    assert overlap.generated.mean() == pytest.approx(overlap.value, rel=1e-12)
    score, exact = frechet_distance(real, generated), frechet_influence(real, generated)
    for side in ("real", "generated"):
        mine, theirs = getattr(score.influence, side), getattr(exact, side)
        assert np.corrcoef(mine, theirs)[0, 1] > 0.99
        assert mine.std() == pytest.approx(theirs.std(), rel=0.03)
    assert score.corrected == pytest.approx(score.value, abs=0.05 * float(real.var(0).sum()))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(50, 90), m=st.integers(50, 90), d=st.integers(1, 80))
def test_corrected_is_symmetric_and_unmoved_by_permutation_shift_rotation_and_scale(seed, n, m, d) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.gamma(1.0, 1.0, (n, d)), random.gamma(1.5, 1.0, (m, d))
    score = frechet_distance(real, generated)
    close = {"rel": 1e-5, "abs": 1e-5 * d}
    rotation = np.linalg.qr(random.standard_normal((d, d)))[0]
    for other, factor in (
        (frechet_distance(generated, real), 1),
        (frechet_distance(random.permutation(real), random.permutation(generated)), 1),
        (frechet_distance(real + 3, generated + 3), 1),
        (frechet_distance(real @ rotation, generated @ rotation), 1),
        (frechet_distance(2 * real, 2 * generated), 4),
    ):
        assert (other.corrected is None) == (score.corrected is None)
        if score.corrected is not None:
            assert other.corrected == pytest.approx(
                factor * score.corrected, **{k: v * factor for k, v in close.items()}
            )
            assert other.standard_error.total == pytest.approx(factor * score.standard_error.total, rel=1e-3)


def test_value_is_the_same_with_and_without_an_interval(make_features) -> None:
    real, generated = make_features(400, 300, seed=1), make_features(350, 300, seed=2, offset=0.1)
    with_interval, without = frechet_distance(real, generated), frechet_distance(real, generated, level=None)
    assert with_interval.value == pytest.approx(without.value, rel=1e-11)
    assert (without.corrected, without.interval, without.no_interval_reason) == (None, None, None)


@pytest.mark.parametrize("kind", ["constant", "one constant", "low rank", "dead columns", "identical", "duplicated"])
@pytest.mark.parametrize("d", [5, 120])
def test_degenerate_sides_give_finite_numbers_or_a_reason(make_features, kind: str, d: int) -> None:
    real, generated = (make_features(80, d, seed=s, offset=s / 10).astype(np.float64) for s in (1, 2))
    if kind == "constant":
        real, generated = np.ones((60, d)), np.full((60, d), 2.0)
    elif kind == "one constant":
        generated = np.ones((60, d))
    elif kind == "low rank":
        real[:, 2:], generated[:, 2:] = real[:, :1], generated[:, 1:2]
    elif kind == "dead columns":
        real[:, : d // 2], generated[:, d // 3 :] = 0, 0.5
    elif kind == "identical":
        generated = real
    else:
        real = np.repeat(real[:20], 4, axis=0)
    score = frechet_distance(real, generated)
    assert np.isfinite(score.value)
    if score.corrected is None:
        assert score.no_interval_reason
    elif kind == "constant":
        # Sure of it is nobody who has seen one image of each side sixty times.
        assert score.interval is None
        assert score.no_interval_reason == NOTHING_VARIES
    else:
        assert np.isfinite([score.corrected, score.interval.low, score.interval.high]).all()
        assert 0 <= score.interval.low < score.interval.high
    if kind == "constant":
        assert score.corrected == pytest.approx(d)
        assert score.standard_error.total == pytest.approx(0, abs=1e-12)
    if kind == "one constant":
        expected = ((real.mean(0) - 1) ** 2).sum() + real.var(0, ddof=1).sum() * (1 - 1 / 80)
        assert score.corrected == pytest.approx(expected, rel=1e-9)


def test_few_images_get_a_reason(make_features) -> None:
    score = frechet_distance(make_features(49, 5, seed=1), make_features(100, 5, seed=2))
    assert (score.corrected, score.interval) == (None, None)
    assert "49 images on a side are too few" in score.no_interval_reason


def test_a_spectrum_far_beyond_the_images_gets_a_reason() -> None:
    real, generated = np.random.default_rng(0).standard_normal((2, 55, 3000))
    score = frechet_distance(real, generated)
    assert score.corrected is None
    assert "don't resolve enough of the 3000 dimensions" in score.no_interval_reason


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_two_equal_images_change_little(power: float) -> None:
    # One singular value less than images allow is no sign that they resolve the whole spectrum.
    random = np.random.default_rng(0)
    for n in (60, 120, 200):
        real, generated = random.standard_normal((2, n, 400)) * np.arange(1, 401) ** (-power / 2)
        plain = frechet_distance(real, generated)
        real[1] = real[0]
        copied = frechet_distance(real, generated)
        assert copied.details["extrapolated"] == pytest.approx(plain.details["extrapolated"], rel=0.25)
        assert (copied.corrected is None) == (plain.corrected is None)
        if plain.corrected is not None:
            assert abs(copied.corrected - plain.corrected) < 0.1 * (plain.value - plain.corrected)


@pytest.fixture(scope="module")
def smooth_images() -> np.ndarray:
    """Fashion-MNIST's test images at 32 x 32 in a random order, each in three equal channels: float32 [10000, 3072]."""
    images = np.stack([item.load().pixels[..., 0] for item in open_source("fashion-mnist")])
    grown = torch.nn.functional.interpolate(torch.from_numpy(images).float()[:, None], (32, 32), mode="bicubic")
    shuffled = grown[torch.randperm(len(grown), generator=torch.Generator().manual_seed(0))]
    return (shuffled.clamp(0, 255).round() / 255).repeat(1, 3, 1, 1).flatten(1).numpy()


def test_more_smooth_images_of_3072_columns_are_never_refused_where_fewer_are_corrected(smooth_images) -> None:
    # Their last singular values drown in rounding here and there, which used to look as if none were missing.
    granted, doubtful = [], []
    for n in (60, 120, 250, 500):
        parts = smooth_images[: 6 * 2 * n].reshape(6, 2, n, -1)
        scores = [frechet_distance(real, generated) for real, generated in parts]
        granted.append(np.mean([score.corrected is not None for score in scores]))
        doubtful.append(np.mean([score.details["extrapolated"] / score.value for score in scores]))
        for score in scores:
            # The truth is 0.
            assert score.details["extrapolated"] > 0
            assert score.interval is None or score.interval.low == 0.0
            assert score.corrected is None or abs(score.corrected) < 0.4 * score.value
    assert granted == sorted(granted)
    assert granted[0] == 0
    assert granted[2:] == [1, 1]
    assert doubtful == sorted(doubtful, reverse=True)


def test_a_set_against_itself_is_not_surely_at_zero(make_features) -> None:
    # The correction takes off noise that equal sets don't have.
    real = make_features(300, 40, seed=1)
    score = frechet_distance(real, real)
    assert score.corrected < 0
    assert score.interval.low == 0
    assert score.interval.high == pytest.approx(1.96 * score.standard_error.total, rel=1e-3)


def test_wrong_levels(make_features) -> None:
    real = make_features(60, 5, seed=1)
    for level in (0, 1, 95, "0.9"):
        with pytest.raises(OptionError, match="level must lie between 0 and 1"):
            frechet_distance(real, real, level=level)
    with pytest.raises(NotEnoughImagesError):
        frechet_influence(real, real[:1])


def test_heavier_tails_widen_by_more() -> None:
    random = np.random.default_rng(0)
    light, heavy = random.standard_normal(100), random.standard_t(3, 100)
    ratios = [variance_of_few(x) / (x.var() / len(x)) for x in (light, heavy)]
    assert 0 < ratios[0] < 0.05 < ratios[1] <= 1
    assert variance_of_few(np.zeros(5)) == 0
