"""Training images are read from any source into one array of the right channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from ganeval.errors import ImageSourceError, OptionError
from ganeval.generators.training.images import read_training_images
from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource


class ListSource(ImageSource):
    name, kind = "list", "list"

    def __init__(self, images: list[npt.NDArray[np.uint8]], mode: str) -> None:
        self._images, self._mode = images, mode

    def __iter__(self) -> Iterator[ImageItem]:
        for index, pixels in enumerate(self._images):
            info = ImageInfo("array", self._mode, pixels.shape[1], pixels.shape[0])
            yield ImageItem(f"image-{index}", lambda p=pixels, i=info: DecodedImage(p, i))  # type: ignore[misc]

    @property
    def count(self) -> int:
        return len(self._images)

    def fingerprint(self) -> None:
        return None


@pytest.fixture
def colours() -> list[npt.NDArray[np.uint8]]:
    return list(np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8))


def test_grey_images_come_through_unchanged() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    read = read_training_images(ListSource([np.repeat(image[..., None], 3, axis=2) for image in grey], "L"))
    np.testing.assert_array_equal(read, grey[:, np.newaxis])


def test_colour_images(colours: list[npt.NDArray[np.uint8]]) -> None:
    read = read_training_images(ListSource(colours, "RGB"))
    assert read.dtype == np.uint8
    assert read.shape == (5, 3, 8, 8)
    np.testing.assert_array_equal(read[3, 1], colours[3][..., 1])


def test_luminance_is_that_of_itu_r_601(colours: list[npt.NDArray[np.uint8]]) -> None:
    read = read_training_images(ListSource(colours, "RGB"), channels=1)
    expected = np.stack(colours) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(read[:, 0] - expected).max() <= 0.51


def test_bad_sets_are_named(colours: list[npt.NDArray[np.uint8]]) -> None:
    with pytest.raises(ImageSourceError, match="image-2 is 8×7 pixels, training needs 8×8"):
        read_training_images(ListSource([*colours[:2], colours[2][:7]], "RGB"))
    with pytest.raises(ImageSourceError, match="image-0 is 7×8 pixels"):
        read_training_images(ListSource([colours[0][:, :7]], "RGB"))
    with pytest.raises(ImageSourceError, match="list holds no images"):
        read_training_images(ListSource([], "RGB"))
    with pytest.raises(OptionError, match="channels is 2"):
        read_training_images(ListSource(colours, "RGB"), channels=2)
