"""Training images come from any source in one size and number of channels, and bad ones are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ganeval.errors import ImageSourceError, OptionError
from ganeval.generators.training.arrays import open_array
from ganeval.generators.training.images import HalvedPictures, SourcePictures, TrainingImages, read_all
from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource

Pixels = npt.NDArray[np.uint8]


class ListSource(ImageSource):
    name, kind = "list", "list"

    def __init__(self, images: Sequence[Pixels], mode: str) -> None:
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
def colours() -> list[Pixels]:
    return list(np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), dtype=np.uint8))


def read(images: Sequence[Pixels], mode: str, channels: int, size: tuple[int, int], resize: str = "none") -> Pixels:
    return read_all(TrainingImages(SourcePictures(ListSource(images, mode)), size, channels, resize))


def test_grey_images_come_through_unchanged() -> None:
    grey = np.arange(192, dtype=np.uint8).reshape(4, 8, 6)
    found = read([np.repeat(image[..., None], 3, axis=2) for image in grey], "L", 1, (8, 6))
    np.testing.assert_array_equal(found, grey[:, np.newaxis])


def test_colour_images(colours: list[Pixels]) -> None:
    found = read(colours, "RGB", 3, (8, 6))
    assert found.dtype == np.uint8
    assert found.shape == (5, 3, 8, 6)
    np.testing.assert_array_equal(found[3, 1], colours[3][..., 1])


def test_luminance_is_that_of_itu_r_601(colours: list[Pixels]) -> None:
    expected = np.stack(colours) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(read(colours, "RGB", 1, (8, 6))[:, 0] - expected).max() <= 0.51


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("L", 1), ("L;F", 1), ("1", 1), ("I;16", 1), ("LA;16", 1), ("RGB", 3), ("RGB;16", 3), ("P", 3), ("RGBA", 3)],
)
def test_channels_follow_the_first_image(colours: list[Pixels], mode: str, channels: int) -> None:
    assert SourcePictures(ListSource(colours, mode)).channels() == channels


def test_crop_takes_the_middle_and_squash_all() -> None:
    # Thirds of black, grey and white, side by side: a square of the middle is grey.
    wide = np.repeat(np.repeat(np.array([0, 100, 255], np.uint8), 8)[None, :, None], 8, axis=0).repeat(3, axis=2)
    np.testing.assert_array_equal(read([wide], "RGB", 1, (8, 8), "crop"), np.full((1, 1, 8, 8), 100))
    squashed = read([wide], "RGB", 1, (8, 12), "squash")[0, 0]
    assert squashed[:, :3].max() < 5
    assert squashed[:, 9:].min() > 250
    assert np.abs(squashed[:, 6].astype(int) - 100).max() < 5
    # Upright ones are cropped above and below.
    upright = read([wide.transpose(1, 0, 2)], "RGB", 1, (4, 4), "crop")
    np.testing.assert_allclose(upright, np.full((1, 1, 4, 4), 100), atol=10)


@pytest.mark.parametrize("resize", ["crop", "squash"])
def test_resizing_agrees_with_pillow(colours: list[Pixels], resize: str) -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    box = (0, 5, 30, 35) if resize == "crop" else None
    expected = Image.fromarray(image).resize((12, 12), Image.Resampling.LANCZOS, box=box)
    np.testing.assert_array_equal(read([image], "RGB", 3, (12, 12), resize)[0].transpose(1, 2, 0), np.asarray(expected))
    # An image of the right size isn't touched.
    np.testing.assert_array_equal(read(colours, "RGB", 3, (8, 6), resize), np.stack(colours).transpose(0, 3, 1, 2))


def test_halves(colours: list[Pixels]) -> None:
    pictures = SourcePictures(ListSource(colours, "RGB"))
    for right in (False, True):
        half = TrainingImages(HalvedPictures(pictures, right=right), (8, 3), 3)
        expected = colours[2][:, 3:] if right else colours[2][:, :3]
        np.testing.assert_array_equal(half.image(2), expected.transpose(2, 0, 1))
    odd = SourcePictures(ListSource([colours[0][:, :5]], "RGB"))
    with pytest.raises(ImageSourceError, match="image-0 is 5 pixels wide, which can't be halved"):
        HalvedPictures(odd, right=False).load(0, 3)


def test_bad_sets_are_named(colours: list[Pixels], tmp_path: Path) -> None:
    with pytest.raises(ImageSourceError, match="image-2 is 6×7 pixels, training needs 6×8"):
        read([*colours[:2], colours[2][:7]], "RGB", 3, (8, 6))
    with pytest.raises(ImageSourceError, match="list holds no images"):
        SourcePictures(ListSource([], "RGB"))
    with pytest.raises(OptionError, match="unknown way to resize 'croop'"):
        read(colours, "RGB", 3, (8, 6), "croop")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_of_other_channels(first: bool, suffix: str, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 6, 5), dtype=np.uint8)
    path, stored = tmp_path / f"x{suffix}", images.transpose(0, 3, 1, 2) if first else images
    if suffix == ".npy":
        np.save(path, stored)
    else:
        np.savez(path, stored, np.array([2, 0, 2]))
    pictures = open_array(str(path), 5)
    assert pictures is not None
    assert list(pictures.labels) == ([None] * 3 if suffix == ".npy" else [2, 0, 2])
    whole = TrainingImages(pictures, (8, 6), 5)
    np.testing.assert_array_equal(read_all(whole), images.transpose(0, 3, 1, 2))
    # Each channel is resized as an image of its own.
    small = TrainingImages(pictures, (4, 3), 5, "squash").image(1)
    plane = Image.fromarray(np.ascontiguousarray(images[1, ..., 4])).resize((3, 4), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(small[4], np.asarray(plane))


def test_bad_arrays_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8, 3), np.uint8))
    assert open_array(str(tmp_path / "x.npy"), 3) is None
    with pytest.raises(ImageSourceError, match=r"holds uint8 of shape \(2, 8, 8, 3\), not images of 4 channels"):
        open_array(str(tmp_path / "x.npy"), 4)
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 8, 8, 4), np.uint8), b=np.zeros((2, 8, 8, 4), np.uint8))
    with pytest.raises(ImageSourceError, match="holds no array of images"):
        open_array(str(tmp_path / "two.npz"), 4)
    np.savez(tmp_path / "labels.npz", np.zeros((2, 8, 8, 4), np.uint8), np.zeros(3, np.int64))
    with pytest.raises(ImageSourceError, match="2 images but 3 labels"):
        open_array(str(tmp_path / "labels.npz"), 4)
    (tmp_path / "broken.npz").write_bytes(b"PK")
    with pytest.raises(ImageSourceError, match=r"broken.npz can't be read"):
        open_array(str(tmp_path / "broken.npz"), 4)
    for data, channels in (("photos", 4), (str(tmp_path / "x.npy"), 0)):
        with pytest.raises(OptionError, match=f"channels is {channels}"):
            open_array(data, channels)
