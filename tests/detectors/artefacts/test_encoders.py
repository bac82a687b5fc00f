"""Encoders whose rounding leans: exact where it doesn't, biased where it does, and marked at the blocks' corners."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from ganeval.detectors.artefacts import training_set
from ganeval.detectors.artefacts.encoders import leaning_blocks, leaning_encoder
from ganeval.detectors.spectral.lattice_features import lattice_features

#: A smooth random picture: as photographs have it, with little at high frequencies.
SMOOTH = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(60, 190, (24, 32, 3), dtype=np.uint8)).resize(
        (256, 192), Image.Resampling.BICUBIC
    )
)


def coefficients(luma: np.ndarray) -> np.ndarray:
    height, width = luma.shape
    blocks = luma.astype(float).reshape(height // 8, 8, width // 8, 8) - 128
    return dctn(blocks, axes=(1, 3), norm="ortho").transpose(0, 2, 1, 3).reshape(-1, 8, 8)


def test_without_leaning_it_is_what_the_usual_encoder_does() -> None:
    luma = np.asarray(Image.fromarray(SMOOTH).convert("L"))
    stored = io.BytesIO()
    Image.fromarray(luma).save(stored, "JPEG", quality=85)
    with Image.open(stored) as image:
        steps = np.array(image.quantization[0], float).reshape(8, 8)
        usual = np.asarray(image).astype(int)
    ours = leaning_blocks(luma, steps, np.zeros((8, 8))).astype(int)
    # The library computes in whole numbers, so that a few coefficients on the border fall to the other side.
    assert (np.abs(ours - usual) <= 1).mean() > 0.98


def test_leaning_moves_each_coefficient_to_its_side() -> None:
    luma = np.random.default_rng(1).integers(40, 210, (160, 160), dtype=np.uint8)
    steps = np.full((8, 8), 6.0)
    before = coefficients(luma)
    for lean in (-0.3, 0.3):
        moved = (coefficients(leaning_blocks(luma, steps, np.full((8, 8), lean))) - before).mean(axis=0)
        # Of textures far coarser than the steps: the bias is the leaning itself.
        np.testing.assert_allclose(moved, lean * 6, atol=0.35)


def test_odd_sides_keep_their_size() -> None:
    luma = np.random.default_rng(2).integers(0, 255, (43, 101), dtype=np.uint8)
    assert leaning_blocks(luma, np.ones((8, 8)), np.zeros((8, 8))).shape == luma.shape
    picture = np.random.default_rng(2).integers(0, 255, (43, 101, 3), dtype=np.uint8)
    made = leaning_encoder(np.random.default_rng(3), 1.0)(picture)
    assert made.shape == picture.shape
    assert made.dtype == np.uint8


def test_it_marks_the_corners_of_blocks_as_the_usual_encoder_does_not() -> None:
    """Of frequencies with both a vertical and a horizontal part: edges of blocks alone have only one of them."""
    oblique = [index for index in range(33) if index >= 8 or index > 4]

    def marks(pixels: np.ndarray) -> float:
        return float(np.median(lattice_features(pixels)[33:66][oblique]))

    stored = io.BytesIO()
    Image.fromarray(SMOOTH).save(stored, "JPEG", quality=85)
    usual = marks(np.asarray(Image.open(stored).convert("RGB")))
    leaning = [marks(leaning_encoder(np.random.default_rng(seed), 1.0)(SMOOTH)) for seed in range(9)]
    assert np.median(leaning) > usual + 0.4


def test_photographs_get_it_and_what_was_made_of_them_does_not(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photograph.png"
    Image.fromarray(SMOOTH).save(path)

    def drawn(share: float) -> list[training_set.Pair]:
        monkeypatch.setattr(training_set, "CAMERA_STORED", share)
        return [training_set.pair_from(path, (5, number)) for number in range(4)]

    for before, after in zip(drawn(0.0), drawn(1.0), strict=True):
        assert before.history == after.history  # Its draws move no other.
        assert not np.array_equal(before.photograph, after.photograph)
        assert np.array_equal(before.generated, after.generated)
