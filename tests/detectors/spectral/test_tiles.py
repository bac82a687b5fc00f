"""The choice of tiles: inside the picture, on the grid, spread, textured, bounded."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.detectors.spectral.tiles import choose_tiles, luma, shrink_grid, texture


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 12))
def test_tiles_lie_inside_on_the_grid_and_apart(height: int, width: int, limit: int) -> None:
    pixels = noise(height, width)
    tiles = choose_tiles(pixels, 32, limit=limit)
    assert len(tiles) == min(limit, (height // 32) * (width // 32))
    assert (len(tiles) > 0) == (min(height, width) >= 32)
    assert (tiles.corners % 8 == 0).all()
    seen = np.zeros((height, width), int)
    for tile, (top, left) in zip(tiles.pixels, tiles.corners, strict=True):
        np.testing.assert_array_equal(tile, pixels[top : top + 32, left : left + 32])
        seen[top : top + 32, left : left + 32] += 1
    assert seen.max(initial=0) <= 1
    assert seen.sum() == 1024 * len(tiles)


def test_all_tiles_are_taken_where_there_are_few() -> None:
    assert len(choose_tiles(noise(96, 130), 32, limit=12)) == 12


def test_textured_tiles_win_and_flat_ones_are_left_out() -> None:
    pixels = np.full((256, 256, 3), 90, np.uint8)
    pixels[32:64, 96:128] = noise(32, 32)
    pixels[192:224, 64:96] = noise(32, 32, 1)
    assert choose_tiles(pixels, 32, limit=16).corners.tolist() == [[32, 96], [192, 64]]
    assert len(choose_tiles(np.full((256, 256, 3), 7, np.uint8), 32, limit=8)) == 0


def test_one_busy_corner_is_not_all_that_is_seen() -> None:
    # Weak texture everywhere, strong texture in one quarter: each quarter still gives a tile.
    pixels = (120 + noise(256, 256) % 3).astype(np.uint8)
    pixels[:128, :128] = noise(128, 128)
    corners = choose_tiles(pixels, 32, limit=4).corners
    assert {(top >= 128, left >= 128) for top, left in corners.tolist()} == {(a, b) for a in (0, 1) for b in (0, 1)}
    assert len(choose_tiles(pixels, 32, limit=8)) == 8


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 300))
def test_a_shrunk_grid_stays_within_the_limit(rows: int, columns: int, limit: int) -> None:
    fewer_rows, fewer_columns = shrink_grid(rows, columns, limit)
    assert 1 <= fewer_rows <= rows
    assert 1 <= fewer_columns <= columns
    assert fewer_rows * fewer_columns <= max(limit, 1)


def test_texture_by_hand() -> None:
    tile = np.zeros((3, 3, 3), np.uint8)
    tile[1, 1] = 4
    assert texture(tile) == 4.0
    tile[1, 1] = 200
    assert texture(tile) == 8.0
    assert texture(tile[:2]) == 0.0


def test_luma_weights() -> None:
    np.testing.assert_allclose(luma(np.eye(3, dtype=np.uint8)[None] * 100), [[29.9, 58.7, 11.4]])


def test_fifty_megapixels_cost_no_more_than_a_bounded_number_of_tiles() -> None:
    # A view that repeats a small picture: the pixels themselves needn't be in memory for this.
    row = noise(1, 8660)
    pixels = np.broadcast_to(row, (5774, 8660, 3))
    start = time.perf_counter()
    assert len(choose_tiles(pixels, 128, limit=32)) == 32
    assert time.perf_counter() - start < 3


def test_the_choice_is_the_same_every_time() -> None:
    pixels = noise(300, 400)
    first, second = (choose_tiles(pixels, 32, limit=7).corners for _ in range(2))
    assert first.tolist() == second.tolist()
    assert first.tolist() == sorted(first.tolist())


@pytest.mark.parametrize("shape", [(1, 1), (31, 900), (900, 31)])
def test_too_small_gives_none(shape: tuple[int, int]) -> None:
    assert choose_tiles(noise(*shape), 32, limit=4).pixels.shape == (0, 32, 32, 3)
