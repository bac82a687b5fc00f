"""Skies: slow, quiet, alike before every scene of a draw, and what makes a JPEG's blocks repeat themselves."""

import io

import numpy as np
from PIL import Image

from ganeval.detectors.artefacts.skies import NOISE, sky
from ganeval.detectors.spectral.lattice_features import lattice_features

SCENE = np.random.default_rng(0).integers(40, 200, (128, 192, 3), dtype=np.uint8)


def kept(scene: np.ndarray, made: np.ndarray) -> float:
    """Share of the scene's pixels that are as they were."""
    return float((scene == made[: scene.shape[0], : scene.shape[1]]).all(axis=2).mean())


def test_none_and_all_of_the_draws() -> None:
    rng = np.random.default_rng(1)
    assert all(kept(SCENE, sky(rng, 0.0)(SCENE)) == 1 for _ in range(20))
    made = [sky(rng, 1.0)(SCENE) for _ in range(40)]
    assert {one.shape for one in made} == {SCENE.shape, (384, 384, 3), (512, 512, 3)}
    assert all(one.dtype == np.uint8 for one in made)
    shares = [kept(SCENE, one) for one in made]
    assert max(shares) < 1
    # Some fill the scene, some leave a good part of it.
    assert sum(share < 0.02 for share in shares) >= 4
    assert sum(share > 0.2 for share in shares) >= 8


def test_two_scenes_of_a_draw_get_the_same_sky() -> None:
    for seed in range(4):
        above = sky(np.random.default_rng(seed), 1.0)
        first, second = (above(scene)[: SCENE.shape[0], : SCENE.shape[1]] for scene in (SCENE, 255 - SCENE))
        covered = (first == second).all(axis=2)
        assert covered.mean() > 0.02
        assert (first[covered] != SCENE[covered]).any()


def test_a_sky_is_slow_and_quiet() -> None:
    rng = np.random.default_rng(2)
    black = np.zeros((96, 96, 3), np.uint8)
    for _ in range(15):
        made = sky(rng, 1.0)(black)[:12, :12].astype(float)  # A corner, where the sky is if it isn't everywhere.
        step = np.median(np.abs(np.diff(made, axis=1)))
        assert step <= 0.8 * 1.6 + 3 * NOISE[1]


def test_a_sky_saved_as_jpeg_repeats_itself_with_its_blocks() -> None:
    """The least and the strongest of the features that the wallpapers of the calibration set had: here by itself."""

    def phases(pixels: np.ndarray) -> float:
        stored = io.BytesIO()
        Image.fromarray(pixels).save(stored, "JPEG", quality=80)
        features = lattice_features(np.asarray(Image.open(stored).convert("RGB")))
        return float(features[33:66].mean())  # Of the first residual's luma: magnitudes in the map of means by phase.

    flat = np.full((256, 256, 3), 120.0)
    y, x = np.mgrid[:256, :256]
    noise = np.random.default_rng(3).normal(0, 0.3, (256, 256, 1))
    even = np.clip(np.rint(flat + noise), 0, 255).astype(np.uint8)
    shaded = np.clip(np.rint(flat + noise + (0.25 * x + 0.15 * y - 50)[..., None]), 0, 255).astype(np.uint8)
    assert phases(shaded) > phases(even) + 0.3
