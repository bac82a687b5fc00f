"""Clusters of near-duplicates that are planted, with their numbers; exact copies; two real halves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ganeval.diagnosis.collapse.near_duplicates import DIAGNOSTIC, exact_copies
from ganeval.diagnosis.diagnostic import Subject
from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.images.arrays import ArraySource
from ganeval.images.digest import pixel_digest
from ganeval.images.reading import ImageReader
from ganeval.images.source import ImageInfo


def _features(vectors: np.ndarray, images: np.ndarray | None = None) -> Features:
    features = Features(vectors.astype(np.float32), ids=tuple(str(i) for i in range(len(vectors))))
    if images is None:
        return features
    infos = tuple(
        ImageInfo("array", "L", image.shape[1], image.shape[0], digest=pixel_digest(image)) for image in images
    )
    source = ArraySource(images[..., None], None, name="test", kind="array")
    return replace(features, images=infos, reader=ImageReader(source, len(images)))


def test_planted_clusters_are_counted() -> None:
    random = np.random.default_rng(1)
    real = random.normal(size=(1000, 16))
    generated = random.normal(size=(500, 16))
    # Clusters of 30, 20 and 5; all others are far apart.
    generated[:30], generated[30:50], generated[50:55] = generated[0], generated[30], generated[50]
    generated += random.normal(size=generated.shape) * 1e-4
    evidence = DIAGNOSTIC(Subject(_features(generated), _features(real))).evidence
    spaces = evidence.details["spaces"]["features"]
    assert spaces["largest_clusters"][:2] == [30, 20]
    assert spaces["generated_share"] == pytest.approx(0.11, abs=0.02)
    assert spaces["distinct_share"] == pytest.approx(1 - 52 / 500, abs=0.02)
    assert evidence.severity == "partial"
    assert evidence.p_value is not None
    assert evidence.p_value < 1e-6
    assert evidence.effect == pytest.approx(0.10, abs=0.02)
    rows = evidence.exhibits[0].rows
    assert rows[0][0] == "30 samples"
    assert {int(picture.id) for picture in rows[0][1]} <= set(range(30))
    assert len(rows[0][1]) == 8


def test_repeats_with_small_noise_are_severe() -> None:
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (600, 16, 16)).astype(np.uint8)
    base = images[:200][random.integers(0, 100, 200)]
    noisy = np.clip(base + random.integers(-4, 5, base.shape), 0, 255).astype(np.uint8)
    blind = random.normal(size=(600, 5))
    found = DIAGNOSTIC(Subject(_features(blind[:200], noisy), _features(blind[200:], images[200:])))
    assert found.evidence.severity == "severe"
    assert found.evidence.p_value is not None
    assert found.evidence.p_value < 1e-10
    score = found.scores["near_duplicates_pixels"]
    _, counts = np.unique(base.reshape(200, -1), axis=0, return_counts=True)
    assert score.value == pytest.approx(counts[counts > 1].sum() / 200)
    assert score.interval is not None
    assert score.interval.low < score.value < score.interval.high


def test_exact_copies_are_found_by_their_pixels() -> None:
    images = np.random.default_rng(3).integers(0, 256, (30, 8, 8)).astype(np.uint8)
    images[[4, 9, 20]] = images[1]
    images[7] = images[6]
    features = _features(np.random.default_rng(4).normal(size=(30, 5)), images)
    assert exact_copies(features) == [[1, 4, 9, 20], [6, 7]]
    assert exact_copies(_features(np.zeros((3, 2)))) is None
    real = _features(np.random.default_rng(5).normal(size=(80, 5)))
    evidence = DIAGNOSTIC(Subject(features, real)).evidence
    assert evidence.details["exact_copies"] == 4
    assert "4 samples repeat another to the pixel" in evidence.sentence
    assert [len(row) for _, row in evidence.exhibits[-1].rows] == [4, 2]


def test_reals_duplicates_set_the_threshold() -> None:
    # Real data in which everything comes in close pairs: such pairs among the samples are no failure.
    random = np.random.default_rng(6)

    def pairs(count: int) -> np.ndarray:
        return np.repeat(random.normal(size=(count // 2, 8)), 2, axis=0) + random.normal(size=(count, 8)) * 1e-3

    evidence = DIAGNOSTIC(
        Subject(_features(pairs(200)), _features(pairs(200)), held_out=_features(pairs(200)))
    ).evidence
    assert evidence.severity == "none"
    assert evidence.p_value is not None
    assert evidence.p_value > 0.01


def test_fresh_images_raise_no_alarm() -> None:
    random = np.random.default_rng(7)
    p_values = np.array(
        [
            DIAGNOSTIC(
                Subject(
                    _features(random.standard_t(2, size=(60, 5))),
                    _features(random.standard_t(2, size=(120, 5))),
                    seed=seed,
                )
            ).evidence.p_value
            for seed in range(100)
        ],
        dtype=float,
    )
    assert (p_values <= 0.1).sum() <= stats.binom.ppf(0.999, 100, 0.1)
    assert (p_values > 0).all()


def test_degenerate_sets() -> None:
    constant = np.zeros((80, 3))
    evidence = DIAGNOSTIC(Subject(_features(constant[:40]), _features(constant))).evidence
    assert (evidence.severity, evidence.p_value) == ("none", 1.0)
    varied = np.random.default_rng(8).normal(size=(80, 3))
    evidence = DIAGNOSTIC(Subject(_features(constant[:40]), _features(varied))).evidence
    assert evidence.severity == "severe"
    assert evidence.p_value is not None
    assert evidence.p_value < 1e-9
    with pytest.raises(MetricError, match="finite"):
        DIAGNOSTIC(Subject(_features(constant + np.inf), _features(varied)))
