"""Lost diversity where it is known to be lost, its permutations against all of them, and two real halves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import cdist, pdist

from ganeval.diagnosis.collapse.diversity import DIAGNOSTIC
from ganeval.diagnosis.collapse.diversity_permutation import (
    larger_of_standardised,
    lost_diversity,
    nearest_of_pool,
    spread,
)
from ganeval.diagnosis.collapse.permuted_labels import permuted_labels
from ganeval.diagnosis.diagnostic import Subject
from ganeval.features.features import Features
from ganeval.metrics.density_coverage import density_coverage
from ganeval.metrics.vendi_score import vendi_score


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _features(vectors: np.ndarray) -> Features:
    return Features(vectors.astype(np.float32))


def _modes(random: np.random.Generator, count: int, modes: int) -> np.ndarray:
    centres = np.random.default_rng(99).normal(size=(10, 12)) * 4
    return centres[random.integers(0, modes, count)] + random.normal(size=(count, 12))


def test_spread_is_the_mean_squared_distance() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 5)) + 100
    assert spread(torch.from_numpy(vectors)) == pytest.approx((pdist(vectors) ** 2).mean())


def test_nearest_of_the_pool() -> None:
    random = np.random.default_rng(2)
    fixed, pool = random.normal(size=(30, 4)), random.normal(size=(50, 4))
    found = nearest_of_pool(_tensor(fixed), _tensor(pool), 3, block_bytes=2**16)
    expected = np.argsort(cdist(fixed, pool), axis=1)[:, :3]
    assert [set(row) for row in found] == [set(row) for row in expected]


def test_statistics_by_hand() -> None:
    # Generated images sit at 0 alone; fixed ones at 0 and 10, fresh ones too.
    generated = np.array([[0.0], [0.1], [0.2], [0.3]])
    fresh = np.array([[0.05], [0.15], [10.0], [10.1]])
    fixed = np.array([[0.0], [10.0], [10.2], [10.3]])
    found = lost_diversity(*map(_tensor, (generated, fresh, fixed)), seed=0, neighbours=2, permutations=99)
    assert found.missed == 0.75
    assert found.fresh_missed == 0.0
    assert found.spread == pytest.approx((pdist(generated) ** 2).mean(), rel=1e-5)
    assert found.fresh_spread == pytest.approx((pdist(fresh) ** 2).mean(), rel=1e-5)


def test_p_value_is_that_of_all_labellings() -> None:
    random = np.random.default_rng(3)
    generated, fresh = random.normal(size=(4, 2)) * 0.5, random.normal(size=(4, 2)) * 1.5
    pool, fixed = np.concatenate([generated, fresh]), random.normal(size=(6, 2))
    nearest = np.argsort(cdist(fixed, pool), axis=1)[:, :2]
    every = []
    for chosen in itertools.combinations(range(8), 4):
        label = np.isin(np.arange(8), chosen)
        missed = (~label[nearest].any(axis=1)).sum() - label[nearest].all(axis=1).sum()
        narrowed = (pdist(pool[~label]) ** 2).mean() - (pdist(pool[label]) ** 2).mean()
        every.append((missed, narrowed))
    values = np.array(every, dtype=float)
    largest = ((values - values.mean(0)) / values.std(0)).max(axis=1)
    exact = (largest >= largest[0] - 1e-9).mean()
    found = lost_diversity(*map(_tensor, (generated, fresh, fixed)), seed=1, neighbours=2, permutations=8000)
    assert found.p_value == pytest.approx(exact, abs=0.02)


def test_labels_are_uniform() -> None:
    blocks = list(permuted_labels(np.random.default_rng(4), 2, 5, 3000))
    drawn = np.concatenate(blocks)
    assert drawn.shape == (3000, 5)
    assert (drawn.sum(axis=1) == 2).all()
    _, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(counts) == 10
    assert stats.chisquare(counts).pvalue > 1e-4


def test_nothing_that_varies_decides_nothing() -> None:
    assert larger_of_standardised(np.zeros(2), np.zeros((99, 2))) == 1.0
    drawn = np.stack([np.zeros(99), np.arange(99.0)], axis=1)
    assert larger_of_standardised(np.array([0.0, 1000.0]), drawn) == 0.01


def test_dropped_modes_are_partial_and_one_mode_is_severe() -> None:
    random = np.random.default_rng(5)
    real = _features(_modes(random, 800, 10))
    half = DIAGNOSTIC(Subject(_features(_modes(random, 400, 5)), real)).evidence
    assert half.severity == "partial"
    assert half.p_value is not None
    assert half.p_value < 1e-3
    assert half.effect == pytest.approx(0.5, abs=0.1)
    assert half.details["test"]["missed"] == pytest.approx(0.5, abs=0.1)
    low, high = half.details["coverage"]["difference_interval"]
    assert low < -0.5 < high < -0.3
    one = DIAGNOSTIC(Subject(_features(_modes(random, 400, 1)), real)).evidence
    assert one.severity == "severe"


def test_a_shrunken_set_is_seen_by_its_spread() -> None:
    random = np.random.default_rng(6)
    real = random.normal(size=(600, 16))
    evidence = DIAGNOSTIC(Subject(_features(random.normal(size=(300, 16)) * 0.8), _features(real))).evidence
    # Every neighbourhood is reached, and still the samples vary less.
    assert evidence.details["coverage"]["generated"] >= evidence.details["coverage"]["real"]
    assert evidence.p_value is not None
    assert evidence.p_value < 1e-3


def test_scores_are_those_of_the_metrics() -> None:
    random = np.random.default_rng(7)
    generated, real, held_out = (random.normal(size=(60, 6)).astype(np.float32) for _ in range(3))
    found = DIAGNOSTIC(Subject(_features(generated), _features(real), held_out=_features(held_out)))
    assert found.scores["coverage"].value == density_coverage(real, generated).coverage.value
    assert found.scores["vendi"].value == pytest.approx(vendi_score(generated).value)
    assert found.evidence.details["vendi"]["real"] == pytest.approx(vendi_score(held_out).value)
    assert found.evidence.details["fresh"] == "held-out"


def test_fresh_images_raise_no_alarm() -> None:
    random = np.random.default_rng(8)
    p_values = []
    for seed in range(200):
        sides = (_tensor(random.standard_t(2, size=(40, 4))) for _ in range(3))
        p_values.append(lost_diversity(*sides, seed=seed, permutations=199).p_value)
    assert (np.array(p_values) <= 0.1).sum() <= stats.binom.ppf(0.999, 200, 0.1)


@pytest.mark.slow
def test_p_values_are_uniform_on_real_halves() -> None:
    random = np.random.default_rng(9)
    p_values = []
    for seed in range(1500):
        sides = (_tensor(random.poisson(0.5, size=(40, 4)).astype(float)) for _ in range(3))
        p_values.append(lost_diversity(*sides, seed=seed, permutations=199).p_value)
    for level in (0.01, 0.05, 0.2):
        assert (np.array(p_values) <= level).sum() <= stats.binom.ppf(0.999, 1500, level)


def test_degenerate_sets() -> None:
    constant = _features(np.zeros((80, 3)))
    evidence = DIAGNOSTIC(Subject(_features(np.zeros((40, 3))), constant)).evidence
    assert evidence.severity == "none"
    assert evidence.p_value is not None
    assert evidence.p_value > 0.05
    varied = _features(np.random.default_rng(10).normal(size=(80, 3)))
    evidence = DIAGNOSTIC(Subject(_features(np.zeros((40, 3))), varied)).evidence
    assert evidence.severity == "severe"
    assert evidence.p_value is not None
    assert evidence.p_value < 1e-3
