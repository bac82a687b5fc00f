"""The simulated decoder leaves a lattice that follows the picture, and nothing that one filter everywhere could do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from ganeval.detectors.artefacts.fitted_decoder import fitted_decoder
from ganeval.detectors.spectral.lattice_features import lattice_features, lattice_frequencies

SIDE = 160
#: Root mean square of the traces that are compared, in grey levels.
LEVELS = 5


def photograph(seed: int) -> torch.Tensor:
    """float32 [1, 3, SIDE, SIDE]: part of a photograph that was made smaller, so that no camera's traces are left."""
    whole = Image.fromarray(load_sample_image(("china.jpg", "flower.jpg")[seed % 2]))
    small = np.asarray(whole.resize((whole.width // 2, whole.height // 2), Image.Resampling.LANCZOS))
    left = 8 * (seed % ((small.shape[1] - SIDE) // 8))
    return torch.from_numpy(small[:SIDE, left : left + SIDE].copy()).permute(2, 0, 1)[None].float() / 255


def explained(trace: np.ndarray, picture: np.ndarray) -> float:
    """Share of a trace [rows, columns] that the best filter of 5 x 5 of a picture [3, rows, columns] explains."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (5, 5), axis=(1, 2))
    wanted = trace[2:-2, 2:-2].ravel()
    seen = windows.transpose(1, 2, 0, 3, 4).reshape(len(wanted), -1)
    seen = np.column_stack([seen, np.ones(len(seen))])
    left = wanted - seen @ np.linalg.lstsq(seen, wanted, rcond=None)[0]
    return 1 - float(np.square(left).sum() / np.square(wanted - wanted.mean()).sum())


@pytest.mark.parametrize("seed", range(16))
def test_no_filter_that_is_the_same_everywhere_explains_the_trace(seed: int) -> None:
    x = photograph(seed)
    trace = fitted_decoder(x, np.random.default_rng(seed)) - x
    assert explained(trace[0, 1].double().numpy(), x[0].double().numpy()) < 0.15


def highest(x: torch.Tensor, change: torch.Tensor) -> float:
    """Greatest of the luma residual's lattice phases, with the change at `LEVELS`."""
    changed = x + change * (LEVELS / 255 / change.square().mean().sqrt())
    pixels = (changed[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy()
    count = len(lattice_frequencies())
    return float(lattice_features(pixels)[count : 2 * count].max())


def test_the_trace_repeats_itself_where_as_much_noise_does_not() -> None:
    rows = []
    for seed in range(24):
        x = photograph(seed)
        noise = torch.from_numpy(np.random.default_rng(seed + 1000).standard_normal(x.shape)).float()
        rows.append((highest(x, fitted_decoder(x, np.random.default_rng(seed)) - x), highest(x, noise)))
    decoded, noisy = np.array(rows).T
    assert (decoded > np.quantile(noisy, 0.9)).mean() > 0.4


def test_it_follows_from_the_seed_and_leaves_torchs_own_randomness_alone() -> None:
    x = photograph(0)
    before = torch.get_rng_state()
    one = fitted_decoder(x, np.random.default_rng(4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, fitted_decoder(x, np.random.default_rng(4)))
    assert not torch.equal(one, fitted_decoder(x, np.random.default_rng(5)))


@pytest.mark.parametrize("shape", [(16, 16), (16, 64), (64, 24)])
def test_small_pictures_are_decoded_too(shape: tuple[int, int]) -> None:
    x = photograph(1)[..., : shape[0], : shape[1]]
    for seed in range(12):
        y = fitted_decoder(x, np.random.default_rng(seed))
        assert y.shape == x.shape
        assert bool(y.isfinite().all())


def test_a_flat_picture_stays_flat() -> None:
    x = torch.full((1, 3, 32, 32), 0.25)
    for seed in range(12):
        assert (fitted_decoder(x, np.random.default_rng(seed)) - x).abs().max() < 0.05
