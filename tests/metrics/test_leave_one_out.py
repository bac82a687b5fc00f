"""Intervals of precision, recall, density and coverage: the jackknife against leaving images out, and its coverage."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.errors import OptionError
from ganeval.metrics import density_coverage, precision_recall
from ganeval.metrics.score import Score


def _scores(real: np.ndarray, generated: np.ndarray, level: float | None = 0.95) -> list[Score]:
    return [*precision_recall(real, generated, level=level), *density_coverage(real, generated, level=level)]


def _values(real: np.ndarray, generated: np.ndarray) -> list[float]:
    return [score.value for score in _scores(real, generated, None)]


def _pair(seed: int, n: int, m: int, d: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.standard_normal((n, d)), random.standard_normal((m, d)) + shift / np.sqrt(d)


@pytest.mark.parametrize(
    ("seed", "d", "shift", "lattice"), [(0, 3, 0.5, False), (1, 12, 1.0, False), (2, 40, 3.0, False), (3, 2, 0.5, True)]
)
def test_influence_is_what_leaving_each_image_out_changes(seed: int, d: int, shift: float, lattice: bool) -> None:
    real, generated = _pair(seed, 50, 45, d, shift)
    if lattice:
        real, generated = (3 * real).round(), (3 * generated).round()
    scores = _scores(real, generated)
    without_real = np.array([_values(np.delete(real, i, 0), generated) for i in range(len(real))])
    without_generated = np.array([_values(real, np.delete(generated, i, 0)) for i in range(len(generated))])
    for which, score in enumerate(scores):
        assert score.influence is not None
        sides = ((score.influence.real, without_real), (score.influence.generated, without_generated))
        factors = []
        for influence, without in sides:
            assert influence is not None
            assert influence.sum() == pytest.approx(0, abs=1e-9)
            expected = (len(without) - 1) * (without[:, which].mean() - without[:, which])
            factor = float(np.linalg.norm(influence) / np.linalg.norm(expected)) if expected.any() else 1.0
            np.testing.assert_allclose(influence, factor * expected, atol=1e-9)
            factors.append(factor)
        # One side's own indicator stays as it is; the other's double share of chance is taken out, to a tenth at most.
        assert max(factors) == pytest.approx(1)
        assert 0.31 < min(factors) <= 1 + 1e-9


def test_no_interval_work_without_level() -> None:
    for score in _scores(*_pair(0, 60, 50, 5, 0.5), None):
        assert score.interval is None
        assert score.influence is None
        assert score.standard_error is None


def test_value_is_the_same_with_and_without_intervals_and_inside_them() -> None:
    real, generated = _pair(0, 200, 150, 8, 0.5)
    for bare, score in zip(_scores(real, generated, None), _scores(real, generated), strict=True):
        assert score.value == bare.value
        assert score.interval is not None
        assert score.interval.low < score.value < score.interval.high
        assert "as many images" in score.interval.method


def test_everything_inside_or_outside_is_not_certainty() -> None:
    real, generated = _pair(0, 100, 80, 4, 0.0)
    precision, recall, density, coverage = _scores(real, generated + 1e4)
    for score in (precision, recall, coverage):
        assert score.interval is not None
        assert score.interval.low == score.value == 0
        assert 0.02 < score.interval.high < 0.1
    assert density.interval is None
    assert density.no_interval_reason is not None
    same = np.full((20, 7), 0.3)
    precision = precision_recall(same, same).precision
    assert precision.interval is not None
    assert precision.value == precision.interval.high == 1
    assert precision.interval.low < 0.95


def test_few_images() -> None:
    # With k + 1 images there is no further neighbour to grow to.
    precision, recall = precision_recall(np.eye(4) + 0.1, np.eye(4))
    for score in (precision, recall):
        assert score.interval is not None
        assert np.isfinite([score.interval.low, score.interval.high]).all()
    lone = density_coverage(np.random.default_rng(0).random((9, 3)), np.full((1, 3), 0.5))
    assert all(score.interval is None and score.no_interval_reason for score in lone)


@pytest.mark.parametrize("level", [0, 1, 1.5, "high"])
def test_bad_level(level: object) -> None:
    for metric in (precision_recall, density_coverage):
        with pytest.raises(OptionError, match="level must lie between 0 and 1"):
            metric(np.eye(9), np.eye(9), level=level)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "d", "shift"), [(300, 300, 16, 0.5), (300, 300, 64, 2.0), (500, 150, 16, 0.5)])
def test_intervals_hold_the_mean_over_repetitions(n: int, m: int, d: int, shift: float) -> None:
    repeated = [_scores(*_pair(1000 + seed, n, m, d, shift)) for seed in range(150)]
    for which in range(4):
        scores = [scores[which] for scores in repeated]
        mean = np.mean([score.value for score in scores])
        held = np.mean([score.interval.low <= mean <= score.interval.high for score in scores])  # type: ignore[union-attr]
        assert 0.88 <= held <= 0.995, scores[0].name
        spread = np.std([score.value for score in scores])
        error = np.mean([score.standard_error.total for score in scores])  # type: ignore[union-attr]
        assert 0.85 < error / spread < 2
