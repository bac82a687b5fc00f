"""Thumbnails of JPEGs: what they are scaled by, and that their blocks end where a generator's lattice lies."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from ganeval.detectors.artefacts.thumbnails import RATIOS, thumbnail
from ganeval.detectors.perturbations import Jpeg, Resize

PHOTOGRAPH = np.ascontiguousarray(load_sample_image("china.jpg"))  # 427 x 640.


def _drawn(seed: int, share: float = 1.0, pixels: np.ndarray = PHOTOGRAPH) -> np.ndarray:
    return thumbnail(np.random.default_rng(seed), share)(pixels)


def test_the_share_of_thumbnails_is_the_one_asked_for() -> None:
    tiny = PHOTOGRAPH[:64, :64]
    assert all(_drawn(seed, 0.0) is PHOTOGRAPH for seed in range(50))
    changed = sum(thumbnail(np.random.default_rng(seed), 0.2)(PHOTOGRAPH) is not PHOTOGRAPH for seed in range(400))
    assert changed == pytest.approx(80, abs=25)
    # Of what would be too small under every ratio there is none, but it may be enlarged.
    assert {_drawn(seed, pixels=tiny).shape[0] for seed in range(20)} == {128}
    assert _drawn(0, pixels=PHOTOGRAPH[:60, :60]).shape == (60, 60, 3)


def test_ratios_are_simple_as_frequent_as_they_say_and_leave_enough() -> None:
    found = Counter(round(_drawn(seed).shape[1] / PHOTOGRAPH.shape[1], 2) for seed in range(400))
    # A third and a quarter of 427 rows are less than 128 left; the others share among themselves what is left.
    possible = {round(ratio, 2): share for ratio, share in RATIOS if 427 * ratio >= 128}
    assert set(found) == set(possible)
    for ratio, share in possible.items():
        assert found[ratio] / 400 == pytest.approx(share / sum(possible.values()), abs=0.08)
    large = np.zeros((128, 1600, 3), np.uint8)
    assert {_drawn(seed, pixels=large).shape for seed in range(10)} == {(128, 1600, 3)}


def test_everything_follows_from_the_seed() -> None:
    np.testing.assert_array_equal(_drawn(3), _drawn(3))
    assert len({_drawn(seed).tobytes() for seed in range(12)}) == 12


def _by_column_modulo_four(pixels: np.ndarray) -> float:
    """Largest over smallest mean of the second differences along rows, of columns taken modulo 4."""
    differences = np.minimum(np.abs(np.diff(pixels[..., 1].astype(float), 2, axis=1)), 20).mean(0)
    means = differences[: len(differences) // 4 * 4].reshape(-1, 4).mean(0)
    return float(means.max() / means.min())


def test_half_of_a_jpeg_has_the_period_of_a_generator_and_nearly_half_has_not() -> None:
    stored = Jpeg(20)(PHOTOGRAPH)
    half = _by_column_modulo_four(Resize(0.5, "bicubic")(stored))
    others = [Resize(0.5, "bicubic")(PHOTOGRAPH), Resize(0.49, "bicubic")(stored), Resize(0.47, "bicubic")(stored)]
    assert half > 1 + 2 * (max(_by_column_modulo_four(one) for one in others) - 1)
