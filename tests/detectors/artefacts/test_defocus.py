"""Scenes out of focus: smoother, as often as was asked for, with grain on top and a part in focus for some."""

import numpy as np

from ganeval.detectors.artefacts.defocus import SHALLOW, defocus

SCENE = np.random.default_rng(0).integers(40, 200, (96, 128, 3), dtype=np.uint8)


def roughness(pixels: np.ndarray) -> float:
    return float(np.abs(np.diff(pixels.astype(float), axis=1)).mean())


def test_none_and_all_of_the_draws() -> None:
    rng = np.random.default_rng(1)
    assert all(np.array_equal(defocus(rng, 0.0)(SCENE), SCENE) for _ in range(20))
    made = [defocus(rng, 1.0)(SCENE) for _ in range(20)]
    assert all(one.shape == SCENE.shape and one.dtype == np.uint8 for one in made)
    assert all(roughness(one) < 0.9 * roughness(SCENE) for one in made)


def test_two_scenes_of_a_draw_are_blurred_alike() -> None:
    focus = defocus(np.random.default_rng(3), 1.0)
    np.testing.assert_array_equal(focus(SCENE), focus(SCENE))


def test_about_half_keep_a_part_in_focus() -> None:
    rng = np.random.default_rng(5)
    sharp = 0
    for _ in range(60):
        change = np.abs(defocus(rng, 1.0)(SCENE).astype(int) - SCENE).mean(axis=2)
        sharp += bool((change < 5).mean() > 0.03)
    assert abs(sharp / 60 - SHALLOW) < 0.2


def test_a_scene_without_detail_only_gets_grain() -> None:
    even = np.full((64, 64, 3), 128, np.uint8)
    rng = np.random.default_rng(7)
    for _ in range(20):
        made = defocus(rng, 1.0)(even).astype(float)
        assert abs(made.mean() - 128) < 0.5
        assert made.std() < 3
        # The same in all colours.
        assert np.ptp(made, axis=2).max() <= 1
