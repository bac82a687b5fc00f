"""Parzen-window log-likelihood against scikit-learn's KernelDensity and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.neighbors import KernelDensity

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import parzen_window
from ganeval.metrics.registry import METRICS


@pytest.mark.parametrize(("n", "m", "d", "sigma"), [(40, 30, 3, 0.7), (25, 4200, 2, 0.05), (50, 20, 30, 5.0)])
def test_agrees_with_scikit_learn(n: int, m: int, d: int, sigma: float) -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(n, d)), random.normal(0.5, 1.5, (m, d))
    theirs = KernelDensity(bandwidth=sigma).fit(generated).score(real) / n
    assert parzen_window(real, generated, sigma=sigma).value == pytest.approx(theirs, rel=1e-10)


def test_one_window_is_a_gaussian() -> None:
    real = np.random.default_rng(0).normal(size=(20, 3))
    centre = np.array([[1.0, 2.0, 3.0]])
    expected = multivariate_normal(centre[0], 0.49 * np.eye(3)).logpdf(real).mean()
    assert parzen_window(real, centre, sigma=0.7).value == pytest.approx(expected, rel=1e-12)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(70, 3)), random.normal(size=(50, 3))
    whole = parzen_window(real, generated)
    for name, value in {"_BLOCK_BYTES": 8 * 50 * 7, "_CENTRES": 11}.items():
        monkeypatch.setitem(parzen_window.__globals__, name, value)
    parts = parzen_window(real, generated)
    assert parts.value == pytest.approx(whole.value, rel=1e-12)
    assert parts.parameters["sigma"] == pytest.approx(whole.parameters["sigma"], rel=1e-12)
    np.testing.assert_allclose(parts.influence.generated, whole.influence.generated, atol=1e-10)  # type: ignore[union-attr, arg-type]


def test_the_bandwidth_is_the_best_for_the_validation_images_and_those_are_left_out() -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=(300, 2)), random.normal(size=(400, 2))
    score = parzen_window(real, generated, validation=100, seed=4)
    order = np.random.RandomState(4).permutation(300)
    used = score.parameters["sigma"]
    best = max(
        KernelDensity(bandwidth=sigma).fit(generated).score(real[order[:100]]) for sigma in np.geomspace(0.02, 3, 150)
    )
    density = KernelDensity(bandwidth=used).fit(generated)
    assert density.score(real[order[:100]]) == pytest.approx(best, rel=1e-3)
    assert score.value == pytest.approx(density.score(real[order[100:]]) / 200, rel=1e-10)
    assert (score.parameters["validation"], score.details["held_out"]) == (100, 200)


def test_approaches_the_log_likelihood_in_one_dimension() -> None:
    # −H(N(0,1)) = −½ log 2πe for windows of the same distribution.
    random = np.random.default_rng(0)
    score = parzen_window(random.normal(size=(4000, 1)), random.normal(size=(4000, 1)))
    assert score.value == pytest.approx(-0.5 * np.log(2 * np.pi * np.e), abs=0.05)


def test_interval_covers_the_mean_over_repetitions() -> None:
    random = np.random.default_rng(1)
    scores = [parzen_window(random.normal(size=(150, 3)), random.normal(0.3, 1, (100, 3))) for _ in range(150)]
    mean = np.mean([score.value for score in scores])
    covered = sum(s.interval is not None and s.interval.low <= mean <= s.interval.high for s in scores)
    assert 0.87 <= covered / 150 <= 1


def test_influences() -> None:
    random = np.random.default_rng(1)
    real, generated = random.normal(size=(80, 3)), random.normal(size=(60, 3))
    generated[7] = 100
    score = parzen_window(real, generated, seed=2)
    assert score.influence is not None
    of_real, of_generated = score.influence.real, score.influence.generated
    assert of_real is not None
    assert of_generated is not None
    assert abs(of_real.mean()) < 1e-10
    assert abs(of_generated.mean()) < 1e-10
    assert (of_real == 0).sum() == score.parameters["validation"] == 40
    # A generated image far from all adds to the count of windows alone.
    assert of_generated[7] == pytest.approx(-1)


def test_says_what_is_wrong_with_it() -> None:
    random = np.random.default_rng(1)
    assert "Theis" in parzen_window(random.normal(size=(10, 3)), random.normal(size=(10, 3))).details["warning"]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.01, 100))
def test_a_density_in_other_units(seed: int, factor: float) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.normal(size=(30, 4)), random.normal(size=(25, 4))
    rotation = np.linalg.qr(random.standard_normal((4, 4)))[0]
    score = parzen_window(real, generated)
    scaled = parzen_window(factor * real, factor * generated)
    assert scaled.value == pytest.approx(score.value - 4 * np.log(factor), rel=1e-8, abs=1e-8)
    assert scaled.parameters["sigma"] == pytest.approx(factor * score.parameters["sigma"])
    turned = parzen_window(real @ rotation + 3, random.permutation(generated) @ rotation + 3)
    assert turned.value == pytest.approx(score.value, rel=1e-8, abs=1e-8)


def test_bad_input() -> None:
    random = np.random.default_rng(1)
    real, generated = random.normal(size=(40, 3)), random.normal(size=(40, 3))
    with pytest.raises(MetricError, match="20 of 20 validation images are equal to a generated one"):
        parzen_window(real, real)
    assert parzen_window(real, real, sigma=1.0).value < 0
    with pytest.raises(MetricError, match="equal to a generated one"):
        parzen_window(np.ones((9, 2)), np.ones((9, 2)))
    with pytest.raises(MetricError, match="overflow"):
        parzen_window(1e200 * real, generated)
    with pytest.raises(NotEnoughImagesError, match="leaves none of 40"):
        parzen_window(real, generated, validation=40)
    with pytest.raises(NotEnoughImagesError):
        parzen_window(real[:1], generated)
    for parameter, value in {"sigma": 0.0, "validation": 0}.items():
        with pytest.raises(OptionError, match=f"^{parameter} must be"):
            parzen_window(real, generated, **{parameter: value})
    assert parzen_window(real, generated[:5]).no_interval_reason is not None
    assert parzen_window(real, generated, level=None).influence is None


def test_table_entry(make_features) -> None:
    real, generated = make_features(70, 10, seed=1), make_features(80, 10, seed=2)
    metric = METRICS.get("parzen")
    (score,) = metric(Features(real), Features(generated), seed=3, validation=20)
    assert score == parzen_window(real, torch.from_numpy(generated), seed=3, validation=20)
    assert (score.name, score.n_real, score.n_generated, score.higher_is_better) == ("parzen", 70, 80, True)
    assert metric.fewest({"validation": 20}) == 21
    with pytest.raises(MetricError, match="needs real images"):
        metric(None, Features(generated))
