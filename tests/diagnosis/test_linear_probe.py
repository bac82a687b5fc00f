"""The linear probe: scikit-learn's optimum, its invariances, and what it refuses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ganeval.diagnosis import linear_probe
from ganeval.diagnosis.linear_probe import STRENGTHS, LinearProbe, choose_strength
from ganeval.errors import MetricError, OptionError


def blobs(count: int, width: int, classes: int, seed: int, spread: float = 1.5):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    rows = random.standard_normal((count, width))
    rows[:, :classes] += spread * np.eye(classes)[labels]
    # Correlated columns of unequal scale and offset, as features are.
    mixing = np.random.default_rng(99).standard_normal((width, width))
    return (rows @ mixing * 3 + 7).astype(np.float32), labels


@pytest.mark.parametrize(("count", "width", "classes"), [(300, 12, 3), (200, 8, 2), (30, 80, 3)])
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_it_is_scikit_learns_optimum(count: int, width: int, classes: int, strength: float) -> None:
    rows, labels = blobs(count, width, classes, seed=1)
    probe = LinearProbe.fit(rows, labels.tolist(), strength=strength)
    scaled = (rows - rows.mean(0, dtype=np.float64)) / rows.std(0, dtype=np.float64)
    # Of two classes it fits the difference of scores, whose penalty is twice that of the two scores.
    penalty = 2 * strength if classes == 2 else strength
    oracle = LogisticRegression(C=penalty, max_iter=5000, tol=1e-9).fit(scaled, labels)
    asked, _ = blobs(200, width, classes, seed=2)
    rescaled = (asked - rows.mean(0, dtype=np.float64)) / rows.std(0, dtype=np.float64)
    logits, expected = probe.logits(asked), oracle.decision_function(rescaled)
    if classes == 2:
        expected = np.stack([-expected, expected], axis=1) / 2
    assert np.allclose(logits - logits.mean(1, keepdims=True), expected - expected.mean(1, keepdims=True), atol=0.02)
    assert probe.converged


def test_offset_and_scale_of_a_column_dont_matter() -> None:
    rows, labels = blobs(300, 6, 3, seed=3)
    other = (rows * np.float32([1, 100, 0.01, 1, 5, 1]) + np.float32([0, 50, 0, 1, 0, 0])).astype(np.float32)
    first = LinearProbe.fit(rows, labels.tolist(), strength=0.1).logits(rows)
    second = LinearProbe.fit(other, labels.tolist(), strength=0.1).logits(other)
    assert np.allclose(first, second, atol=0.01)


def test_a_constant_column_has_no_weight() -> None:
    rows, labels = blobs(200, 5, 2, seed=4)
    with_constant = np.concatenate([rows, np.full((200, 1), 1e4, np.float32)], axis=1)
    plain = LinearProbe.fit(rows, labels.tolist(), strength=1.0).logits(rows)
    assert np.allclose(
        LinearProbe.fit(with_constant, labels.tolist(), strength=1.0).logits(with_constant), plain, atol=0.02
    )


def test_separable_classes_are_all_told_right_and_words_are_kept() -> None:
    rows, labels = blobs(200, 6, 3, seed=5, spread=40)
    names = [("shoe", "bag", "coat")[label] for label in labels]
    probe = LinearProbe.fit(rows, names)
    assert probe.classes == ("bag", "coat", "shoe")
    assert [probe.classes[place] for place in probe.predict(rows)] == names


def test_the_strength_is_chosen_by_held_out_accuracy() -> None:
    random = np.random.default_rng(6)
    labels = random.integers(0, 2, 400)
    # One column tells the class and 300 are noise: weak classifiers are better, strong ones learn the noise by heart.
    noisy = random.standard_normal((400, 301)).astype(np.float32)
    noisy[:, 0] += 2 * labels
    assert choose_strength(noisy, labels.tolist()) <= 1e-2
    assert choose_strength(noisy, labels.tolist(), seed=3) == choose_strength(noisy, labels.tolist(), seed=3)
    assert LinearProbe.fit(noisy, labels.tolist()).strength in STRENGTHS


def test_classes_of_one_image_can_be_fitted() -> None:
    rows, labels = blobs(60, 4, 3, seed=7)
    labels[:] = 0
    labels[0], labels[1] = 1, 2
    assert set(LinearProbe.fit(rows, labels.tolist()).classes) == {0, 1, 2}
    assert choose_strength(rows[:2], [0, 1]) in STRENGTHS


def test_what_doesnt_converge_is_told_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_probe, "STEPS", 1)
    rows, labels = blobs(100, 6, 3, seed=8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not LinearProbe.fit(rows, labels.tolist(), strength=1.0).converged


def test_what_cant_be_fitted_is_refused() -> None:
    rows, labels = blobs(50, 4, 2, seed=9)
    with pytest.raises(MetricError, match="at least two classes"):
        LinearProbe.fit(rows, [1] * 50)
    with pytest.raises(MetricError, match="49 labels for 50 images"):
        LinearProbe.fit(rows, labels.tolist()[1:])
    with pytest.raises(OptionError, match="strength"):
        LinearProbe.fit(rows, labels.tolist(), strength=0.0)
    rows[3, 1] = np.nan
    with pytest.raises(MetricError, match="row 3"):
        LinearProbe.fit(rows, labels.tolist())
