"""Diversity within classes: those narrowed on purpose are named, others aren't; small permutation tests in full."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import pdist

from ganeval.diagnosis.collapse.class_diversity import DIAGNOSTIC
from ganeval.diagnosis.collapse.class_spread import class_spreads
from ganeval.diagnosis.diagnostic import Subject
from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.images.arrays import ArraySource
from ganeval.images.reading import ImageReader
from ganeval.images.source import Label

NAMES = ("bag", "boot", "coat", "shirt")


def _set(random: np.random.Generator, count: int, narrowed: dict[str, float] | None = None) -> Features:
    labels = random.choice(NAMES, count)
    scale = np.array([(narrowed or {}).get(label, 1.0) for label in labels])[:, None]
    centres = np.array([NAMES.index(label) for label in labels])[:, None] * 8.0
    vectors = centres + scale * random.normal(size=(count, 10))
    return Features(vectors.astype(np.float32), labels=tuple(labels.tolist()))


def test_the_narrowed_class_is_named_first() -> None:
    random = np.random.default_rng(1)
    found = DIAGNOSTIC(Subject(_set(random, 600, {"coat": 0.6}), _set(random, 1200)))
    evidence = found.evidence
    assert evidence.severity == "severe"
    assert evidence.p_value is not None
    assert evidence.p_value < 1e-3
    assert evidence.parts[0].name == "coat"
    assert evidence.effect == pytest.approx(1 - 0.36, abs=0.06)
    assert evidence.parts[0].real == pytest.approx(20, rel=0.1)
    assert evidence.parts[0].high is not None
    assert evidence.parts[0].high < 0
    assert "1 of 4 classes: coat" in evidence.sentence
    assert found.scores["class_diversity_ratio"].value == pytest.approx((3 + 0.36) / 4, abs=0.05)
    assert evidence.details["labels"] == "given"


def test_predicted_classes_serve_where_samples_have_none() -> None:
    random = np.random.default_rng(2)
    generated = replace(_set(random, 600, {"shirt": 0.5}), labels=None)
    evidence = DIAGNOSTIC(Subject(generated, _set(random, 1200))).evidence
    assert evidence.details["labels"].startswith("predicted")
    assert evidence.parts[0].name == "shirt"
    assert evidence.severity == "severe"
    # Held-out images without labels are sorted by the same classifier.
    held_out = replace(_set(random, 600), labels=None)
    evidence = DIAGNOSTIC(Subject(_set(random, 600), _set(random, 600), held_out=held_out)).evidence
    assert evidence.details["labels"].startswith("predicted")
    assert evidence.severity == "none"


def test_all_classes_a_little_is_seen_together() -> None:
    random = np.random.default_rng(3)
    narrowed = dict.fromkeys(NAMES, 0.93)
    evidence = DIAGNOSTIC(Subject(_set(random, 1000, narrowed), _set(random, 2000))).evidence
    assert evidence.p_value is not None
    assert evidence.p_value < 2e-3
    assert evidence.severity == "partial"
    assert evidence.effect == pytest.approx(1 - 0.93**2, abs=0.06)


def test_spreads_and_intervals() -> None:
    random = np.random.default_rng(4)
    generated, fresh = random.normal(size=(50, 3)), 2 * random.normal(size=(70, 3))
    rows = {"a": (np.arange(20), np.arange(30)), "b": (np.arange(20, 50), np.arange(30, 70))}
    spreads, _ = class_spreads(torch.from_numpy(generated), torch.from_numpy(fresh), rows, seed=1, permutations=19)
    assert spreads[1].generated == pytest.approx((pdist(generated[20:]) ** 2).mean())
    assert spreads[1].fresh == pytest.approx((pdist(fresh[30:]) ** 2).mean())
    covered = 0
    for seed in range(200):
        random = np.random.default_rng(seed + 100)
        generated, fresh = random.normal(size=(60, 3)), 1.5 * random.normal(size=(60, 3))
        every = {"a": (np.arange(60), np.arange(60))}
        (one,), _ = class_spreads(torch.from_numpy(generated), torch.from_numpy(fresh), every, seed=1, permutations=1)
        covered += one.low <= 2 * 3 * (1 - 2.25) <= one.high
    assert covered >= 176


def test_one_classs_p_value_is_that_of_all_labellings() -> None:
    random = np.random.default_rng(5)
    generated, fresh = 0.6 * random.normal(size=(5, 2)), random.normal(size=(5, 2))
    pool = np.concatenate([generated, fresh])
    every = []
    for chosen in itertools.combinations(range(10), 5):
        label = np.isin(np.arange(10), chosen)
        every.append((pdist(pool[~label]) ** 2).mean() - (pdist(pool[label]) ** 2).mean())
    exact = np.mean(np.array(every) >= every[0] - 1e-9)
    rows = {"a": (np.arange(5), np.arange(5))}
    spreads, p_value = class_spreads(
        torch.from_numpy(generated), torch.from_numpy(fresh), rows, seed=2, permutations=8000
    )
    assert spreads[0].p_value == pytest.approx(exact, abs=0.02)
    assert spreads[0].adjusted == spreads[0].p_value == p_value


def _p_values(repetitions: int, permutations: int) -> np.ndarray:
    random = np.random.default_rng(6)
    found = []
    for seed in range(repetitions):
        one, other = (torch.from_numpy(random.standard_t(3, size=(60, 3))) for _ in range(2))
        labels = [random.integers(0, 4, 60) for _ in range(2)]
        rows = {str(c): tuple(np.flatnonzero(side == c) for side in labels) for c in range(4)}
        kept = {name: (at[0], at[1]) for name, at in rows.items() if min(map(len, at)) > 2}
        found.append(class_spreads(one, other, kept, seed=seed, permutations=permutations)[1])
    return np.array(found)


def test_fresh_images_raise_no_alarm() -> None:
    assert (_p_values(200, 199) <= 0.1).sum() <= stats.binom.ppf(0.999, 200, 0.1)


@pytest.mark.slow
def test_p_values_are_valid_on_many_real_halves() -> None:
    p_values = _p_values(2000, 199)
    for level in (0.01, 0.05, 0.2):
        assert (p_values <= level).sum() <= stats.binom.ppf(0.999, 2000, level)


def _with_images(features: Features, images: np.ndarray) -> Features:
    source = ArraySource(images, None, name="test", kind="array")
    return replace(features, reader=ImageReader(source, len(images)))


def test_pictures_of_a_class_are_compared() -> None:
    random = np.random.default_rng(7)
    generated, real = _set(random, 80), _set(random, 160)
    noise = random.integers(0, 256, (240, 16, 16, 1)).astype(np.uint8)
    alike = np.clip(noise[:1].astype(int) + random.integers(-5, 6, (80, 16, 16, 1)), 0, 255).astype(np.uint8)
    found = DIAGNOSTIC(Subject(_with_images(generated, alike), _with_images(real, noise[80:])), pairs=30)
    score = found.scores["class_ms_ssim"]
    assert score.value > 0.9
    assert score.details["real"] < 0.3
    assert score.parameters["pairs"] == 30
    assert found.evidence.details["ms_ssim"]["pairs"] == 30
    assert set(found.evidence.details["ms_ssim"]["classes"]) <= set(NAMES)
    # Of images that differ in size nothing can be said, and the features still speak.
    without = DIAGNOSTIC(Subject(generated, real), pairs=30)
    assert without.evidence.details["ms_ssim"] is None
    assert "class_ms_ssim" not in without.scores


def _relabelled(features: Features, label: Label) -> Features:
    return replace(features, labels=(label,) * len(features))


def test_bad_input() -> None:
    random = np.random.default_rng(8)
    generated, real = _set(random, 100), _set(random, 200)
    with pytest.raises(MetricError, match="no class has images on both sides"):
        DIAGNOSTIC(Subject(_relabelled(generated, 3), real))
    with pytest.raises(MetricError, match="no class labels"):
        DIAGNOSTIC(Subject(generated, replace(real, labels=None)))
    with pytest.raises(NotEnoughImagesError, match="no class has 90 images"):
        DIAGNOSTIC(Subject(generated, real), fewest=90)
    with pytest.raises(OptionError, match="fewest"):
        DIAGNOSTIC(Subject(generated, real), fewest=1)
    with pytest.raises(MetricError, match="two classes"):
        DIAGNOSTIC(Subject(replace(generated, labels=None), _relabelled(real, "coat")))


def test_constant_images_decide_nothing() -> None:
    constant = Features(np.ones((80, 3), dtype=np.float32), labels=("a", "b") * 40)
    generated = Features(np.ones((40, 3), dtype=np.float32), labels=("a", "b") * 20)
    evidence = DIAGNOSTIC(Subject(generated, constant)).evidence
    assert (evidence.severity, evidence.p_value) == ("none", 1.0)
    varied = Features(np.random.default_rng(9).normal(size=(80, 3)).astype(np.float32), labels=("a", "b") * 40)
    assert DIAGNOSTIC(Subject(generated, varied)).evidence.severity == "severe"
