"""Grain: where in a history it comes, how strong it is, and that all else of the history stays."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.detectors.artefacts.grain import SIGMAS, grain
from ganeval.detectors.artefacts.histories import History
from ganeval.detectors.perturbations import Blur, Crop, Jpeg, Noise, Social, WebP

FLAT = np.full((256, 256, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("steps", "position"),
    [
        ((), 0),
        ((Crop(0.9), Blur(0.5)), 2),
        ((Crop(0.9), Jpeg(80), WebP(80)), 1),
        ((Blur(0.5), WebP(80), Crop(1.0), Jpeg(80)), 1),
        ((Social(640, 70),), 0),
    ],
)
def test_it_comes_before_the_first_compression_or_last(steps: tuple, position: int) -> None:
    history = History(steps, seed=5)
    grainy = grain(np.random.default_rng(0), 1.0)(history)
    assert isinstance(grainy.steps[position], Noise)
    assert (*grainy.steps[:position], *grainy.steps[position + 1 :]) == steps
    assert grainy.seed == 5


def test_it_befalls_its_share_and_no_other() -> None:
    history = History((Jpeg(80),))
    changed = [grain(np.random.default_rng(seed), 0.25)(history) != history for seed in range(2000)]
    # Five standard deviations.
    assert np.mean(changed) == pytest.approx(0.25, abs=0.05)
    assert not any(grain(np.random.default_rng(seed), 0.0)(history) != history for seed in range(50))


def test_an_untouched_picture_gets_as_much_noise_as_was_drawn() -> None:
    drawn = []
    for seed in range(40):
        history = grain(np.random.default_rng(seed), 1.0)(History(seed=seed))
        drawn.append(history.describe()["noise"])
        assert np.std(history.apply(FLAT).astype(float)) == pytest.approx(np.hypot(drawn[-1], 12**-0.5), rel=0.05)
    assert SIGMAS[0] <= min(drawn) < 1
    assert 8 < max(drawn) <= SIGMAS[1]
    # Half of them below the geometric mean.
    assert 10 <= np.sum(np.array(drawn) < np.sqrt(SIGMAS[0] * SIGMAS[1])) <= 30
