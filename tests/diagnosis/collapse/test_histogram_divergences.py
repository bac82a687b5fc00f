"""KL and JS of histograms: by hand, against scipy, and the coverage of their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from ganeval.diagnosis.collapse.histogram_divergences import (
    Placed,
    channel_shares,
    class_divergence,
    divergence_from_product,
    jensen_shannon_divergence,
    product_shares,
)


def placed(counts: list[int], left_out: int = 0) -> Placed:
    return Placed(np.concatenate([np.repeat(np.arange(len(counts)), counts), np.full(left_out, -1)]), len(counts))


def drawn(rng: np.random.Generator, shares: np.ndarray, count: int) -> Placed:  # type: ignore[type-arg]
    return Placed(rng.choice(len(shares), size=count, p=shares), len(shares))


def test_values_by_hand() -> None:
    real, generated = placed([50, 50], left_out=30), placed([80, 20])
    score = class_divergence("kl", real, generated, level=0.95)
    assert score.value == pytest.approx(0.8 * np.log(1.6) + 0.2 * np.log(0.4))
    # (1 - .8 + 1 - .2) / 200 and (1.6 * .5 + .4 * .5) / 200.
    assert score.corrected == pytest.approx(score.value - 0.005 - 0.005)
    assert score.n_real == 100
    assert score.influence is not None
    assert score.influence.real is not None
    assert len(score.influence.real) == 130
    assert not score.influence.real[100:].any()
    js = jensen_shannon_divergence("js", real, generated, level=0.95)
    assert js.value == pytest.approx(jensenshannon([0.5, 0.5], [0.8, 0.2]) ** 2)


def test_values_against_scipy() -> None:
    rng = np.random.default_rng(0)
    real, generated = rng.integers(1, 50, 20), rng.integers(0, 50, 20)
    sides = placed(real.tolist()), placed(generated.tolist())
    kl = class_divergence("kl", *sides, level=0.95)
    assert kl.value == pytest.approx(entropy(generated / generated.sum(), real / real.sum()))
    js = jensen_shannon_divergence("js", *sides, level=0.95)
    assert js.value == pytest.approx(jensenshannon(generated / generated.sum(), real / real.sum()) ** 2)


def test_a_class_that_no_real_image_shows_is_finite() -> None:
    score = class_divergence("kl", placed([60, 0]), placed([30, 30]), level=0.95)
    assert score.details["smoothed"]
    assert score.value == pytest.approx(entropy([0.5, 0.5], [60.5 / 61, 0.5 / 61]))
    assert jensen_shannon_divergence("js", placed([60, 0]), placed([0, 60]), level=0.95).value == pytest.approx(
        np.log(2)
    )


@pytest.mark.parametrize("lost", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("divergence", [class_divergence, jensen_shannon_divergence])
def test_coverage(divergence, lost: float) -> None:  # type: ignore[no-untyped-def]
    real = np.array([0.3, 0.2, 0.15, 0.15, 0.1, 0.1])
    generated = real * np.array([1 - lost, 1, 1, 1, 1, 1])
    generated /= generated.sum()
    truth = entropy(generated, real) if divergence is class_divergence else jensenshannon(generated, real) ** 2
    rng = np.random.default_rng(1)
    inside, errors = 0, []
    for _ in range(200):
        score = divergence("d", drawn(rng, real, 600), drawn(rng, generated, 300), level=0.9)
        assert score.interval is not None
        inside += score.interval.low <= truth <= score.interval.high
        errors.append(score.corrected - truth)
    assert inside / 200 > 0.84
    # The bias that was taken off is most of it.
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(200) + 1e-3


def test_products_of_channels() -> None:
    rng = np.random.default_rng(2)
    single = np.array([0.5, 0.3, 0.2])
    shares = np.multiply.outer(np.multiply.outer(single, single), single).reshape(-1)
    counts = np.round(shares * 1000).astype(np.int64)
    np.testing.assert_allclose(channel_shares(counts, 3), single, atol=0.01)
    np.testing.assert_allclose(product_shares(counts, 3), shares, atol=0.01)
    generated = np.where(np.arange(27) < 9, 0, shares)
    generated /= generated.sum()
    inside, wide = 0, []
    for _ in range(150):
        sides = drawn(rng, shares, 400), drawn(rng, generated, 300)
        score = divergence_from_product("d", *sides, 3, level=0.9)
        assert score.interval is not None
        inside += score.interval.low <= entropy(generated, shares) <= score.interval.high
        wide.append(score.value)
    assert inside / 150 > 0.83


def test_too_few_images_have_no_interval() -> None:
    assert class_divergence("kl", placed([5, 5]), placed([50, 50]), level=0.95).no_interval_reason
