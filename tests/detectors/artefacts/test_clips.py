"""Films of photographs and of their fakes: from the seed alone, alike but for the trace, which stays where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from ganeval.detectors.artefacts import clips
from ganeval.detectors.artefacts.clips import CODECS, FRAMES, frame_pair_from

pytest.importorskip("av")


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "china.png"
    Image.fromarray(load_sample_image("china.jpg")[:320, 100:500]).save(path)
    return path


def test_everything_follows_from_the_seed(photograph: Path) -> None:
    first, again, other = (frame_pair_from(photograph, (1, seed)) for seed in (3, 3, 4))
    assert np.array_equal(first.photograph, again.photograph)
    assert np.array_equal(first.generated, again.generated)
    assert (first.simulator, first.codec) == (again.simulator, again.codec)
    assert first.photograph.shape != other.photograph.shape or not np.array_equal(first.photograph, other.photograph)


def test_pairs_are_alike_and_codecs_mixed(photograph: Path) -> None:
    pairs = [frame_pair_from(photograph, (2, seed)) for seed in range(8)]
    assert len({one.codec for one in pairs}) >= 2
    assert {one.codec for one in pairs} <= set(CODECS)
    for one in pairs:
        assert one.generated is not None
        assert one.photograph.shape == one.generated.shape
        assert min(one.photograph.shape[:2]) >= 96
        assert not any(side % 2 for side in one.photograph.shape[:2])
        difference = np.abs(one.photograph.astype(float) - one.generated).mean()
        assert 0.1 < difference < 25


@pytest.mark.parametrize("upright", [False, True])
def test_a_whole_film_has_no_fake_and_fits_a_screen(upright: bool, tmp_path: Path) -> None:
    whole = Image.fromarray(load_sample_image("china.jpg")).resize((4000, 2600))
    path = tmp_path / "large.jpg"
    (whole.transpose(Image.Transpose.ROTATE_90) if upright else whole).save(path)
    for seed in range(3):
        one = frame_pair_from(path, (3, seed), whole=True)
        assert one.generated is None
        assert one.simulator == ""
        longest, shortest = max(one.photograph.shape[:2]), min(one.photograph.shape[:2])
        assert longest <= clips.WHOLE[0] * clips.SCALES[1]
        assert 0.4 * clips.WHOLE[1] * clips.SCALES[0] < shortest <= clips.WHOLE[1] * clips.SCALES[1]


def test_the_camera_moves_and_frames_have_noise_of_their_own() -> None:
    y, x = np.mgrid[:400, :400]
    ramp = np.stack([x / 2, y / 2, (x + y) / 4], axis=-1).astype(np.uint8)
    moved = 0
    for seed in range(20):
        film = clips._film(ramp, np.random.default_rng(seed), whole=False)
        assert len(film) == FRAMES
        assert len({one.shape for one in film}) == 1
        assert not any(np.array_equal(one, film[0]) for one in film[1:])
        steps = [np.diff([one[..., channel].mean() for one in film]) for channel in (0, 1)]
        # Half a grey level a pixel: every step is the same, and whole pixels.
        for step in steps:
            assert np.ptp(2 * step) < 0.3
            assert abs(2 * step.mean() - round(2 * step.mean())) < 0.1
        moved += any(abs(step.mean()) > 0.3 for step in steps)
    assert 8 <= moved < 20
