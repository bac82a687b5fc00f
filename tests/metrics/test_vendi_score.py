"""Vendi score against the vendi-score package and closed forms; its correction and interval against known truths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import vendi_score
from ganeval.metrics.registry import METRICS
from ganeval.uncertainty.interval import NOTHING_VARIES

vendi = pytest.importorskip("vendi_score.vendi")


def _with_cosines(kernel: np.ndarray) -> np.ndarray:
    """Rows of length 1 whose products are `kernel`."""
    values, vectors = np.linalg.eigh(kernel)
    return vectors * np.sqrt(values.clip(min=0))


def test_examples_of_the_package() -> None:
    samples = np.array([0.0, 0, 10, 10, 20, 20])
    by_distance = np.exp(-np.abs(samples[:, None] - samples[None]))
    assert vendi_score(_with_cosines(by_distance)).value == pytest.approx(2.9999, abs=1e-4)
    given_matrix = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert vendi_score(_with_cosines(given_matrix)).value == pytest.approx(2.1573, abs=1e-4)


@pytest.mark.parametrize(("n", "d"), [(300, 24), (24, 24), (23, 24), (30, 200), (1000, 9)])
@pytest.mark.parametrize("q", [1, 0.5, 2, 3.3, math.inf])
def test_agrees_with_the_package(make_features, n: int, d: int, q: float) -> None:
    x = make_features(n, d, seed=1).astype(np.float64) + 0.01
    units = x / np.linalg.norm(x, axis=1, keepdims=True)
    # By score_K: score_X ignores q.
    theirs = vendi.score_K(units @ units.T, q="inf" if q == math.inf else q)
    rel = 1e-4 if q < 1 else 1e-10  # Its powers of eigenvalues that are rounding's alone.
    assert vendi_score(x, q=q, level=None).value == pytest.approx(theirs, rel=rel)
    if q != math.inf:
        assert vendi_score(x, q=q, level=None).value == pytest.approx(vendi.score_dual(x, q=q), rel=rel)
    assert vendi_score(x, q=q).value == pytest.approx(theirs, rel=rel)


def test_closed_forms() -> None:
    assert vendi_score(np.eye(6)).value == pytest.approx(6)
    assert vendi_score(np.repeat(np.eye(6), 50, axis=0)).value == pytest.approx(6)
    assert vendi_score(np.full((40, 5), 0.3)).value == pytest.approx(1)
    assert vendi_score(np.ones((1, 5))).value == pytest.approx(1)
    # Shares of orthogonal kinds are the eigenvalues: 1/2, 1/4, 1/4.
    kinds = np.repeat(np.eye(3), [50, 25, 25], axis=0)
    assert vendi_score(kinds).value == pytest.approx(2**1.5)
    assert vendi_score(kinds, q=2).value == pytest.approx(1 / (1 / 4 + 1 / 16 + 1 / 16))
    assert vendi_score(kinds, q=math.inf).value == pytest.approx(2)
    assert vendi_score(kinds, q=1e-3).value == pytest.approx(3, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 40),
    d=st.integers(1, 12),
    q=st.sampled_from([0.3, 1.0, 2.0, math.inf]),
)
def test_properties(seed: int, n: int, d: int, q: float) -> None:
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, d))
    value = vendi_score(x, q=q).value
    assert 1 - 1e-9 <= value <= min(n, d) * (1 + 1e-9)
    rotation = np.linalg.qr(random.standard_normal((d, d)))[0]
    scales = random.uniform(0.1, 10, (n, 1))
    assert vendi_score(random.permutation(x * scales) @ rotation, q=q).value == pytest.approx(value, rel=1e-6)
    assert vendi_score(np.vstack([x, x]), q=q).value == pytest.approx(value, rel=1e-6)
    assert vendi_score(x, q=2.5).value <= vendi_score(x, q=0.7).value * (1 + 1e-9)


@pytest.mark.parametrize("n", [400, 40])
@pytest.mark.parametrize("q", [1.0, 0.6, 2.0])
def test_influence_is_the_derivative(n: int, q: float) -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((n, 50)) * 3.0 ** -np.arange(50) + 1e-7
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    score = vendi_score(x, q=q)
    assert score.influence is not None
    assert score.influence.generated is not None
    matrix = x.T @ x / n

    def value(weight: float, row: np.ndarray) -> float:
        eigenvalues = np.linalg.eigvalsh((1 - weight) * matrix + weight * np.outer(row, row)).clip(min=1e-300)
        entropy = -(eigenvalues * np.log(eigenvalues)).sum() if q == 1 else np.log((eigenvalues**q).sum()) / (1 - q)
        return float(np.exp(entropy))

    slopes = np.array([(value(1e-7, row) - value(0, row)) / 1e-7 for row in x[:30]])
    found = score.influence.generated[:30]
    assert np.corrcoef(found, slopes)[0, 1] > 0.999
    # Wider than the derivative by what the correction shows, and nearly it where N is large.
    assert 1 <= np.std(found) / np.std(slopes) < (1.1 if n == 400 else 1.4)


@pytest.mark.slow
@pytest.mark.parametrize("q", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("heavy", [False, True])
def test_correction_and_interval_hold_the_population(q: float, heavy: bool) -> None:
    scales = (1 + np.arange(40)) ** -0.5

    def draw(seed: int, n: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        rows = random.standard_normal((n, 40)) * scales
        return rows * (1 + 3 * (rows[:, :1] > 0.8)) + 0.3 * heavy

    truth = vendi_score(draw(10**6, 200_000), q=q, level=None).value
    scores = [vendi_score(draw(seed, 500), q=q) for seed in range(150)]
    held = np.mean([s.interval.low <= truth <= s.interval.high for s in scores])  # type: ignore[union-attr]
    assert 0.89 <= held <= 0.995
    assert abs(np.mean([s.corrected for s in scores]) - truth) < 0.35 * abs(np.mean([s.value for s in scores]) - truth)


def test_refuses_intervals_that_would_not_hold() -> None:
    random = np.random.default_rng(0)
    few = vendi_score(random.standard_normal((60, 200)))
    assert few.interval is None
    assert few.corrected is None
    assert "too few" in str(few.no_interval_reason)
    alike = vendi_score(random.standard_normal((2000, 6)), q=math.inf)
    assert alike.interval is None
    assert "alike" in str(alike.no_interval_reason)
    assert "fewer than 20" in str(vendi_score(np.eye(5)).no_interval_reason)


def test_equal_images_and_copies_in_equal_numbers_are_not_sure() -> None:
    for rows in (np.ones((60, 3)), np.repeat(np.eye(8)[:4], 15, axis=0)):
        score = vendi_score(rows)
        assert score.interval is None
        assert score.corrected is None
        assert score.no_interval_reason == NOTHING_VARIES


def test_table_entry_and_parameters(make_features) -> None:
    x = make_features(100, 10, seed=1) + np.float32(0.01)
    (score,) = METRICS.get("vendi")(None, Features(x), q=math.inf)
    assert score == vendi_score(x, q=math.inf)
    assert score.parameters == {"q": "inf", "kernel": "cosine"}
    assert METRICS.get("vendi").parameter("q").parse("inf") == math.inf
    bare = vendi_score(x, level=None)
    assert bare.interval is None
    assert bare.no_interval_reason is None
    assert vendi_score(x, seed=1).value == pytest.approx(vendi_score(x, seed=2).value, rel=1e-12)
    assert bare.value == pytest.approx(score_of_order_one := vendi_score(x).value, rel=1e-12)
    assert score_of_order_one > score.value


def test_huge_and_tiny_features(make_features) -> None:
    x = make_features(60, 10, seed=1).astype(np.float64) + 0.01
    for scale in (1e-200, 1e200):
        assert vendi_score(x * scale).value == pytest.approx(vendi_score(x).value, rel=1e-9)


def test_bad_input() -> None:
    with pytest.raises(MetricError, match="row 2 of generated is all zero"):
        vendi_score(np.diag([1.0, 1, 0]))
    with pytest.raises(NotEnoughImagesError):
        vendi_score(np.ones((0, 3)))
    with pytest.raises(MetricError, match="NaN"):
        vendi_score(np.array([[np.nan, 1.0]]))
    for q in (0, -1, math.nan, "two", True):
        with pytest.raises(OptionError, match="q must be"):
            vendi_score(np.eye(3), q=q)  # type: ignore[arg-type]


def test_correction_is_that_of_halves_however_small_the_eigenvalues(make_features) -> None:
    random = np.random.default_rng(0)
    x = (random.standard_normal((1500, 4)) @ random.standard_normal((4, 200))) + 0.05 * random.standard_normal(
        (1500, 200)
    )
    score = vendi_score(x, seed=3)
    order = np.random.default_rng(3).permutation(len(x))
    halves = [vendi_score(x[half], level=None).value for half in (order[:750], order[750:])]
    assert score.corrected is not None
    assert score.corrected > score.value
    assert score.corrected - score.value == pytest.approx(score.value - np.mean(halves), abs=2e-4)
