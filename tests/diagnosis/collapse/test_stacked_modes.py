"""Modes of stacked images: combinations that are lost are counted, whatever a channel by itself looks like."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.diagnosis.collapse.stacked_modes import DIAGNOSTIC, captured_modes, stacked_modes
from ganeval.diagnosis.diagnostic import Subject
from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.images.opening import open_source
from ganeval.images.reading import ImageReader


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes that are told apart at a glance need little training."""
    monkeypatch.setattr("ganeval.diagnosis.collapse.grey_classifier.STEPS", 60)


def stacks(count: int, seed: int, keep=lambda modes: np.ones(len(modes), bool)):  # type: ignore[no-untyped-def]
    """Stacks of bars: the class of a channel is the place of its bar, one of three."""
    rng = np.random.default_rng(seed)
    modes = rng.integers(3, size=(count * 30, 3))
    modes = modes[keep(modes)][:count]
    planes = rng.integers(0, 60, size=(count, 3, 9, 9)).astype(np.uint8)
    for row, mode in enumerate(modes):
        for channel, place in enumerate(mode):
            planes[row, channel, 3 * place : 3 * place + 3] += 150
    return planes, ["+".join(f"bar{place}" for place in mode) for mode in modes], modes


def features(planes, labels=None) -> Features:  # type: ignore[no-untyped-def]
    source = open_source(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)))
    return Features(np.zeros((len(planes), 2), np.float32), labels=labels, reader=ImageReader(source, len(planes)))


def test_each_channel_is_classified() -> None:
    real, labels, _ = stacks(300, 0)
    generated, _, modes = stacks(200, 1)
    found = stacked_modes(real, labels, generated, seed=1)
    assert found.classes == ("bar0", "bar1", "bar2")
    np.testing.assert_array_equal(found.generated, modes @ [9, 3, 1])
    assert found.accuracy == 1.0
    assert found.fitted == 225
    assert found.names[5] == "bar0+bar1+bar2"
    # Stacks one channel of which the classifier knows don't count.
    assert 0.3 < (found.real >= 0).mean() < 0.55


def test_the_classifier_knows_no_channel_of_a_stack_that_counts() -> None:
    real, labels, _ = stacks(60, 0)
    # Every stack is there twice, and its channels in another order a third time.
    real, labels = np.concatenate([real, real, real[:, [2, 0, 1]]]), [*labels, *labels, *labels]
    turned = ["+".join(label.split("+")[place] for place in (2, 0, 1)) for label in labels[120:]]
    found = stacked_modes(real, [*labels[:120], *turned], real[:5], seed=1)
    assert found.fitted == 45
    counts = found.real >= 0
    np.testing.assert_array_equal(counts[:60], counts[60:120])
    np.testing.assert_array_equal(counts[:60], counts[120:])


def test_lost_combinations_are_found_though_no_class_is_lost() -> None:
    real, labels, _ = stacks(1500, 0)
    # Channels always differ: 6 of 27 combinations, in which every class is as frequent as before.
    generated, _, modes = stacks(
        600, 1, keep=lambda m: (m[:, 0] != m[:, 1]) & (m[:, 1] != m[:, 2]) & (m[:, 0] != m[:, 2])
    )
    examined = DIAGNOSTIC(Subject(features(generated), features(real, labels)))
    evidence = examined.evidence
    assert len(np.unique(modes @ [9, 3, 1])) == 6
    assert examined.scores["stacked_modes"].value == 6
    assert evidence.severity == "severe"
    assert evidence.p_value == pytest.approx(1e-4)
    assert evidence.effect == pytest.approx(21 / 27, abs=0.05)
    assert len(evidence.parts) == 21
    assert evidence.sentence.startswith(
        "of 27 combinations of classes 6 are made, where as many real images would show 27"
    )
    kl = examined.scores["stacked_kl"]
    assert kl.interval is not None
    assert kl.interval.low < np.log(27 / 6) < kl.interval.high
    np.testing.assert_allclose(evidence.histograms[0].series["generated"], 1 / 3, atol=1e-9)


def test_nothing_is_lost() -> None:
    real, labels, _ = stacks(1000, 2)
    evidence = DIAGNOSTIC(Subject(features(stacks(500, 3)[0]), features(real, labels)), most_fitted=100).evidence
    assert evidence.p_value is not None
    assert evidence.p_value > 0.005
    assert evidence.parts == ()


def test_expected_modes_in_closed_form() -> None:
    counts = np.full(1000, 30)
    score = captured_modes(counts, np.where(np.arange(1000) < 400, 25, 0))
    assert score.value == 400
    expected = 1000 * (1 - 0.999**10_000)
    assert score.details["expected_of_uniform"] == pytest.approx(expected)
    assert score.details["expected_of_real"] == pytest.approx(expected)


def test_bad_input() -> None:
    real, labels, _ = stacks(200, 0)
    with pytest.raises(MetricError, match="aren't stacks"):
        stacked_modes(real, ["7"] * 200, real)
    with pytest.raises(MetricError, match="at least two classes"):
        stacked_modes(real, ["a+a+a"] * 200, real)
    with pytest.raises(MetricError, match="9 x 9 pixels, and the generated ones 8 x 9"):
        stacked_modes(real, labels, real[..., :8])
    mixed = Subject(_of([np.zeros((9, 9, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)] * 100), features(real, labels))
    with pytest.raises(MetricError, match="differ in size"):
        DIAGNOSTIC(mixed)
    with pytest.raises(OptionError, match="most_fitted"):
        DIAGNOSTIC(Subject(features(real), features(real, labels)), most_fitted=1)


def _of(images) -> Features:  # type: ignore[no-untyped-def]
    source = open_source(images)
    return Features(np.zeros((len(images), 2), np.float32), reader=ImageReader(source, len(images)))
