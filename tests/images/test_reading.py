"""Images read again, by row, in any order, without those that were skipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ganeval.errors import CorruptImageError
from ganeval.images.opening import open_source
from ganeval.images.reading import ImageReader


@pytest.fixture
def images(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    return rng.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)


@pytest.fixture
def reader(tmp_path: Path, images: npt.NDArray[np.uint8]) -> ImageReader:
    for i, pixels in enumerate(images):
        Image.fromarray(pixels).save(tmp_path / f"{i:02d}.png")
    (tmp_path / "07b.png").write_bytes(b"broken")
    return ImageReader(open_source(str(tmp_path)), 40, ["07b.png"])


def test_all_in_order_and_again(reader: ImageReader, images: npt.NDArray[np.uint8]) -> None:
    assert len(reader) == 40
    for _ in range(2):
        np.testing.assert_array_equal(np.stack(list(reader)), images)


def test_rows_ascend_and_come_once(reader: ImageReader, images: npt.NDArray[np.uint8]) -> None:
    found = list(reader.rows([9, 3, 3, 39]))
    assert [row for row, _ in found] == [3, 9, 39]
    np.testing.assert_array_equal(np.stack([pixels for _, pixels in found]), images[[3, 9, 39]])
    assert list(reader.rows([])) == []


@pytest.mark.parametrize("waiting_bytes", [1, 20 * 90, 1 << 29])
def test_any_order(reader: ImageReader, images: npt.NDArray[np.uint8], waiting_bytes: int) -> None:
    order = np.random.default_rng(1).integers(0, 40, 70).tolist()
    for rows in (order, sorted(set(order)), [5], []):
        found = list(reader.ordered(rows, waiting_bytes=waiting_bytes))
        assert len(found) == len(rows)
        for row, pixels in zip(rows, found, strict=True):
            np.testing.assert_array_equal(pixels, images[row])


def test_an_image_that_broke_since_is_an_error(tmp_path: Path, reader: ImageReader) -> None:
    (tmp_path / "20.png").write_bytes(b"broken")
    with pytest.raises(CorruptImageError, match=r"20\.png"):
        list(reader)
    assert len(list(reader.rows(range(20)))) == 20


def test_stopping_early_is_no_error(reader: ImageReader) -> None:
    assert next(iter(reader)).shape == (6, 5, 3)
