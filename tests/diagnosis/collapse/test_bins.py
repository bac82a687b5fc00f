"""NDB and JS over bins: the paper's test by hand, validity, constructed collapses, pixels, pictures and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from sklearn.cluster import KMeans

from ganeval.diagnosis.collapse.bins import (
    DIAGNOSTIC,
    assigned,
    bin_z,
    different_bins,
    fitted_centres,
    standardising,
    whitening,
)
from ganeval.diagnosis.collapse.part_counts import homogeneity
from ganeval.diagnosis.diagnostic import Subject
from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.images.opening import open_source
from ganeval.images.reading import ImageReader

CENTRES = np.random.default_rng(98).normal(size=(10, 12)) * 2


def made(count: int, seed: int, shares: list[float] | None = None) -> Features:
    rng = np.random.default_rng(seed)
    classes = rng.choice(10, size=count, p=None if shares is None else np.asarray(shares) / sum(shares))
    return Features((CENTRES[classes] + rng.normal(size=(count, 12))).astype(np.float32))


def test_z_of_a_bin_is_the_root_of_its_chi_square() -> None:
    real, generated = np.array([30, 70, 0]), np.array([90, 60, 50])
    z = bin_z(real, generated)
    for place in range(3):
        table = [[real[place], 100 - real[place]], [generated[place], 200 - generated[place]]]
        assert z[place] ** 2 == pytest.approx(chi2_contingency(table, correction=False).statistic)
    assert z[0] > 0 > z[1]
    assert float(different_bins(3)(real, generated)) == pytest.approx(np.mean(np.abs(z) > 1.959964))
    assert bin_z(np.array([0, 5]), np.array([0, 9])).tolist() == [0.0, 0.0]


def test_a_dropped_class_is_found() -> None:
    found = DIAGNOSTIC(Subject(made(1500, 1, [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]), made(3000, 0)))
    evidence = found.evidence
    assert evidence.severity == "partial"
    assert evidence.p_value == pytest.approx(1e-4)
    assert evidence.effect == pytest.approx(0.2, abs=0.05)
    assert all(part.real > part.generated for part in evidence.parts)
    ndb = found.scores["ndb"]
    assert ndb.parameters["bins"] == 100
    assert ndb.value > 2 * ndb.details["of_two_real_samples_at_most"]
    assert ndb.details["ndb"] == round(100 * ndb.value)
    js = found.scores["ndb_js"]
    assert js.interval is not None
    # Of the two distributions themselves, by hand; bins that mix classes see a little less.
    truth = (0.2 * np.log(2) + 0.8 * np.log(0.1 / 0.1125) + np.log(0.125 / 0.1125)) / 2
    assert js.interval.low < truth
    assert js.corrected is not None
    assert 0.8 * truth < js.corrected < 1.1 * truth
    assert "made too rarely" in evidence.sentence


def test_halves_of_one_set_are_alike() -> None:
    found = DIAGNOSTIC(Subject(made(1500, 3), made(3000, 2)))
    assert found.evidence.severity == "none"
    assert found.evidence.p_value is not None
    assert found.evidence.p_value > 0.01
    ndb = found.scores["ndb"]
    assert 0.01 < ndb.details["of_two_real_samples"] < 0.08


def test_counting_the_images_that_bins_were_fitted_to_is_invalid() -> None:
    ours, naive = [], []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        real, generated = (Features(rng.normal(size=(200, 200)).astype(np.float32)) for _ in range(2))
        ours.append(DIAGNOSTIC(Subject(generated, real, seed=seed)).evidence.p_value)
        to_points = standardising(real.pooled)
        centres = fitted_centres(to_points(real.pooled), 10, seed=seed)
        counts = [
            np.bincount(assigned(side.pooled, np.arange(200), centres, to_points).bins, minlength=10)
            for side in (real, generated)
        ]
        naive.append(homogeneity(*counts, seed=seed, permutations=999).p_value)
    # 15 tests: 0.75 expected at 5 %, and more than 4 have a probability of 0.0006.
    assert sum(p <= 0.05 for p in ours) <= 4
    assert sum(p <= 0.05 for p in naive) >= 12


@pytest.mark.slow
def test_false_alarms() -> None:
    p_values = []
    for seed in range(300):
        subject = Subject(made(120, 2 * seed), made(150, 2 * seed + 1), seed=seed)
        p_values.append(DIAGNOSTIC(subject).evidence.p_value)
    for level in (0.01, 0.05, 0.2):
        assert np.mean(np.asarray(p_values) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 300)


def test_assignment_is_k_means_own_far_from_the_origin() -> None:
    points = (np.random.default_rng(0).normal(size=(300, 5)) + 1e4).astype(np.float32)
    to_points = standardising(points)
    centres = fitted_centres(to_points(points), 7, seed=1)
    model = KMeans(7, n_init=1, init=centres.astype(np.float64), max_iter=1).fit(points.astype(np.float64) - 1e4)
    found = assigned(points, np.arange(300), centres, to_points)
    moved = to_points(points).astype(np.float64)
    distances = np.linalg.norm(moved[:, None] - centres[None], axis=2)
    np.testing.assert_array_equal(found.bins, distances.argmin(axis=1))
    np.testing.assert_allclose(found.distances, distances.min(axis=1), rtol=1e-5)
    assert model.n_features_in_ == 5
    nearest = found.nearest(0, 3)
    assert nearest == [int(row) for row in np.argsort(np.where(found.bins == 0, found.distances, np.inf))[:3]]


def test_whitening_makes_directions_alike() -> None:
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(500, 3)) * [100, 1, 0] + [5, 5, 5]).astype(np.float32)
    white = whitening(points)(points)
    assert white.shape == (500, 2) or np.allclose(np.cov(white.T), np.eye(white.shape[1]), atol=0.05)
    small = (rng.normal(size=(500, 2)) * [10, 1]).astype(np.float32)
    np.testing.assert_allclose(np.cov(whitening(small)(small).T), np.eye(2), atol=0.02)
    same = np.ones((5, 3), np.float32)
    assert np.isfinite(whitening(same)(same)).all()


def test_pixels_and_pictures() -> None:
    rng = np.random.default_rng(0)

    def images(count: int, shares: list[float]) -> Features:
        levels = rng.choice([20, 100, 180, 250], size=count, p=shares)
        pixels = np.clip(levels[:, None, None, None] + rng.normal(size=(count, 12, 12, 3)) * 5, 0, 255).astype(np.uint8)
        ids = tuple(f"{level}-{row}" for row, level in enumerate(levels))
        return Features(np.zeros((count, 3), np.float32), ids=ids, reader=ImageReader(open_source(pixels), count))

    real, generated = images(200, [0.25] * 4), images(150, [0.4, 0.3, 0.3, 0.0])
    found = DIAGNOSTIC(Subject(generated, real), space="pixels", count=4)
    assert set(found.scores) == {"ndb_pixels", "ndb_js_pixels"}
    assert found.evidence.p_value == pytest.approx(1e-4)
    rare, often = found.evidence.exhibits
    # Of the lost level there are real pictures and no generated one.
    name, shown = rare.rows[0]
    assert "real" in name
    assert all(picture.id.startswith("250-") and picture.preview is not None for picture in shown)
    assert {picture.side for _, row in often.rows for picture in row} == {"real", "generated"}
    histogram = found.evidence.histograms[0]
    assert sum(histogram.series["real"]) == pytest.approx(1)
    # The features say nothing at all.
    assert DIAGNOSTIC(Subject(generated, real)).evidence.p_value == 1.0


def test_the_same_seed_gives_the_same() -> None:
    subject = Subject(made(200, 1), made(200, 0), seed=4)
    assert DIAGNOSTIC(subject).evidence == DIAGNOSTIC(subject).evidence


def test_fewer_images_have_fewer_bins() -> None:
    found = DIAGNOSTIC(Subject(made(45, 1), made(80, 0)))
    assert found.evidence.details["bins"] == 4
    with pytest.raises(NotEnoughImagesError, match="50 bins"):
        DIAGNOSTIC(Subject(made(45, 1), made(80, 0)), count=50)
    with pytest.raises(NotEnoughImagesError, match="40 images"):
        DIAGNOSTIC(Subject(made(2, 1), made(80, 0)))


def test_bad_input() -> None:
    good = made(80, 0)
    with pytest.raises(OptionError, match="space"):
        DIAGNOSTIC(Subject(good, good), space="pixel")
    with pytest.raises(OptionError, match="count"):
        DIAGNOSTIC(Subject(good, good), count=1)
    with pytest.raises(MetricError, match="finite"):
        DIAGNOSTIC(Subject(Features(np.full((80, 12), np.inf, np.float32)), good))
    with pytest.raises(MetricError, match="read only once"):
        DIAGNOSTIC(Subject(good, good), space="pixels")
    huge = Features((good.pooled * 1e30).astype(np.float32))
    assert DIAGNOSTIC(Subject(huge, huge)).evidence.severity == "none"
