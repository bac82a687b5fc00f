"""Histories that were made are found again in pixels (JPEG quality, blocks, enlarging), and none where none was."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from ganeval.detectors.conditions import conditions_of, jpeg_history, resampling
from ganeval.detectors.conditions.luma_tiles import luma_tiles
from ganeval.detectors.perturbations import Jpeg, Noise, Resize
from ganeval.detectors.specimen import open_specimen


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """A photograph without a history of its own: shrunk, so that its old blocks are gone."""
    return Resize(0.62, "lanczos")(np.ascontiguousarray(load_sample_images().images[0]))


@pytest.mark.parametrize("quality", [30, 50, 75, 85, 90, 95])
@pytest.mark.parametrize("subsampling", ["444", "420"])
def test_the_quality_of_a_decoded_jpeg_is_found(clean, quality, subsampling):
    found = jpeg_history(Jpeg(quality, subsampling)(clean))
    assert found is not None
    assert abs(found.quality - quality) <= 1
    assert (found.top, found.left) == (0, 0)


@pytest.mark.parametrize(("top", "left"), [(3, 5), (0, 1), (7, 4)])
def test_the_blocks_of_a_cut_picture_are_found_where_they_lie(clean, top, left):
    found = jpeg_history(Jpeg(80)(clean)[top:, left:])
    assert found is not None
    assert ((found.top + top) % 8, (found.left + left) % 8) == (0, 0)
    assert abs(found.quality - 80) <= 1


def test_no_jpeg_is_seen_where_none_was(clean):
    assert jpeg_history(clean) is None
    assert jpeg_history(Noise(2)(Jpeg(75)(clean))) is None
    assert jpeg_history(Resize(0.83)(Jpeg(75)(clean))) is None


@pytest.mark.parametrize("factor", [1.2, 1.5, 1.7, 2, 2.3])
def test_the_factor_of_enlarging_is_found(clean, factor):
    found = resampling(Resize(factor)(clean))
    assert found is not None
    assert found.factor == pytest.approx(factor, rel=0.01)


def test_no_enlarging_is_seen_in_a_shrunk_picture_or_behind_jpeg_blocks(clean):
    assert resampling(clean) is None
    assert resampling(Jpeg(60)(clean)) is None


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (16, 16), (130, 128), (64, 4000)])
@pytest.mark.parametrize("fill", ["flat", "random"])
def test_any_size_is_answered(shape, fill):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    pixels = pixels if fill == "random" else np.full_like(pixels, 17)
    assert jpeg_history(pixels) is None
    assert resampling(pixels) is None


def test_tables_go_before_pixels_and_an_array_has_no_tables(clean):
    decoded = Jpeg(82)(clean)
    told = conditions_of(open_specimen(decoded))
    assert (told.format, told.quality_from) == ("array", "pixels")
    assert told.quality is not None
    assert abs(told.quality - 82) <= 1
    assert told.resampled is None
    assert conditions_of(open_specimen(clean)).quality_from == "none"


def test_tiles_of_a_large_picture_are_few_and_on_the_lattice():
    pixels = np.zeros((1200, 2001, 3), np.uint8)
    pixels[..., 0] = (np.arange(1200) % 8)[:, None]
    pixels[..., 1] = np.arange(2001) % 8
    tiles = luma_tiles(pixels, 512, 2)
    assert [tile.shape for tile in tiles] == [(512, 512)] * 4
    assert all(tile[0, 0] == 0 for tile in tiles)
    assert luma_tiles(pixels[:100, :200], 512, 2)[0].shape == (100, 200)
