"""F8 and F1/8 of the PRD curve against closed forms on separate clusters, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import precision_recall_distributions as prd
from ganeval.metrics.registry import METRICS


def _points(counts: list[int], seed: int = 0) -> np.ndarray:
    """So many points in each of several clusters far apart."""
    random = np.random.default_rng(seed)
    centres = 100 * np.eye(len(counts))
    return np.repeat(centres, counts, axis=0) + random.standard_normal((sum(counts), len(counts)))


def _curve_maximum(p: np.ndarray, q: np.ndarray, beta: float) -> float:
    """F_beta of Sajjadi et al. 2018, equations 4 to 6, by its definition at many slopes."""
    best = 0.0
    for slope in np.tan(np.linspace(1e-10, np.pi / 2 - 1e-10, 1001)):
        precision = sum(min(slope * a, b) for a, b in zip(p, q, strict=True))
        recall = sum(min(a, b / slope) for a, b in zip(p, q, strict=True))
        best = max(best, (1 + beta**2) * precision * recall / (beta**2 * precision + recall))
    return best


@pytest.mark.parametrize(
    ("real", "generated"),
    [
        ([30, 30, 30, 30], [30, 30, 30, 30]),
        ([30, 30, 30, 30], [60, 60, 0, 0]),
        ([60, 60, 0, 0], [30, 30, 30, 30]),
        ([10, 20, 30, 60], [60, 30, 20, 10]),
        ([40, 40, 40, 0], [0, 40, 40, 40]),
        # Sides of different sizes: shares count, not numbers.
        ([10, 20, 30, 60], [12, 6, 4, 2]),
    ],
)
def test_closed_form_on_separate_clusters(real: list[int], generated: list[int]) -> None:
    found = prd(_points(real), _points(generated, 1), clusters=4, runs=3)
    p, q = (np.array(counts) / sum(counts) for counts in (real, generated))
    assert found.prd_f8.value == pytest.approx(_curve_maximum(p, q, 8.0), rel=1e-9)
    assert found.prd_f1_8.value == pytest.approx(_curve_maximum(p, q, 1 / 8), rel=1e-9)
    assert found.prd_f8.details["std"] == pytest.approx(0, abs=1e-12)


def test_lost_modes_show_in_f8_and_invented_ones_in_f1_8() -> None:
    half_missing = prd(_points([40] * 4), _points([80, 80, 0, 0], 1), clusters=4)
    assert half_missing.prd_f8.value < 0.55
    assert half_missing.prd_f1_8.value > 0.95
    half_invented = prd(_points([80, 80, 0, 0], 1), _points([40] * 4), clusters=4)
    assert half_invented.prd_f8.value == pytest.approx(half_missing.prd_f1_8.value)
    assert half_invented.prd_f1_8.value == pytest.approx(half_missing.prd_f8.value)


def test_same_and_disjoint_sets(make_features) -> None:
    real = make_features(200, 12, seed=1)
    assert all(score.value == pytest.approx(1, abs=1e-12) for score in prd(real, real))
    assert all(score.value <= 1 for score in prd(real, real))
    assert all(score.value == 0 for score in prd(real, real + 1e4))
    constant = np.full((30, 4), 0.7)
    assert all(score.value == pytest.approx(1, abs=1e-12) for score in prd(constant, constant))
    assert all(score.value == 0 for score in prd(constant, constant + 1))


def test_seed_scale_and_shift(make_features) -> None:
    real, generated = make_features(300, 12, seed=1), make_features(250, 12, seed=2, offset=0.2)
    once, again, other = (prd(real, generated, seed=s) for s in (1, 1, 2))
    assert once == again
    assert once != other
    assert once.prd_f8.value == pytest.approx(other.prd_f8.value, abs=0.05)
    moved = prd(real.astype(np.float64) * 1e30 + 3e30, generated.astype(np.float64) * 1e30 + 3e30, seed=1)
    assert moved.prd_f8.value == pytest.approx(once.prd_f8.value, abs=0.03)


def test_details_and_table_entry(make_features) -> None:
    real, generated = make_features(150, 8, seed=1), make_features(150, 8, seed=2, offset=0.2)
    f8, f1_8 = METRICS.get("prd")(Features(real), Features(generated))
    assert (f8.name, f1_8.name) == ("prd_f8", "prd_f1_8")
    assert f8.parameters == {"clusters": 20, "angles": 1001, "runs": 10, "seed": 2020}
    recall, precision = np.array(f8.details["curve"]["recall"]), np.array(f8.details["curve"]["precision"])
    assert len(recall) == len(precision) == 41
    assert ((recall >= 0) & (recall <= 1 + 1e-9) & (precision >= 0) & (precision <= 1 + 1e-9)).all()
    assert (np.diff(precision) >= -1e-12).all()
    assert (np.diff(recall) <= 1e-12).all()
    bare = prd(real, generated, level=None)
    assert [s.value for s in bare] == [f8.value, f1_8.value]
    assert all(s.interval is None and s.influence is None for s in bare)


def test_influence_is_the_derivative_of_the_shares() -> None:
    real, generated = _points([60, 50, 40, 30]), _points([20, 40, 60, 80], 1)
    f8 = prd(real, generated, clusters=4, runs=1).prd_f8
    assert f8.influence is not None
    for side, influence in (("real", f8.influence.real), ("generated", f8.influence.generated)):
        assert influence is not None
        assert influence.mean() == pytest.approx(0, abs=1e-12)
        counts = {"real": np.array([60.0, 50, 40, 30]), "generated": np.array([20.0, 40, 60, 80])}
        start = np.cumsum([0, *counts[side][:-1]]).astype(int)
        for cluster in range(4):
            changed = {name: values / values.sum() for name, values in counts.items()}
            more = np.eye(4)[cluster]
            changed[side] = changed[side] + 1e-6 * (more - changed[side])
            slope = (_curve_maximum(changed["real"], changed["generated"], 8.0) - f8.value) / 1e-6
            assert influence[start[cluster]] == pytest.approx(slope, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "shift"), [(600, 600, 1.0), (900, 300, 1.5)])
def test_intervals_hold_the_mean_over_repetitions(n: int, m: int, shift: float) -> None:
    held, scores = [], []
    for seed in range(60):
        random = np.random.default_rng(seed)
        real, generated = random.standard_normal((n, 4)), random.standard_normal((m, 4)) + shift / 2
        scores.append(prd(real, generated, runs=3))
    for which in range(2):
        mean = np.mean([pair[which].value for pair in scores])
        held.append(np.mean([p[which].interval.low <= mean <= p[which].interval.high for p in scores]))  # type: ignore
    assert min(held) >= 0.86
    assert np.mean([pair[0].standard_error.total for pair in scores]) < 0.05  # type: ignore[union-attr]


def test_bad_input() -> None:
    some = np.random.default_rng(0).random((30, 3))
    few = prd(some, some + 0.1)
    assert all(score.interval is None and "five images a cluster" in str(score.no_interval_reason) for score in few)
    assert prd(some[:1], some[:2]).prd_f8.n_real == 1
    with pytest.raises(NotEnoughImagesError):
        prd(some[:0], some)
    with pytest.raises(OptionError, match="clusters must be"):
        prd(some, some, clusters=0)
    with pytest.raises(OptionError, match="angles must be"):
        prd(some, some, angles=2)
    with pytest.raises(MetricError, match="overflow"):
        prd(some * 1e200, some * 1e200)
    with pytest.raises(MetricError, match="real images"):
        METRICS.get("prd")(None, Features(some.astype(np.float32)))
