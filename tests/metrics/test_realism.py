"""Realism against brute force from all differences, with copies, duplicates and constants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import precision_recall, realism, realism_scores
from ganeval.metrics.registry import METRICS


def _brute(real: np.ndarray, generated: np.ndarray, k: int) -> np.ndarray:
    r, g = real.astype(np.float64), generated.astype(np.float64)
    within = np.sqrt(((r[:, None] - r[None]) ** 2).sum(-1))
    across = np.sqrt(((r[:, None] - g[None]) ** 2).sum(-1))
    radii = np.sort(within, axis=1)[:, k]
    kept = radii <= np.sort(radii)[(len(radii) - 1) // 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(across == 0, np.inf, radii[:, None] / across)
    return ratios[kept].max(axis=0)


@pytest.mark.parametrize(("n", "m", "d", "k"), [(300, 200, 64, 3), (121, 90, 3, 5), (40, 300, 200, 1), (5, 1, 2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_all_differences(make_features, n: int, m: int, d: int, k: int, dtype: type) -> None:
    real, generated = (make_features(c, d, seed=c, offset=o).astype(dtype) for c, o in ((n, 0.0), (m, 0.1)))
    found = realism_scores(real, generated, k, block_bytes=40_000)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, _brute(real, generated, k), rtol=1e-10)


def test_the_larger_half_of_the_balls_is_left_out() -> None:
    dense, sparse = np.arange(10.0)[:, None], 1000 + 100 * np.arange(10.0)[:, None]
    # Next to a sparse real image, yet only the dense half counts.
    assert realism_scores(np.vstack([dense, sparse]), np.array([[1500.5]]), k=1)[0] == pytest.approx(1 / 1491.5)


def test_copies_are_infinitely_real(make_features) -> None:
    real = make_features(100, 20, seed=1)
    radii = np.sort(((real[:, None].astype(np.float64) - real[None]) ** 2).sum(-1), axis=1)[:, 3]
    order = np.argsort(radii)
    generated = np.vstack([real[order[:3]], real[order[-1:]], make_features(20, 20, seed=2)])
    found = realism_scores(real, generated)
    assert np.isinf(found[:3]).all()
    assert np.isfinite(found[3:]).all()
    score = realism(real, generated)
    assert math.isfinite(score.value)
    assert score.interval is not None
    copies = realism(real, np.repeat(real[order[:1]], 30, axis=0))
    assert copies.value == math.inf
    assert copies.interval is None
    assert "copy" in str(copies.no_interval_reason)


def test_constant_and_duplicated_real_images() -> None:
    same = np.full((10, 3), 0.5)
    np.testing.assert_array_equal(realism_scores(same, np.vstack([same[:2], same[:1] + 1])), [np.inf, np.inf, 0])
    random = np.random.default_rng(0).random((30, 3))
    doubled = np.vstack([np.repeat(random[:10], 5, axis=0), random[10:]])
    other = np.random.default_rng(1).random((25, 3))
    np.testing.assert_allclose(realism_scores(doubled, other), _brute(doubled, other, 3), rtol=1e-10)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 40), m=st.integers(1, 40), d=st.integers(1, 6))
def test_properties(seed: int, n: int, m: int, d: int) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.gamma(1, 1, (n, d)), random.gamma(1.3, 1, (m, d))
    found = realism_scores(real, generated)
    np.testing.assert_allclose(found, _brute(real, generated, 3), rtol=1e-9)
    rotation = np.linalg.qr(random.standard_normal((d, d)))[0] * 3.7
    np.testing.assert_allclose(realism_scores(real @ rotation, generated @ rotation), found, rtol=1e-9)
    order = random.permutation(m)
    np.testing.assert_allclose(realism_scores(random.permutation(real), generated[order]), found[order], rtol=1e-12)
    if m > 3:
        # Inside one of the smaller half of the balls is inside the manifold.
        assert (found >= 1).mean() <= precision_recall(real, generated).precision.value


def test_median_and_details(make_features) -> None:
    real, generated = make_features(150, 16, seed=1), make_features(81, 16, seed=2, offset=0.1)
    values = realism_scores(real, generated)
    score = realism(real, generated)
    assert score.value == np.median(values)
    assert score.details["inside"] == (values >= 1).mean()
    assert score.interval is not None
    assert score.interval.low < score.value < score.interval.high
    assert realism(real, generated, level=None).value == score.value
    assert realism(real, generated, level=None).influence is None
    assert METRICS.get("realism")(Features(real), Features(generated)) == (score,)


def test_influence_is_what_leaving_real_images_out_changes() -> None:
    random = np.random.default_rng(0)
    real, generated = random.standard_normal((60, 6)), random.standard_normal((200, 6))
    score = realism(real, generated)
    threshold = score.value

    # The fraction above the median, with the balls that count held fixed.
    radii = np.sqrt(np.sort(((real[:, None] - real[None]) ** 2).sum(-1), axis=1))
    kept = np.flatnonzero(radii[:, 3] <= np.sort(radii[:, 3])[29])
    across = np.sqrt(((real[:, None] - generated[None]) ** 2).sum(-1))
    near = np.argsort(((real[:, None] - real[None]) ** 2).sum(-1), axis=1)[:, 1:4]

    def above(without: int) -> float:
        rows = [i for i in kept if i != without]
        grown = np.array([radii[i, 4] if without in near[i] else radii[i, 3] for i in rows])
        return float((grown[:, None] / across[rows] >= threshold).any(axis=0).mean())

    changes = np.array([above(i) for i in range(60)])
    assert score.influence is not None
    assert score.influence.real is not None
    assert np.corrcoef(score.influence.real, -changes)[0, 1] > 0.999


@pytest.mark.slow
def test_interval_holds_the_mean_over_repetitions() -> None:
    scores = []
    for seed in range(150):
        random = np.random.default_rng(seed)
        scores.append(realism(random.standard_normal((300, 16)), random.standard_normal((300, 16)) + 0.2))
    mean = np.mean([score.value for score in scores])
    held = np.mean([score.interval.low <= mean <= score.interval.high for score in scores])  # type: ignore[union-attr]
    assert 0.9 <= held <= 0.995


def test_bad_input() -> None:
    with pytest.raises(NotEnoughImagesError, match="more than 3 images"):
        realism_scores(np.eye(3), np.eye(3))
    with pytest.raises(OptionError, match="k must be"):
        realism(np.eye(9), np.eye(9), k=0)
    with pytest.raises(MetricError, match="row 1 holds NaN"):
        realism_scores(np.eye(5), np.array([[0.0] * 5, [np.nan] * 5]))
    with pytest.raises(MetricError, match="real images"):
        METRICS.get("realism")(None, Features(np.eye(5, dtype=np.float32)))
