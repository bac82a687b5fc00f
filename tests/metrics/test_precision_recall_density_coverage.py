"""Precision, recall, density and coverage against torch-fidelity, prdc and brute force, with ties and duplicates."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc
from torch_fidelity.metric_prc import prc_features_to_metric

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import density_coverage, neighbourhoods, precision_recall
from ganeval.metrics.registry import METRICS


def _brute(real: np.ndarray, generated: np.ndarray, k_pr: int, k_dc: int) -> tuple[float, float, float, float]:
    """From all differences, in float64."""
    r, g = real.astype(np.float64), generated.astype(np.float64)

    def squared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return ((x[:, None] - y[None]) ** 2).sum(-1)

    rr, gg, rg = np.sort(squared(r, r)), np.sort(squared(g, g)), squared(r, g)
    inside = rg < rr[:, k_dc : k_dc + 1]
    return (
        float((rg <= rr[:, k_pr : k_pr + 1]).any(0).mean()),
        float((rg <= gg[:, k_pr]).any(1).mean()),
        float(inside.sum() / (k_dc * len(g))),
        float(inside.any(1).mean()),
    )


def _ours(real: np.ndarray, generated: np.ndarray, k_pr: int = 3, k_dc: int = 5) -> tuple[float, float, float, float]:
    scores = [*precision_recall(real, generated, k=k_pr), *density_coverage(real, generated, k=k_dc)]
    assert [s.name for s in scores] == ["precision", "recall", "density", "coverage"]
    return tuple(s.value for s in scores)  # type: ignore[return-value]


def _torch_fidelity(real: np.ndarray, generated: np.ndarray, k: int) -> tuple[float, float]:
    theirs = prc_features_to_metric(
        torch.from_numpy(generated),
        torch.from_numpy(real),
        prc_neighborhood=k,
        prc_batch_size=10000,
        save_cpu_ram=False,
        verbose=False,
    )
    return theirs["precision"], theirs["recall"]


@pytest.mark.parametrize(
    ("n", "m", "d", "k"), [(300, 300, 64, 3), (500, 120, 40, 3), (90, 400, 200, 5), (40, 50, 3, 1)]
)
def test_agrees_with_torch_fidelity(make_features, n: int, m: int, d: int, k: int) -> None:
    real, generated = make_features(n, d, seed=1), make_features(m, d, seed=2, offset=0.1)
    ours = precision_recall(real, generated, k=k)
    theirs = _torch_fidelity(real, generated, k)
    # Its distances are float32: at most one image may fall on the other side of a radius.
    assert ours.precision.value == pytest.approx(theirs[0], abs=1.01 / m)
    assert ours.recall.value == pytest.approx(theirs[1], abs=1.01 / n)
    assert 0.02 < ours.precision.value < 0.999
    assert (ours.precision.n_real, ours.precision.n_generated) == (n, m)


@pytest.mark.parametrize(
    ("n", "m", "d", "k"), [(300, 300, 64, 5), (500, 120, 40, 3), (90, 400, 200, 5), (40, 50, 3, 1)]
)
def test_agrees_with_prdc(make_features, n: int, m: int, d: int, k: int) -> None:
    real, generated = (make_features(c, d, seed=s, offset=s / 20).astype(np.float64) for c, s in ((n, 1), (m, 2)))
    theirs = compute_prdc(real, generated, nearest_k=k)
    density, coverage = density_coverage(real, generated, k=k)
    assert density.value == pytest.approx(theirs["density"], rel=1e-12)
    assert coverage.value == pytest.approx(theirs["coverage"], rel=1e-12)
    assert 0.01 < coverage.value < 1
    # Without ties the open and the closed balls hold the same points.
    precision, recall = precision_recall(real, generated, k=k)
    assert (precision.value, recall.value) == pytest.approx((theirs["precision"], theirs["recall"]), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("d", [2, 3, 32])
def test_ties_and_duplicates_on_a_lattice_fall_as_in_the_oracles(seed: int, d: int) -> None:
    # Whole numbers have exact distances in every package, so that each tie is one for all of them.
    random = np.random.default_rng(seed)
    real = random.integers(0, 4, (120, d)).astype(np.float32)
    generated = np.concatenate([random.integers(1, 5, (60, d)), real[:30], real[:10]]).astype(np.float32)
    ours = _ours(real, generated)
    assert ours == pytest.approx(_brute(real, generated, 3, 5), abs=1e-12)
    assert ours[:2] == pytest.approx(_torch_fidelity(real, generated, 3), abs=1e-6)
    theirs = compute_prdc(real.astype(np.float64), generated.astype(np.float64), nearest_k=5)
    assert ours[2:] == pytest.approx((theirs["density"], theirs["coverage"]), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_where_every_real_image_has_copies_enough_only_precision_and_recall_are_given(seed: int) -> None:
    random = np.random.default_rng(seed)
    real = random.integers(0, 4, (120, 1)).astype(np.float32)
    generated = np.concatenate([random.integers(1, 5, (60, 1)), real[:40]]).astype(np.float32)
    ours = tuple(score.value for score in precision_recall(real, generated, k=3))
    assert ours == pytest.approx(_brute(real, generated, 3, 5)[:2], abs=1e-12)
    assert ours == pytest.approx(_torch_fidelity(real, generated, 3), abs=1e-6)
    with pytest.raises(MetricError, match="no extent"):
        density_coverage(real, generated, k=5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copied_images_are_exact_ties(make_features, dtype: type) -> None:
    # A copy of a real image's k-th neighbour lies exactly on its ball: inside for closed balls, outside for open ones.
    real = (make_features(200, 64, seed=1) * np.float32(1.37)).astype(dtype)
    if dtype is np.float64:
        real = real / 3
    generated = real[::2].copy()
    assert _ours(real, generated) == pytest.approx(_brute(real, generated, 3, 5), abs=1e-12)
    around = ((real[:, None].astype(np.float64) - real[None]) ** 2).sum(-1)
    order = np.argsort(around, axis=1)
    density = sum((j % 2 == 0) for i in range(200) for j in order[i, :5]) / (5 * 100)
    assert density_coverage(real, generated).density.value == pytest.approx(density, abs=1e-12)


def test_far_from_the_origin_nothing_changes(make_features) -> None:
    real, generated = (make_features(150, 16, seed=s, offset=s / 20).astype(np.float64).round(5) for s in (1, 2))
    generated[:40] = real[:40]
    assert _ours(real + 2.0**22, generated + 2.0**22) == _ours(real, generated)


def test_a_set_against_itself(make_features) -> None:
    real = make_features(120, 20, seed=1)
    precision, recall, density, coverage = _ours(real, real)
    assert (precision, recall, coverage) == (1, 1, 1)
    assert density == 1  # each open ball holds its centre and k − 1 others


def test_identical_constant_features_are_within_each_other_and_have_no_density() -> None:
    same = np.full((20, 7), 0.3, np.float32)
    theirs = compute_prdc(same, same, nearest_k=5)
    assert (theirs["density"], theirs["coverage"]) == (0, 0)  # which would read as: nothing is covered
    with pytest.raises(MetricError, match="every real image has at least 5 copies"):
        density_coverage(same, same)
    ours = precision_recall(same, same)
    assert (ours.precision.value, ours.recall.value) == (1, 1) == _torch_fidelity(same, same, 3)


def test_collapsed_generator(make_features) -> None:
    real = make_features(100, 20, seed=1)
    generated = np.tile(real[3], (50, 1))
    precision, recall, _, coverage = _ours(real, generated)
    assert precision == 1
    assert recall == pytest.approx(0.01)
    assert coverage == pytest.approx(_brute(real, generated, 3, 5)[3])
    assert coverage < 0.3


def test_density_exceeds_one_in_the_dense_middle() -> None:
    random = np.random.default_rng(0)
    real = random.standard_normal((400, 100))
    # The origin lies within every ball in so many dimensions: each generated image is in all 400.
    assert density_coverage(real, np.zeros((30, 100))).density.value == pytest.approx(400 / 5)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(7, 40),
    m=st.integers(4, 40),
    d=st.integers(1, 6),
    lattice=st.booleans(),
)
def test_matches_brute_force_and_swaps(seed: int, n: int, m: int, d: int, lattice: bool) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.gamma(1, 1, (n, d)), random.gamma(1.3, 1, (m, d))
    if lattice:
        real, generated = real.round(), generated.round()
    assert _ours(real, generated) == pytest.approx(_brute(real, generated, 3, 5), abs=1e-12)
    swapped = precision_recall(generated, real)
    assert swapped.precision.value == precision_recall(real, generated).recall.value
    shuffled = _ours(random.permutation(real), random.permutation(generated))
    assert shuffled == pytest.approx(_ours(real, generated), abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_unmoved_by_rotation_and_scale(seed: int) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.gamma(1, 1, (60, 5)), random.gamma(1.3, 1, (50, 5))
    rotation = np.linalg.qr(random.standard_normal((5, 5)))[0] * 3.7
    assert _ours(real @ rotation, generated @ rotation) == _ours(real, generated)


def test_same_for_numpy_and_torch_and_both_widths(make_features) -> None:
    real, generated = make_features(90, 12, seed=1), make_features(80, 12, seed=2, offset=0.1)
    expected = precision_recall(real, generated)
    for narrow, wide in zip(
        precision_recall(torch.from_numpy(real), generated.astype(np.float64)), expected, strict=True
    ):
        assert narrow == wide


@pytest.mark.parametrize("k", [0, -3, 1.5])
def test_bad_k(k: object) -> None:
    for metric in (precision_recall, density_coverage):
        with pytest.raises(OptionError, match="k must be a whole number of at least 1"):
            metric(np.ones((9, 2)), np.ones((9, 2)), k=k)  # type: ignore[arg-type]


def test_too_few_images() -> None:
    few, many = np.eye(3), np.ones((9, 3))
    for sides in ((few, many), (many, few)):
        with pytest.raises(NotEnoughImagesError, match="needs more than 3 images on a side, but there are 3"):
            precision_recall(*sides)
    with pytest.raises(NotEnoughImagesError, match="needs more than 5 images"):
        density_coverage(np.eye(5), np.ones((9, 5)))
    assert density_coverage(np.random.default_rng(0).random((9, 3)), few[:1]).density.n_generated == 1


def test_table_entries_share_one_pass(make_features, monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = Features(make_features(90, 12, seed=1)), Features(make_features(80, 12, seed=2, offset=0.1))
    calls: list[str] = []
    for name in ("count_in_balls", "nearest_neighbours"):
        original = getattr(neighbourhoods, name)
        monkeypatch.setattr(
            neighbourhoods,
            name,
            lambda *a, name=name, original=original, **kw: calls.append(name) or original(*a, **kw),
        )
    scores = [*METRICS.get("precision_recall")(real, generated), *METRICS.get("density_coverage")(real, generated)]
    assert sorted(calls) == ["count_in_balls", "nearest_neighbours", "nearest_neighbours"]
    # What was counted for intervals serves those who want none.
    bare = METRICS.get("density_coverage")(real, generated, level=None)
    assert len(calls) == 3
    assert [s.value for s in bare] == [s.value for s in scores[2:]]
    assert all(s.interval is None and s.no_interval_reason is None and s.influence is None for s in bare)
    monkeypatch.undo()
    expected = [*precision_recall(real.pooled, generated.pooled), *density_coverage(real.pooled, generated.pooled)]
    assert scores == expected
    assert METRICS.get("density_coverage")(real, generated, k=30) == density_coverage(
        real.pooled, generated.pooled, k=30
    )
    for score in METRICS.get("precision_recall")(real, generated, level=0.8):
        assert score.interval is not None
        assert score.interval.level == 0.8


def test_shared_work_ends_with_the_features(make_features) -> None:
    real, generated = Features(make_features(30, 5, seed=1)), Features(make_features(30, 5, seed=2))
    METRICS.get("precision_recall")(real, generated)
    assert len(neighbourhoods._recent) == 1
    del real
    gc.collect()
    assert neighbourhoods._recent == []


def test_need_real_images(make_features) -> None:
    for name in ("precision_recall", "density_coverage"):
        with pytest.raises(MetricError, match="real images"):
            METRICS.get(name)(None, Features(make_features(30, 5, seed=1)))
