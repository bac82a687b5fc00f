"""FD∞ against a naive computation from its definition, and where it tends to."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import fd_infinity, frechet_distance
from ganeval.metrics.registry import METRICS


def _naive(real: np.ndarray, generated: np.ndarray, points: int, seed: int) -> tuple[float, list[float], list[int]]:
    """Every size's moments anew, singular values of centred rows, the normal equations of the line."""
    order = np.random.RandomState(seed).permutation(len(generated))
    sizes = sorted({round(x) for x in np.linspace(min(5000, len(generated) // 2), len(generated), points)})
    values = []
    for size in sizes:
        sides = real.astype(np.float64), generated[order[:size]].astype(np.float64)
        rows = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in sides]
        nuclear = np.linalg.svd(rows[0] @ rows[1].T, compute_uv=False).sum()
        shift = sides[0].mean(0) - sides[1].mean(0)
        values.append(float(shift @ shift + sum((x**2).sum() for x in rows) - 2 * nuclear))
    design = np.stack([np.ones(len(sizes)), 1 / np.array(sizes)], axis=1)
    return float(np.linalg.solve(design.T @ design, design.T @ values)[0]), values, sizes


@pytest.mark.parametrize(("n", "m", "d"), [(80, 120, 12), (40, 60, 50), (90, 70, 50)])
def test_agrees_with_its_definition(make_features, n: int, m: int, d: int) -> None:
    real, generated = make_features(n, d, seed=1), make_features(m, d, seed=2, offset=0.1)
    score = fd_infinity(real, generated, seed=7)
    expected, values, sizes = _naive(real, generated, 15, 7)
    assert score.details["sizes"] == sizes
    np.testing.assert_allclose(score.details["values"], values, rtol=1e-8)
    assert score.value == pytest.approx(expected, rel=1e-6)
    assert score.details["values"][-1] == pytest.approx(frechet_distance(real, generated).value, rel=1e-9)


def test_lies_nearer_to_the_truth_than_the_plug_in() -> None:
    random = np.random.default_rng(0)
    real = random.standard_normal((20_000, 16))
    left, plug_in = [], []
    for _ in range(8):
        score = fd_infinity(real, random.standard_normal((200, 16)))
        left.append(score.value)
        plug_in.append(score.details["values"][-1])
    assert abs(np.mean(left)) < 0.3 * np.mean(plug_in)


def test_same_seed_same_value_and_a_reason_for_no_interval(make_features) -> None:
    real, generated = make_features(70, 10, seed=1), make_features(80, 10, seed=2)
    one, same, other = (fd_infinity(real, generated, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one.value != other.value
    assert one.interval is None
    assert "corrected" in one.no_interval_reason
    assert fd_infinity(real, generated, level=None).no_interval_reason is None


def test_few_images_leave_fewer_sizes(make_features) -> None:
    score = fd_infinity(make_features(70, 10, seed=1), make_features(50, 10, seed=2), points=40)
    assert score.details["sizes"] == list(range(25, 51))


def test_bad_input(make_features) -> None:
    real = make_features(60, 4, seed=1)
    with pytest.raises(NotEnoughImagesError, match=r"generated holds 49 images, but at least 50"):
        fd_infinity(real, real[:49])
    with pytest.raises(OptionError, match="points must be a whole number of at least 2"):
        fd_infinity(real, real, points=1)
    with pytest.raises(MetricError, match="overflows"):
        fd_infinity(real.astype(np.float64) * 1e170, -real.astype(np.float64) * 1e170)
    constant = fd_infinity(np.ones((50, 3)), np.full((60, 3), 2.0))
    assert constant.value == pytest.approx(3.0)


def test_table_entry(make_features) -> None:
    real, generated = make_features(70, 10, seed=1), make_features(80, 10, seed=2)
    (score,) = METRICS.get("fd_infinity")(Features(real), Features(generated), seed=3, points=5)
    assert score == fd_infinity(real, generated, points=5, seed=3)
    with pytest.raises(MetricError, match="needs real images"):
        METRICS.get("fd_infinity")(None, Features(generated))
