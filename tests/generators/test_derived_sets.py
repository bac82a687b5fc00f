"""Sets that are computed from others: edges where they are seen, textures that can be undone, and partners by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ganeval.errors import ImageSourceError
from ganeval.generators.derived_sets import edges, inverted_texture
from ganeval.generators.training.images import ChosenPictures, SourcePictures, TrainingImages, read_all
from ganeval.images.fashion_mnist import open_fashion_mnist
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions


def lit(found: npt.NDArray[np.uint8]) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in np.argwhere(found)}


def test_a_sharp_step_is_one_line() -> None:
    image = np.zeros((9, 10), np.uint8)
    image[:, 5:] = 200
    # The gradient is equal on both sides of the step; the second one counts.
    assert lit(edges(image)) == {(row, 5) for row in range(9)}
    assert lit(edges(image.T)) == {(5, row) for row in range(9)}
    assert set(np.unique(edges(image))) == {0, 255}


def test_a_square_has_a_closed_outline() -> None:
    image = np.zeros((20, 20), np.uint8)
    image[6:14, 6:14] = 255
    found = edges(image) > 0
    # Nothing inside, nothing far away, and every side is there.
    assert not found[8:12, 8:12].any()
    assert not found[:4].any()
    assert not found[16:].any()
    for side in (found[4:8, 8:12].any(axis=0), found[12:16, 8:12].any(axis=0)):
        assert side.all()
    for side in (found[8:12, 4:8].any(axis=1), found[8:12, 12:16].any(axis=1)):
        assert side.all()


@pytest.mark.parametrize(("contrast", "seen"), [(0, False), (20, False), (59, False), (60, True), (200, True)])
def test_the_contrast_at_which_an_edge_begins(contrast: int, seen: bool) -> None:
    image = np.full((8, 8), 20, np.uint8)
    image[:, 4:] += np.uint8(contrast)
    assert edges(image).any() == seen


def test_a_faint_edge_is_kept_where_it_goes_on_from_a_clear_one() -> None:
    image = np.zeros((12, 12), np.uint8)
    image[:6, 6:], image[6:, 6:] = 120, 40
    assert {row for row, _ in lit(edges(image))} >= set(range(12))
    image[:6] = 0
    # On its own, the faint step is none.
    assert not edges(np.repeat(image[6:], 2, axis=0)).any()


def test_a_ramp_and_noise_below_the_threshold_have_no_edges() -> None:
    assert not edges(np.tile(np.arange(0, 250, 5, dtype=np.uint8), (50, 1))).any()
    assert not edges(np.random.default_rng(0).integers(100, 115, (40, 40), dtype=np.uint8)).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3)])
def test_any_shape(shape: tuple[int, int]) -> None:
    image = np.full(shape, 200, np.uint8)
    assert edges(image).shape == inverted_texture(image).shape == shape


def test_inverted_texture_can_be_undone() -> None:
    image = np.arange(256, dtype=np.uint8).repeat(16).reshape(256, 16)
    made = inverted_texture(image).astype(int)
    assert (made[:9] == 0).all()
    assert made[9:].min() >= 24
    rows, columns = np.indices(image.shape)
    bright = (rows + columns) // 2 % 2 == 0
    negative = np.where(bright, made, -(-made * 4 // 3))
    restored = (255 - negative) * 8 / 7
    assert np.abs(restored - image)[9:].max() <= 3


@pytest.mark.parametrize(
    ("name", "spelled_out", "compute"),
    [
        ("fashion-mnist-edges", "edges:fashion-mnist", edges),
        ("fashion-mnist-inverted:test", "inverted-texture:fashion-mnist:test", inverted_texture),
    ],
)
def test_named_sets(name: str, spelled_out: str, compute: object) -> None:
    source, whole = open_source(name), open_fashion_mnist("", SourceOptions())
    assert source.count == 10_000
    assert source.fingerprint() == open_source(spelled_out).fingerprint() != whole.fingerprint()
    items, originals = list(source), list(whole)
    assert [item.id for item in items[:3]] == [item.id for item in originals[:3]]
    assert [item.label for item in items] == [item.label for item in originals]
    found, original = items[17].load(), originals[17].load()
    assert found.info.mode == "L"
    np.testing.assert_array_equal(found.pixels, compute(original.pixels[..., 0])[..., None].repeat(3, 2))  # type: ignore[operator]
    assert found.info.digest == next(iter(source.in_order([17]))).load().info.digest != original.info.digest


def test_edges_of_a_folder_keep_its_names(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(tmp_path / "a.png")
    source = open_source(f"edges:{tmp_path}")
    assert (source.name, [item.id for item in source]) == (f"edges:{tmp_path}", ["a.png"])
    assert next(iter(source)).load().pixels.shape == (5, 7, 3)


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(ImageSourceError, match="edges of no set of images"):
        open_source("edges:")
    with pytest.raises(ImageSourceError, match="there is no such file or folder"):
        open_source("inverted-texture:nowhere/at/all")
    with pytest.raises(ImageSourceError, match="fashion-mnist has no part 'best'"):
        open_source("fashion-mnist-edges:best")


@pytest.mark.parametrize("compute", [edges, inverted_texture])
def test_a_stack_is_computed_image_by_image(compute: Callable[..., npt.NDArray[np.uint8]]) -> None:
    stack = np.random.default_rng(0).integers(0, 256, (5, 12, 9), dtype=np.uint8)
    stack[1], stack[2] = 0, np.where(stack[2] > 128, 255, 0)
    np.testing.assert_array_equal(compute(stack), [compute(image) for image in stack])


def test_many_at_once_are_what_each_is_by_itself(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    # Neighbours of other sizes, and more pixels than are computed together.
    for number, size in enumerate([(8, 9), (8, 9), (9, 8), (200, 220), (200, 220), (8, 9)]):
        Image.fromarray(random.integers(0, 256, (*size, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    source = open_source(f"edges:{tmp_path}")
    items = list(source)
    together = list(source.load_many(items))
    assert [one.info for one in together] == [item.load().info for item in items]
    for one, item in zip(together, items, strict=True):
        np.testing.assert_array_equal(one.pixels, item.load().pixels)


def test_training_reads_them_in_runs_with_the_same_bytes() -> None:
    pictures = SourcePictures(open_source("fashion-mnist-edges"))
    chosen = ChosenPictures(pictures, [*range(300, 150, -1), 7])
    read = read_all(TrainingImages(chosen, (28, 28), 1))
    assert read.shape == (151, 1, 28, 28)
    for place, number in ((0, 300), (63, 237), (64, 236), (150, 7)):
        np.testing.assert_array_equal(read[place, 0], pictures.load(number, 1)[..., 0])
