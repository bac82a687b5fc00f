"""Façades: lines along rows and columns, alike before every scene of a draw, that stand out on the spectrum's axes."""

import numpy as np

from ganeval.detectors.artefacts.facades import facade
from ganeval.detectors.spectral.lattice_features import lattice_features, lattice_frequencies

SCENE = np.random.default_rng(0).integers(40, 200, (128, 192, 3), dtype=np.uint8)


def test_none_and_all_of_the_draws() -> None:
    rng = np.random.default_rng(1)
    assert all(np.array_equal(SCENE, facade(rng, 0.0)(SCENE)) for _ in range(20))
    made = [facade(rng, 1.0)(SCENE) for _ in range(40)]
    assert all(one.shape == SCENE.shape and one.dtype == np.uint8 for one in made)
    assert not any(np.array_equal(SCENE, one) for one in made)
    assert len({one.tobytes() for one in made}) == 40


def test_two_scenes_of_a_draw_get_the_same_lines() -> None:
    """Of even scenes, which shine through the same everywhere, the one is the other but for a step and its grain."""
    for seed in range(6):
        built = facade(np.random.default_rng(seed), 1.0)
        dark, light = (built(np.full((96, 128, 3), level, np.uint8)).astype(float) for level in (110, 130))
        inside = ((dark > 0) & (dark < 255) & (light > 0) & (light < 255)).all(axis=2)
        assert inside.any()
        step = (light - dark)[inside]
        assert np.abs(step - 20).max() <= 1  # Rounding of either.


def test_columns_and_rows_differ_and_little_else() -> None:
    """An even wall's façade, its grain aside, is of few ranks: boxes and lines, each rows times columns."""
    for seed in range(8):
        made = facade(np.random.default_rng(seed), 1.0)(np.full((160, 160, 3), 128, np.uint8)).astype(float)[..., 1]
        values = np.linalg.svd(made - made.mean(), compute_uv=False) ** 2
        assert values[:16].sum() > 0.8 * values.sum()


def test_a_facade_stands_out_on_the_axes_of_the_spectrum() -> None:
    """What rectified buildings' photographs have: no up-sampling, and yet high lattice frequencies on both axes."""
    on_axis = (lattice_frequencies() == 0).any(axis=1)
    flat = np.full((256, 256, 3), 128.0)
    heights = []
    for seed in range(10):
        grain = np.random.default_rng(seed).normal(0, 2, flat.shape)
        wall = np.clip(np.rint(flat + grain), 0, 255).astype(np.uint8)
        plain, lined = (
            lattice_features(one)[:33] for one in (wall, facade(np.random.default_rng([5, seed]), 1.0)(wall))
        )
        heights.append((plain[on_axis].mean(), lined[on_axis].mean(), lined[~on_axis].mean()))
    none, axis, elsewhere = np.mean(heights, axis=0)
    assert abs(none) < 0.3
    assert axis > 1
    assert axis > elsewhere + 1
