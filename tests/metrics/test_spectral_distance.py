"""Spectral distance against power spectra known in closed form, and its interval against simulated truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.images.opening import open_source
from ganeval.images.reading import ImageReader
from ganeval.metrics import spectral_distance, spectral_distance_of_profiles
from ganeval.metrics.power_spectrum import HIGHEST_FREQUENCY, bin_centres, default_bins, power_profile
from ganeval.metrics.registry import METRICS


def _grating(height: int, width: int, cycles_down: int, cycles_across: int, amplitude: float = 40.0) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    wave = np.cos(2 * np.pi * (cycles_down * y / height + cycles_across * x / width))
    return np.repeat(np.rint(128 + amplitude * wave).astype(np.uint8)[..., None], 3, axis=2)


def _noise(count: int, side: int, seed: int, spread: float = 30.0) -> np.ndarray:
    grey = 128 + spread * np.random.default_rng(seed).standard_normal((count, side, side, 1))
    return np.repeat(np.rint(np.clip(grey, 0, 255)).astype(np.uint8), 3, axis=3)


def _profile_by_hand(pixels: np.ndarray, bins: int) -> np.ndarray:
    """With the whole transform and a loop over the rings."""
    grey = (pixels @ np.array([0.299, 0.587, 0.114])) / 255
    power = np.abs(np.fft.fft2(grey)) ** 2 / grey.size
    radius = np.hypot(np.fft.fftfreq(grey.shape[0])[:, None], np.fft.fftfreq(grey.shape[1])[None])
    power[0, 0], radius[0, 0] = 0, -1
    edges = np.linspace(0, math.sqrt(0.5), bins + 1)
    edges[-1] += 1e-9
    means = [power[(radius >= low) & (radius < high)].mean() for low, high in itertools.pairwise(edges)]
    return 10 * np.log10(np.array(means) + 1 / 255**2 / 12)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 17), (16, 31), (31, 16), (33, 64)])
def test_profile_agrees_with_the_whole_transform(height: int, width: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    bins = default_bins(min(height, width))
    np.testing.assert_allclose(power_profile(pixels, bins), _profile_by_hand(pixels, bins), rtol=1e-9)


def test_a_grating_has_its_power_at_its_frequency() -> None:
    profile = power_profile(_grating(64, 64, 12, 5), 45)
    at = math.hypot(12, 5) / 64
    assert abs(bin_centres(45)[profile.argmax()] - at) <= HIGHEST_FREQUENCY / 90
    # Parseval: half the squared amplitude of the cosine is the variance, all in one ring.
    ring_size = sum(
        abs(math.hypot(fy, fx) * 45 / HIGHEST_FREQUENCY - profile.argmax() - 0.5) <= 0.5
        for fy in np.fft.fftfreq(64)
        for fx in np.fft.fftfreq(64)
    )
    expected = 10 * math.log10((40 / 255) ** 2 / 2 * 64 * 64 / ring_size)
    assert profile.max() == pytest.approx(expected, abs=0.05)


def test_white_noise_is_flat_at_its_variance_whatever_the_size() -> None:
    for side in (32, 48, 96):
        mean = np.mean([10 ** (power_profile(p, 22) / 10) for p in _noise(200, side, side)], axis=0)
        np.testing.assert_allclose(mean, (30 / 255) ** 2, rtol=0.2)
        windowed = np.mean([10 ** (power_profile(p, 22, window="hann") / 10) for p in _noise(200, side, 1)], axis=0)
        # The lowest ring loses to the mean that is taken off.
        np.testing.assert_allclose(windowed[2:], (30 / 255) ** 2, rtol=0.2)


def test_a_window_hides_the_jump_between_opposite_borders() -> None:
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    high = slice(20, 31)
    assert power_profile(ramp, 45)[high].mean() > power_profile(ramp, 45, window="hann")[high].mean() + 10


def test_every_ring_of_the_default_has_a_frequency() -> None:
    for side in (*range(4, 80), 255, 256, 257):
        for other in (side, side + 1, 2 * side + 1):
            profile = power_profile(np.zeros((side, other, 3), np.uint8), default_bins(side))
            # A blank image: nothing but the power of rounding.
            np.testing.assert_allclose(profile, 10 * math.log10(1 / 255**2 / 12))


def test_a_gain_in_contrast_is_its_decibels_everywhere() -> None:
    noise = _noise(40, 32, 3, spread=15.0).astype(int)
    louder = (2 * (noise - 128) + 128).astype(np.uint8)
    score = spectral_distance(noise.astype(np.uint8), louder)
    assert score.value == pytest.approx(20 * math.log10(2), abs=0.05)
    assert score.corrected == pytest.approx(score.value, abs=0.1)
    assert score.interval is not None
    assert score.interval.low < 20 * math.log10(2) < score.interval.high
    assert score.details["largest_difference_db"] == pytest.approx(6.02, abs=0.3)
    assert not score.higher_is_better


def test_upsampling_shows() -> None:
    small = _noise(30, 16, 5)
    blown_up = small.repeat(2, axis=1).repeat(2, axis=2)
    real, more_real = _noise(30, 32, 6), _noise(30, 32, 7)
    assert spectral_distance(real, blown_up).value > 10 * spectral_distance(real, more_real).value


def test_equal_sets_are_at_zero_and_the_interval_reaches_it() -> None:
    images = _noise(20, 16, 1)
    score = spectral_distance(images, images)
    assert score.value == 0
    assert score.corrected == 0
    assert score.interval is not None
    assert score.interval.low == 0


def test_sizes_may_differ_and_the_smallest_decides_the_rings() -> None:
    real = [*_noise(5, 40, 1), *_noise(5, 24, 2)]
    score = spectral_distance(real, list(_noise(10, 32, 3)))
    assert score.parameters["bins"] == default_bins(24) == 16
    assert score.value < 1.5
    assert len(score.details["real_db"]) == 16


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), bins=st.integers(1, 9), n=st.integers(10, 30), m=st.integers(10, 30))
def test_profiles_by_definition_and_order(seed: int, bins: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    real, generated = random.standard_normal((n, bins)), random.standard_normal((m, bins)) + 1
    score = spectral_distance_of_profiles(real, generated)
    expected = math.sqrt(np.mean((real.mean(0) - generated.mean(0)) ** 2))
    assert score.value == pytest.approx(expected)
    other = spectral_distance_of_profiles(random.permutation(real), random.permutation(generated))
    assert other.value == pytest.approx(score.value)
    assert other.corrected == pytest.approx(score.corrected, abs=1e-9)
    scaled = spectral_distance_of_profiles(3 * real, 3 * generated)
    assert scaled.value == pytest.approx(3 * score.value)
    assert scaled.standard_error.total == pytest.approx(3 * score.standard_error.total)


def test_influence_is_what_leaving_an_image_out_does() -> None:
    random = np.random.default_rng(2)
    real, generated = random.standard_normal((200, 6)), random.standard_normal((300, 6)) * 2 + 1.5
    score = spectral_distance_of_profiles(real, generated)
    assert score.influence is not None
    for i in (0, 7):
        without = spectral_distance_of_profiles(np.delete(real, i, axis=0), generated)
        assert score.influence.real[i] == pytest.approx(199 * (score.corrected - without.corrected), rel=0.05, abs=0.02)
        without = spectral_distance_of_profiles(real, np.delete(generated, i, axis=0))
        moved = 299 * (score.corrected - without.corrected)
        assert score.influence.generated[i] == pytest.approx(moved, rel=0.05, abs=0.02)


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("counts", [(60, 60), (30, 300)])
def test_the_interval_covers(shift: float, counts: tuple[int, int]) -> None:
    random = np.random.default_rng(int(shift * 10) + counts[0])
    mixing = random.standard_normal((20, 20)) * (1 + np.arange(20)) ** -0.5
    truth = shift
    hits = 0
    for _ in range(200):
        real, generated = (random.standard_normal((n, 20)) @ mixing for n in counts)
        score = spectral_distance_of_profiles(real, generated + shift)
        assert score.interval is not None
        hits += score.interval.low <= truth <= score.interval.high
    # 95 % of 200, and what simulation with many more repetitions saw: 93 % to 99 %.
    assert hits >= 180


def test_the_interval_covers_a_difference_along_the_leading_direction() -> None:
    # Profiles go up and down as a whole, and so do both sides' means by chance: their difference may look like one
    # along the others, of which chance says little.
    random = np.random.default_rng(4)
    mixing = np.linalg.cholesky(0.5 * np.eye(64) + 0.5).T
    hits = 0
    for _ in range(400):
        real, generated = (random.standard_normal((100, 64)) @ mixing for _ in range(2))
        interval = spectral_distance_of_profiles(real, generated + 0.2).interval
        assert interval is not None
        hits += interval.low <= 0.2 <= interval.high
    # 94 % of 2,000; with the variance in the direction of the difference alone it was 87 %.
    assert hits >= 0.915 * 400


def test_few_images_have_a_value_and_a_reason() -> None:
    random = np.random.default_rng(3)
    score = spectral_distance_of_profiles(random.standard_normal((9, 4)), random.standard_normal((40, 4)))
    assert score.value > 0
    assert (score.interval, score.corrected) == (None, None)
    assert score.no_interval_reason == "a side has fewer than 10 images"


@pytest.mark.parametrize("scale", [1e80, 1e160, 1e200])
def test_what_no_decibels_can_be_is_refused(scale: float) -> None:
    random = np.random.default_rng(3)
    profiles = random.standard_normal((12, 4))
    with pytest.raises(MetricError, match="generated holds values beyond"):
        spectral_distance_of_profiles(profiles, scale * profiles)
    assert np.isfinite(spectral_distance_of_profiles(profiles, 1e29 * profiles).interval.high)


def test_without_a_level_there_is_no_interval_work() -> None:
    score = spectral_distance(_noise(4, 16, 1), _noise(4, 16, 2), level=None)
    assert (score.interval, score.influence, score.corrected) == (None, None, None)


def test_a_bound_on_the_images_is_held_and_seeded() -> None:
    real, generated = _noise(40, 16, 1), _noise(30, 16, 2)
    scores = [spectral_distance(real, generated, images=10, seed=seed) for seed in (1, 1, 2)]
    assert scores[0].value == scores[1].value != scores[2].value
    assert (scores[0].n_real, scores[0].n_generated) == (10, 10)
    assert scores[0].influence is not None
    assert np.count_nonzero(scores[0].influence.real) == 10
    assert scores[0].influence.standard_error().real == pytest.approx(scores[0].standard_error.real, rel=0.1)


def test_bad_input() -> None:
    images = _noise(4, 16, 1)
    with pytest.raises(MetricError, match="2 pixels"):
        spectral_distance(images[:, :2], images)
    with pytest.raises(NotEnoughImagesError):
        spectral_distance(images[:1], images)
    with pytest.raises(OptionError, match="40 frequency bins are too many"):
        spectral_distance(images, images, bins=40)
    with pytest.raises(OptionError, match="window"):
        spectral_distance(images, images, window="round")
    with pytest.raises(OptionError, match="images"):
        spectral_distance(images, images, images=1)
    with pytest.raises(MetricError, match="str"):
        spectral_distance("folder", images)


def test_table_entry() -> None:
    metric = METRICS.get("spectral_distance")
    assert metric.needs == "images"
    assert not metric.on_features
    assert metric.fewest({}) == 2
    real, generated = _noise(6, 16, 1), _noise(5, 16, 2)
    sides = [
        Features(pooled=np.zeros((len(x), 1), np.float32), reader=ImageReader(open_source(x), len(x)))
        for x in (real, generated)
    ]
    (score,) = metric(*sides)
    assert score.value == spectral_distance(real, generated).value
    with pytest.raises(MetricError, match="read only once"):
        metric(sides[0], Features(pooled=np.zeros((5, 1), np.float32)))
    with pytest.raises(OptionError):
        metric.fewest({"window": "round"})
