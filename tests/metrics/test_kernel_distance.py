"""Kernel distance against torch-fidelity, torchmetrics and the definition written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.image.kid import poly_mmd

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import kernel_distance
from ganeval.metrics.registry import METRICS


def _torch_fidelity(real: np.ndarray, generated: np.ndarray, *, subsets: int, size: int, seed: int, **kernel: object):
    return kid_features_to_metric(
        torch.from_numpy(generated),
        torch.from_numpy(real),
        kid_subsets=subsets,
        kid_subset_size=size,
        kid_kernel="poly",
        kid_kernel_poly_degree=kernel.get("degree", 3),
        kid_kernel_poly_gamma=kernel.get("gamma"),
        kid_kernel_poly_coef0=kernel.get("coef0", 1.0),
        rng_seed=seed,
        verbose=False,
    )


@pytest.mark.parametrize(
    ("n", "m", "subsets", "size", "kernel"),
    [
        (300, 400, 20, 100, {}),
        (150, 150, 5, 150, {}),
        (2500, 300, 10, 20, {}),  # subset by subset is cheaper here
        (300, 300, 8, 90, {"degree": 2, "gamma": 0.3, "coef0": 0.0}),
    ],
)
def test_agrees_with_torch_fidelity_in_float64(make_features, n, m, subsets, size, kernel) -> None:
    real = make_features(n, 40, seed=1).astype(np.float64)
    generated = make_features(m, 40, seed=2, offset=0.1).astype(np.float64)
    theirs = _torch_fidelity(real, generated, subsets=subsets, size=size, seed=7, **kernel)
    ours = kernel_distance(real, generated, subsets=subsets, subset_size=size, seed=7, **kernel)
    assert ours.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)
    # Whole sets don't vary: theirs is rounding then, and ours says nothing.
    std = ours.details["std"] if size < max(n, m) else 0.0
    assert std == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-9, abs=1e-13)


def test_agrees_with_torch_fidelity_as_it_is_up_to_its_float32(make_features) -> None:
    real, generated = make_features(1200, 64, seed=1), make_features(1100, 64, seed=2, offset=0.1)
    theirs = _torch_fidelity(real, generated, subsets=10, size=1000, seed=2020)
    ours = kernel_distance(real, generated, subsets=10)
    assert ours.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-4)
    assert ours.parameters["subset_size"] == 1000
    assert ours.details["clamped"] is False


def test_agrees_with_torchmetrics_on_whole_sets(make_features) -> None:
    real, generated = (torch.from_numpy(make_features(120, 30, seed=s, offset=s / 10)).double() for s in (1, 2))
    ours = kernel_distance(real, generated, subsets=1, subset_size=120)
    assert ours.value == pytest.approx(float(poly_mmd(real, generated)), rel=1e-10)
    assert "std" not in ours.details


def test_definition_by_loops() -> None:
    random = np.random.default_rng(0)
    r, g = random.uniform(0, 2, (6, 3)), random.uniform(0, 3, (6, 3))

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return (sum(a * b for a, b in zip(x, y, strict=True)) / 3 + 1) ** 3

    within = sum(k(s[i], s[j]) for s in (r, g) for i in range(6) for j in range(6) if i != j)
    across = sum(k(x, y) for x in r for y in g)
    expected = within / 30 - 2 * across / 36
    assert kernel_distance(r, g, subsets=4).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("size", [30, 200])
def test_both_ways_of_computing_agree(make_features, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    real, generated = make_features(2300, 24, seed=1), make_features(1100, 24, seed=2, offset=0.1)
    scores = []
    for whole in (True, False):
        monkeypatch.setitem(kernel_distance.__globals__, "_whole_is_cheaper", lambda *_, whole=whole, **__: whole)
        scores.append(kernel_distance(real, generated, subsets=12, subset_size=size))
    assert scores[0].value == pytest.approx(scores[1].value, rel=1e-11)
    assert scores[0].details["std"] == pytest.approx(scores[1].details["std"], rel=1e-9)


def test_unbiased_on_sets_of_one_distribution() -> None:
    random = np.random.default_rng(0)
    values = [kernel_distance(*random.gamma(1, 1, (2, 60, 8)), subsets=1).value for _ in range(200)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


def test_smaller_sets_clamp_the_default_subset_and_say_so(make_features) -> None:
    real, generated = make_features(50, 10, seed=1), make_features(80, 10, seed=2)
    score = kernel_distance(real, generated)
    assert score.parameters["subset_size"] == 50
    assert score.details["clamped"] is True
    assert score == kernel_distance(real, generated) != kernel_distance(real, generated, seed=1)
    explicit = kernel_distance(real, generated, subset_size=50)
    assert explicit.value == score.value
    assert explicit.details["clamped"] is False


def test_a_subset_size_that_was_asked_for_is_never_clamped(make_features) -> None:
    with pytest.raises(NotEnoughImagesError, match=r"subset_size=60 needs at least 60 .* 50 real and 80 generated"):
        kernel_distance(make_features(50, 10, seed=1), make_features(80, 10, seed=2), subset_size=60)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 25))
def test_whole_sets_symmetric_and_unmoved_by_permutation_and_rotation(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.gamma(1, 1, (n, 5)), random.gamma(1.4, 1, (n, 5))
    rotation = np.linalg.qr(random.standard_normal((5, 5)))[0]
    expected = pytest.approx(kernel_distance(real, generated, subsets=1).value, rel=1e-9, abs=1e-10)
    assert kernel_distance(generated, real, subsets=1).value == expected
    assert kernel_distance(random.permutation(real), generated, subsets=1).value == expected
    assert kernel_distance(real @ rotation, generated @ rotation, subsets=1).value == expected


def test_same_for_numpy_and_torch_and_both_widths(make_features) -> None:
    real, generated = make_features(60, 12, seed=1), make_features(70, 12, seed=2, offset=0.1)
    expected = kernel_distance(real, generated).value
    assert kernel_distance(torch.from_numpy(real), generated.astype(np.float64)).value == expected


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("apart", [0.0, 0.1])
@pytest.mark.parametrize("subset_size", [50, 1000])
def test_many_narrow_features_lose_nothing_that_is_printed(
    make_features, offset: float, apart: float, subset_size: int
) -> None:
    # From 2,000 images on, inner products of float32 features are taken in float32.
    real, generated = make_features(2000, 60, seed=1) + offset, make_features(2100, 60, seed=2) + offset + apart
    assert real.dtype == generated.dtype == np.float32
    narrow = kernel_distance(real, generated, subset_size=subset_size, subsets=10)
    wide = kernel_distance(real.astype(np.float64), generated, subset_size=subset_size, subsets=10)
    assert narrow.value == pytest.approx(wide.value, rel=1e-6, abs=1e-6 * wide.standard_error.total)
    assert narrow.corrected == pytest.approx(wide.corrected, rel=1e-6, abs=1e-6 * wide.standard_error.total)
    assert narrow.interval.high == pytest.approx(wide.interval.high, rel=1e-6)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("subsets", 0),
        ("subset_size", 1),
        ("degree", 0),
        ("degree", 2.5),
        ("gamma", 0.0),
        ("gamma", -1.0),
        ("coef0", float("nan")),
    ],
)
def test_bad_parameters(parameter: str, value: object) -> None:
    with pytest.raises(OptionError, match=f"^{parameter} must be"):
        kernel_distance(np.ones((5, 2)), np.ones((5, 2)), **{parameter: value})


def test_overflow_is_an_error() -> None:
    with pytest.raises(MetricError, match="overflows"):
        kernel_distance(np.full((5, 2), 1e80), np.full((5, 2), 1e80))


def test_table_entry(make_features) -> None:
    real, generated = make_features(50, 10, seed=1), make_features(80, 10, seed=2)
    (score,) = METRICS.get("kd")(Features(real), Features(generated), seed=3, subsets=7, subset_size=20)
    assert score == kernel_distance(real, generated, seed=3, subsets=7, subset_size=20)
    assert score.interval is not None
    (bare,) = METRICS.get("kd")(Features(real), Features(generated), seed=3, subsets=7, subset_size=20, level=None)
    assert bare == kernel_distance(real, generated, seed=3, subsets=7, subset_size=20, level=None)
    assert bare.value == score.value
    assert bare.interval is bare.corrected is bare.influence is None
    assert (score.name, score.n_real, score.n_generated, score.higher_is_better) == ("kd", 50, 80, False)


def test_no_spread_is_claimed_where_each_subset_is_all_there_is() -> None:
    rng = np.random.default_rng(3)
    real, generated = rng.normal(size=(40, 6)), rng.normal(0.3, 1, size=(40, 6))
    whole = kernel_distance(real, generated)
    assert "std" not in whole.details
    assert whole.value == pytest.approx(kernel_distance(real, generated, subset_size=40, subsets=1).value, rel=1e-12)
    assert kernel_distance(real, generated, subset_size=39).details["std"] > 0
    assert kernel_distance(real[:30], generated).details["std"] > 0


def test_corrected_is_the_u_statistic_of_all_pairs(make_features) -> None:
    real, generated = (make_features(n, 10, seed=n, offset=n / 1000).astype(np.float64) for n in (60, 90))
    k_rr, k_gg, k_rg = ((a @ b.T / 10 + 1) ** 3 for a, b in ((real, real), (generated, generated), (real, generated)))
    expected = (k_rr.sum() - np.trace(k_rr)) / (60 * 59) + (k_gg.sum() - np.trace(k_gg)) / (90 * 89) - 2 * k_rg.mean()
    for subset_size in (60, 5):
        score = kernel_distance(real, generated, subset_size=subset_size, subsets=3)
        assert score.corrected == pytest.approx(expected, rel=1e-10)


def _raw_moments(mean: np.ndarray, scale: np.ndarray) -> list[np.ndarray]:
    """E x, E x⊗x and E x⊗x⊗x of N(mean, diag scale²)."""
    covariance = np.diag(scale**2)
    third = np.einsum("a,b,c->abc", mean, mean, mean)
    for pattern in ("a,bc->abc", "b,ac->abc", "c,ab->abc"):
        third = third + np.einsum(pattern, mean, covariance)
    return [mean, np.outer(mean, mean) + covariance, third]


@pytest.mark.parametrize(("n", "m"), [(60, 60), (300, 60)])
@pytest.mark.parametrize("distance", [0.0, 0.2, 1.0])
def test_interval_covers_the_population_value(n: int, m: int, distance: float) -> None:
    # (x·y/D + 1)³ = Σ_k binom(3, k) (x·y/D)^k, so MMD² = Σ_k binom(3, k) D^−k ‖difference of the k-th moments‖².
    random = np.random.default_rng(2)
    mean, scale = np.full(5, 0.4), np.arange(1, 6) ** -0.5
    shift, wider = mean + distance * np.eye(5)[0], scale * (1 + distance / 5)
    pairs = zip(_raw_moments(mean, scale), _raw_moments(shift, wider), strict=True)
    truth = sum(c / 5**k * ((a - b) ** 2).sum() for k, c, (a, b) in zip((1, 2, 3), (3, 3, 1), pairs, strict=True))
    replicates, covered = 200, 0
    for _ in range(replicates):
        real, generated = random.normal(mean, scale, (n, 5)), random.normal(shift, wider, (m, 5))
        interval = kernel_distance(real, generated, subsets=1, subset_size=2).interval
        assert interval is not None
        covered += interval.low <= truth <= interval.high
    assert 0.885 <= covered / replicates <= 0.995


def test_interval_of_many_images_comes_from_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(0.5, 1, (800, 10)), random.normal(0.7, 1, (600, 10))
    whole = kernel_distance(real, generated, subset_size=5, subsets=3)
    monkeypatch.setitem(kernel_distance.__globals__, "_BLOCK_IMAGES", 200)
    blocks = kernel_distance(real, generated, subset_size=5, subsets=3)
    assert blocks.value == whole.value
    assert blocks.standard_error is not None
    assert whole.standard_error is not None
    assert abs(blocks.estimate - whole.estimate) < 2 * blocks.standard_error.other
    assert blocks.standard_error.other == pytest.approx(2 * whole.standard_error.other, rel=0.2)
    assert blocks.standard_error.generated == pytest.approx(whole.standard_error.generated, rel=0.2)
    assert blocks.influence is not None
    assert whole.influence is not None
    # Per image, and in the images' own order.
    correlation = np.corrcoef(blocks.influence.generated, whole.influence.generated)[0, 1]
    assert correlation > 0.85
