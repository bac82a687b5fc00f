"""Intra-class Fréchet distance against the distance within each class, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import frechet_distance, intra_class_frechet_distance
from ganeval.metrics.registry import METRICS


def _labelled(make_features, counts: dict, seed: int) -> tuple[np.ndarray, list]:
    rows = [make_features(n, 6, seed=seed + i, offset=0.1 * i) for i, n in enumerate(counts.values())]
    labels = [name for name, n in counts.items() for _ in range(n)]
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.concatenate(rows)[order], [labels[i] for i in order]


def test_is_the_mean_over_classes_with_the_variance_of_a_mean(make_features) -> None:
    real, real_labels = _labelled(make_features, {"a": 60, "b": 200}, 1)
    generated, generated_labels = _labelled(make_features, {"a": 90, "b": 55}, 40)
    score = intra_class_frechet_distance(real, generated, real_labels, generated_labels)
    parts = []
    for name in "ab":
        chosen = [np.array(labels) == name for labels in (real_labels, generated_labels)]
        parts.append(frechet_distance(real[chosen[0]], generated[chosen[1]]))
    assert score.value == pytest.approx(np.mean([part.value for part in parts]), rel=1e-12)
    assert score.corrected == pytest.approx(np.mean([part.corrected for part in parts]), rel=1e-9)
    total = np.sqrt(sum(part.standard_error.total**2 for part in parts)) / 2
    assert score.standard_error.total == pytest.approx(total, rel=0.01)
    assert score.influence.real.shape == (260,)
    assert score.influence.real.mean() == pytest.approx(0, abs=1e-9)
    assert score.details["classes"]["a"]["value"] == pytest.approx(parts[0].value)
    assert score.details["classes"]["b"] | {"value": 0, "corrected": 0} == {
        "value": 0,
        "corrected": 0,
        "n_real": 200,
        "n_generated": 55,
    }
    assert (score.n_real, score.n_generated) == (260, 145)


def test_sees_classes_swapped_where_the_whole_sets_agree(make_features) -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((400, 4)) + np.repeat([[0.0], [5.0]], 200, axis=0)
    labels = ["a"] * 200 + ["b"] * 200
    other = random.standard_normal((400, 4)) + np.repeat([[0.0], [5.0]], 200, axis=0)
    right = intra_class_frechet_distance(rows, other, labels, labels)
    wrong = intra_class_frechet_distance(rows, other, labels, labels[::-1])
    assert right.value < 0.5
    assert wrong.value == pytest.approx(100, rel=0.1)
    assert frechet_distance(rows, other).value < 1


def test_leaves_out_small_and_one_sided_classes_and_says_so(make_features) -> None:
    real, real_labels = _labelled(make_features, {1: 60, 2: 9, 3: 60, None: 5}, 1)
    generated, generated_labels = _labelled(make_features, {1: 30, 2: 60, 4: 60}, 40)
    score = intra_class_frechet_distance(real, generated, real_labels, generated_labels)
    assert set(score.details["classes"]) == {"1"}
    assert score.details["left_out"] == {
        "2": {"n_real": 9, "n_generated": 60},
        "3": {"n_real": 60, "n_generated": 0},
        "4": {"n_real": 0, "n_generated": 60},
    }
    assert score.interval is None
    assert "the class 1 has none: 30 images on a side are too few" in score.no_interval_reason


def test_refusals(make_features) -> None:
    rows = make_features(20, 6, seed=1)
    with pytest.raises(MetricError, match="no class has images on both sides"):
        intra_class_frechet_distance(rows, rows, ["a"] * 20, ["b"] * 20)
    with pytest.raises(
        NotEnoughImagesError, match="no class has 10 images on both sides; a has the most, 20 real and 3"
    ):
        intra_class_frechet_distance(rows, rows, ["a"] * 20, ["a"] * 3 + [None] * 17)
    with pytest.raises(MetricError, match="generated_labels must have one entry an image, 20, not 3"):
        intra_class_frechet_distance(rows, rows, ["a"] * 20, ["a"] * 3)
    with pytest.raises(OptionError, match="fewest"):
        intra_class_frechet_distance(rows, rows, ["a"] * 20, ["a"] * 20, fewest=1)


def test_table_entry(make_features) -> None:
    real, real_labels = _labelled(make_features, {1: 60, 2: 70}, 1)
    sides = Features(real, labels=tuple(real_labels)), Features(real[::-1].copy(), labels=tuple(real_labels[::-1]))
    (score,) = METRICS.get("intra_fd")(*sides, fewest=60)
    assert score.name == "intra_fd"
    assert score.value == pytest.approx(0, abs=1e-6)
    with pytest.raises(MetricError, match="needs real images"):
        METRICS.get("intra_fd")(None, sides[1])
    with pytest.raises(MetricError, match="the generated images have none"):
        METRICS.get("intra_fd")(sides[0], Features(real))
