"""Sources from Python: tensors, lists, Datasets, DataLoaders, iterables and callables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from ganeval.errors import CorruptImageError, GanevalError, ImageRangeError, ImageSourceError
from ganeval.images.opening import open_source
from ganeval.images.source import ImageSource, SourceOptions

SYMMETRIC = SourceOptions(value_range=(-1.0, 1.0))


def pixels(source: ImageSource) -> npt.NDArray[np.uint8]:
    return np.stack([item.load().pixels for item in source])


def labels(source: ImageSource) -> list[object]:
    return [item.label for item in source]


@pytest.fixture
def batch(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    return rng.integers(0, 256, (10, 6, 7, 3), dtype=np.uint8)


@pytest.fixture
def tensor(batch: npt.NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(batch.transpose(0, 3, 1, 2).copy())


class Pictures(Dataset[Any]):
    """A map-style dataset over whatever it is given."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def test_tensors_of_all_types(tensor: torch.Tensor, batch: npt.NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(pixels(open_source(tensor)), batch)
    np.testing.assert_array_equal(pixels(open_source(tensor.permute(0, 2, 3, 1))), batch)
    unit = (tensor / 255).requires_grad_()
    np.testing.assert_array_equal(pixels(open_source(unit)), batch)
    np.testing.assert_array_equal(pixels(open_source(unit * 2 - 1)), batch)
    rough = pixels(open_source(unit.to(torch.bfloat16)))
    assert np.abs(rough.astype(int) - batch).max() <= 1
    grey = pixels(open_source(tensor[:, 0]))
    np.testing.assert_array_equal(grey, np.stack([batch[..., 0]] * 3, axis=3))
    assert open_source(tensor).fingerprint() == open_source(tensor.clone()).fingerprint()
    with pytest.raises(ImageRangeError, match="no axis"):
        open_source(torch.zeros(5, 4, 8, 8))


def test_lists_of_single_images(tensor: torch.Tensor, batch: npt.NDArray[np.uint8]) -> None:
    for images in (list(batch), list(tensor), [Image.fromarray(image) for image in batch]):
        source = open_source(images)
        np.testing.assert_array_equal(pixels(source), batch)
        assert source.count == 10
        assert source.fingerprint() == open_source(list(images)).fingerprint()
        assert source.fingerprint() != open_source(images[::-1]).fingerprint()


def test_lists_of_mixed_sizes_and_kinds() -> None:
    images = [Image.new("RGBA", (4, 5)), np.zeros((6, 7), np.uint8), torch.zeros(3, 8, 9)]
    sizes = [(i.load().info.height, i.load().info.width, i.load().info.mode) for i in open_source(images)]
    assert sizes == [(5, 4, "RGBA"), (6, 7, "L"), (8, 9, "RGB;F")]
    assert (next(iter(open_source(images))).load().pixels == 255).all()


def test_the_range_of_a_list_is_that_of_all_its_images(batch: npt.NDArray[np.uint8]) -> None:
    symmetric = [image / 127.5 - 1 for image in batch]
    bright = np.full((6, 7, 3), 1.0)
    for images in ([bright, *symmetric], [*symmetric, bright]):
        got = pixels(open_source(images))
        assert got[images.index(bright) if images[0] is bright else -1].min() == 255
    grey = np.zeros((6, 7, 3))
    assert (pixels(open_source([grey, *symmetric]))[0] == 128).all()


def test_bad_lists() -> None:
    with pytest.raises(ImageSourceError, match="no images"):
        open_source([])
    with pytest.raises(ImageSourceError, match="image 1 of the list is of type NoneType"):
        open_source([np.zeros((4, 4), np.uint8), None])
    with pytest.raises(ImageRangeError, match="no axis"):
        open_source([np.zeros((4, 4, 2), np.uint8)])


def test_a_tuple_of_images_and_labels(tensor: torch.Tensor) -> None:
    source = open_source((tensor, torch.arange(10)))
    assert labels(source) == list(range(10))
    assert source.fingerprint() is not None


def test_datasets(tensor: torch.Tensor, batch: npt.NDArray[np.uint8]) -> None:
    pictures = [Image.fromarray(image) for image in batch]
    for items, expected in (
        (pictures, [None] * 10),
        ([(picture, i) for i, picture in enumerate(pictures)], list(range(10))),
        ([(image, torch.tensor(i)) for i, image in enumerate(tensor)], list(range(10))),
        ([(image / 255, f"c{i}") for i, image in enumerate(tensor)], [f"c{i}" for i in range(10)]),
        ([{"image": image, "label": i} for i, image in enumerate(pictures)], list(range(10))),
        ([(image,) for image in tensor], [None] * 10),
        ([(image, torch.eye(4)[0]) for image in tensor], [None] * 10),
    ):
        source = open_source(Pictures(items))
        np.testing.assert_array_equal(pixels(source), batch)
        assert labels(source) == expected
        assert (source.count, source.fingerprint(), source.repeatable) == (10, None, True)
    assert [item.id for item in source][:2] == ["Pictures[0]", "Pictures[1]"]


def test_data_loaders(tensor: torch.Tensor, batch: npt.NDArray[np.uint8]) -> None:
    with_labels = TensorDataset(tensor, torch.arange(10))
    source = open_source(DataLoader(with_labels, batch_size=4))
    np.testing.assert_array_equal(pixels(source), batch)
    assert labels(source) == list(range(10))
    assert (source.count, source.fingerprint(), source.repeatable) == (10, None, True)
    bare = open_source(DataLoader(TensorDataset(tensor), batch_size=3, drop_last=True))
    np.testing.assert_array_equal(pixels(bare), batch[:9])
    assert bare.count == 9
    shuffled = open_source(DataLoader(with_labels, batch_size=4, shuffle=True))
    assert shuffled.repeatable is False
    assert sorted(labels(shuffled)) == list(range(10))
    with pytest.raises(ImageSourceError, match="only once"):
        list(shuffled)
    single = open_source(DataLoader(with_labels, batch_size=None))
    np.testing.assert_array_equal(pixels(single), batch)


def test_iterable_dataset(tensor: torch.Tensor, batch: npt.NDArray[np.uint8]) -> None:
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Iterator[Any]:
            return iter((image, i) for i, image in enumerate(tensor))

    for stream in (Stream(), DataLoader(Stream(), batch_size=4)):
        source = open_source(stream)
        assert source.count is None
        np.testing.assert_array_equal(pixels(source), batch)
        assert labels(source) == list(range(10))


def test_iterables_of_batches(tensor: torch.Tensor, batch: npt.NDArray[np.uint8]) -> None:
    source = open_source(tensor[i : i + 3] for i in range(0, 10, 3))
    assert (source.count, source.repeatable, source.fingerprint()) == (None, False, None)
    np.testing.assert_array_equal(pixels(source), batch)
    with pytest.raises(ImageSourceError, match="only once"):
        list(source)
    again = open_source([batch[:5], batch[5:]])
    np.testing.assert_array_equal(pixels(again), batch)
    np.testing.assert_array_equal(pixels(again), batch)
    pairs = open_source((batch[i : i + 5], [f"c{i}"] * 5) for i in (0, 5))
    assert labels(pairs) == ["c0"] * 5 + ["c5"] * 5


def test_a_buffer_that_is_used_again(batch: npt.NDArray[np.uint8]) -> None:
    def reused() -> Iterator[npt.NDArray[np.uint8]]:
        buffer = np.empty_like(batch[:5])
        for start in (0, 5):
            buffer[:] = batch[start : start + 5]
            yield buffer

    items = list(open_source(reused()))
    np.testing.assert_array_equal(np.stack([item.load().pixels for item in items]), batch)


def test_a_range_is_never_switched_silently() -> None:
    bright, mixed = torch.full((2, 3, 8, 8), 0.5), torch.full((2, 3, 8, 8), -0.5)
    with pytest.raises(ImageRangeError, match="value_range"):
        list(open_source(iter([bright, mixed])))
    declared = pixels(open_source(iter([bright, mixed]), SYMMETRIC))
    assert declared[0, 0, 0, 0] == round(0.75 * 255)
    assert declared[2, 0, 0, 0] == round(0.25 * 255)
    kept = pixels(open_source(iter([mixed, bright])))
    assert kept[2, 0, 0, 0] == round(0.75 * 255)
    with pytest.raises(ImageRangeError, match="from 3 to 3"):
        list(open_source(iter([bright, bright * 6])))
    with pytest.raises(ImageRangeError, match="NaN"):
        list(open_source(iter([bright * float("nan")])))


def test_wrong_channels_in_a_stream() -> None:
    for channels in (2, 4):
        with pytest.raises(ImageRangeError, match="no axis"):
            list(open_source(iter([torch.zeros(2, channels, 8, 8)])))
    with pytest.raises(ImageSourceError, match="no image"):
        list(open_source(iter(["text"])))
    with pytest.raises(ImageSourceError, match="2 images came with 3 labels"):
        list(open_source(iter([(torch.zeros(2, 3, 8, 8), [1, 2, 3])])))


def test_callables() -> None:
    asked = []

    def draw(n: int) -> torch.Tensor:
        asked.append(n)
        return torch.full((n, 3, 8, 8), 0.25)

    source = open_source(draw, SourceOptions(count=100))
    assert (source.count, source.name, source.fingerprint()) == (100, "draw", None)
    assert pixels(source).shape == (100, 8, 8, 3)
    assert sum(asked) == 100
    endless = open_source(lambda: torch.zeros(7, 3, 8, 8), SourceOptions(count=20))
    assert pixels(endless).shape == (20, 8, 8, 3)
    conditional = open_source(lambda n: (torch.zeros(n, 3, 8, 8), torch.arange(n)), SourceOptions(count=5))
    assert labels(conditional) == [0, 1, 2, 3, 4]
    with pytest.raises(ImageSourceError, match="how many images"):
        open_source(draw)
    with pytest.raises(ImageSourceError, match="returned no images after 0 of 3"):
        list(open_source(lambda n: torch.zeros(0, 3, 8, 8), SourceOptions(count=3)))


def test_things_that_are_no_images() -> None:
    for thing in (7, None, {"images": 1}):
        with pytest.raises(GanevalError, match="can't be opened as a set of images"):
            open_source(thing)
    with pytest.raises(ImageSourceError, match="is empty"):
        open_source(Pictures([]))


def test_a_source_is_passed_through(tensor: torch.Tensor) -> None:
    source = open_source(tensor)
    assert open_source(source) is source


def test_corrupt_pillow_image_in_a_dataset(tmp_path: Any) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    (item,) = open_source(Pictures([Image.open(path)]))
    with pytest.raises(CorruptImageError, match="truncated"):
        item.load()
