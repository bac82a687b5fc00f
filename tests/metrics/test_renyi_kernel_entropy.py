"""Rényi kernel entropy against the definition, the Vendi score of order 2 on the same kernel, and known populations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import renyi_kernel_entropy as rke
from ganeval.metrics.registry import METRICS
from ganeval.uncertainty.interval import NOTHING_VARIES


def _kernel(x: np.ndarray, sigma: float) -> np.ndarray:
    return np.exp(-((x[:, None].astype(np.float64) - x[None]) ** 2).sum(-1) / (2 * sigma**2))


@pytest.mark.parametrize(("n", "d"), [(2, 3), (150, 20), (333, 4)])
@pytest.mark.parametrize("sigma", [0.2, 1.0, 5.0])
def test_agrees_with_the_definition_and_with_the_eigenvalues(make_features, n: int, d: int, sigma: float) -> None:
    vendi = pytest.importorskip("vendi_score.vendi")
    x = make_features(n, d, seed=1)
    found = rke(x, bandwidth=sigma, normalise=False, block_bytes=40_000).value
    assert found == pytest.approx(1 / np.linalg.norm(_kernel(x, sigma) / n) ** 2, rel=1e-10)
    assert found == pytest.approx(vendi.score_K(_kernel(x, sigma), q=2), rel=1e-8)
    units = (x + np.float32(0.01)).astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    directions = rke(x + np.float32(0.01), bandwidth=sigma, block_bytes=40_000).value
    assert directions == pytest.approx(1 / np.linalg.norm(_kernel(units, sigma) / n) ** 2, rel=1e-7)


def test_counts_modes() -> None:
    random = np.random.default_rng(0)
    modes = np.repeat(np.eye(7), 40, axis=0) + 1e-4 * random.standard_normal((280, 7))
    assert rke(modes, bandwidth=0.1).value == pytest.approx(7, rel=1e-4)
    assert rke(np.full((30, 4), 0.2)).value == pytest.approx(1)
    assert rke(np.eye(50), bandwidth=0.01).value == pytest.approx(50)


def test_known_population_of_a_gaussian() -> None:
    # Of N(0, s²) in D dimensions, E exp(−d²/σ²) = (1 + 4 s²/σ²)^(−D/2).
    truth = (1 + 4 / 1.5**2) ** (4 / 2)
    scores = [
        rke(np.random.default_rng(seed).standard_normal((400, 4)), bandwidth=1.5, normalise=False)
        for seed in range(150)
    ]
    assert np.mean([s.corrected for s in scores]) == pytest.approx(truth, rel=0.01)
    assert np.mean([s.value for s in scores]) < 0.99 * truth
    held = np.mean([s.interval.low <= truth <= s.interval.high for s in scores])  # type: ignore[union-attr]
    assert 0.9 <= held <= 0.995
    spread = np.std([s.corrected for s in scores])
    assert np.mean([s.standard_error.total for s in scores]) == pytest.approx(spread, rel=0.2)  # type: ignore[union-attr]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), d=st.integers(1, 6), normalise=st.booleans())
def test_properties(seed: int, n: int, d: int, normalise: bool) -> None:
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, d)) + 0.01
    score = rke(x, bandwidth=0.7, normalise=normalise)
    assert 1 - 1e-9 <= score.value <= n * (1 + 1e-9)
    rotation = np.linalg.qr(random.standard_normal((d, d)))[0]
    moved = random.permutation(x) @ rotation * (3.0 if normalise else 1.0)
    assert rke(moved, bandwidth=0.7, normalise=normalise).value == pytest.approx(score.value, rel=1e-9)
    assert rke(x, bandwidth=0.5, normalise=normalise).value >= score.value * (1 - 1e-12)


def test_influence_is_what_leaving_an_image_out_changes(make_features) -> None:
    x = make_features(120, 8, seed=1).astype(np.float64)
    score = rke(x, bandwidth=2.0, normalise=False)
    assert score.influence is not None
    squares = _kernel(x, 2.0) ** 2
    np.fill_diagonal(squares, 0)

    def unlike(rows: np.ndarray) -> float:
        return float(squares[np.ix_(rows, rows)].sum()) / (len(rows) * (len(rows) - 1))

    everyone = np.arange(120)
    without = np.array([1 / unlike(np.delete(everyone, i)) for i in everyone])
    expected = 119 * (without.mean() - without)
    np.testing.assert_allclose(score.influence.generated, expected, rtol=0.05, atol=0.02 * np.abs(expected).max())


def test_no_interval_where_nothing_is_alike(make_features) -> None:
    score = rke(make_features(40, 30, seed=1) + np.float32(0.01), bandwidth=1e-3)
    assert score.value == pytest.approx(40)
    assert score.interval is None
    assert score.corrected is None
    assert "bandwidth" in str(score.no_interval_reason)


@pytest.mark.parametrize("count", [2, 3, 39])
def test_few_images_are_neither_corrected_nor_sure(count: int) -> None:
    score = rke(np.random.default_rng(0).standard_normal((count, 4)), bandwidth=1.5)
    assert score.corrected is None
    assert score.interval is None
    assert score.no_interval_reason == "fewer than 40 images"
    assert score.value <= count


def test_copies_in_equal_numbers_are_not_sure() -> None:
    # The correction would be 1/(pairs of copies) of what the copies' balance makes it.
    for modes in (np.repeat(np.eye(8)[:4], 15, axis=0), np.ones((60, 3)), np.eye(60)):
        score = rke(modes)
        assert score.corrected is None
        assert score.interval is None
        assert score.no_interval_reason == NOTHING_VARIES


@pytest.mark.parametrize("kind", ["modes", "rare"])
def test_the_interval_covers_from_the_least_number_of_images_on(kind: str) -> None:
    def draw(seed: int, count: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        mode = random.integers(0, 5, count)
        if kind == "rare":
            mode = np.where(random.random(count) < 0.9, 0, mode)
        return 4 * np.eye(8)[mode] + 0.3 * random.standard_normal((count, 8))

    truth = rke(draw(0, 4000), bandwidth=1.0).corrected
    assert truth is not None
    intervals = [rke(draw(seed, 40), bandwidth=1.0).interval for seed in range(1, 301)]
    assert all(interval is not None for interval in intervals)
    assert sum(i.low <= truth <= i.high for i in intervals if i is not None) >= 270


def test_table_entry(make_features) -> None:
    x = make_features(60, 10, seed=1) + np.float32(0.01)
    (score,) = METRICS.get("rke")(None, Features(x), bandwidth=0.5)
    assert score == rke(x, bandwidth=0.5)
    assert score.parameters == {"bandwidth": 0.5, "normalise": True}
    bare = rke(x, level=None)
    assert bare.corrected is None
    assert bare.interval is None
    assert bare.no_interval_reason is None


def test_bad_input() -> None:
    with pytest.raises(NotEnoughImagesError, match="at least 2"):
        rke(np.ones((1, 3)))
    with pytest.raises(MetricError, match="all zero"):
        rke(np.diag([1.0, 0]))
    assert rke(np.diag([1.0, 0]), normalise=False).value > 1
    for bandwidth in (0, -1, math.inf, "wide"):
        with pytest.raises(OptionError, match="bandwidth must be"):
            rke(np.eye(3), bandwidth=bandwidth)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="normalise must be"):
        rke(np.eye(3), normalise="no")  # type: ignore[arg-type]
    with pytest.raises(MetricError, match="overflow"):
        rke(np.eye(9) * 1e200, normalise=False)
