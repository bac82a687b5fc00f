"""Images from Python: tensors, arrays, lists, Datasets, DataLoaders, iterables of batches, and callables."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, SequentialSampler

from ganeval.errors import ImageSourceError
from ganeval.images.arrays import ArraySource
from ganeval.images.decode import decode_pillow
from ganeval.images.digest import set_fingerprint
from ganeval.images.listing import ListedSource
from ganeval.images.pixels import RangeRule, batch_channel_axis, channel_axis, image_from_array
from ganeval.images.source import DecodedImage, ImageItem, ImageSource, Label, SourceOptions
from ganeval.images.unpacking import as_array, is_array, unpack

# A callable that takes a number is asked for this many images at a time.
_DRAWN_AT_ONCE = 64


class ImageListSource(ImageSource):
    """A list of single images, of one size or many: arrays, tensors or Pillow images.

    The range of float values is decided over the whole list, and the fingerprint hashes the images themselves.
    """

    kind = "list"

    def __init__(self, images: Sequence[Any], options: SourceOptions | None = None) -> None:
        self.name = "list"
        self._images = [_single(image, f"image {i} of the list") for i, image in enumerate(images)]
        rule = RangeRule((options or SourceOptions()).value_range)
        arrays = [image for image in self._images if isinstance(image, np.ndarray)]
        # The most negative image first, so that the range doesn't hang on the order of the list.
        for image in sorted(arrays, key=_lowest_float):
            rule.check(image, "an image of the list")
        self._floats = rule.floats

    def __iter__(self) -> Iterator[ImageItem]:
        for index, image in enumerate(self._images):
            name = f"{self.name}[{index}]"
            yield ImageItem(name, partial(_decode, image, name, self._floats))

    @property
    def count(self) -> int:
        return len(self._images)

    def fingerprint(self) -> str:
        return set_fingerprint(self.kind, (str(self._floats), *map(_content, self._images)))


class StreamSource(ImageSource):
    """Images that come one after the other, singly or in batches, with or without labels.

    Each element is a batch of four dimensions, a single image of two or three (or Pillow's), a list of single images,
    a pair of images and labels, or a mapping with the images under ``image``, ``images`` or ``pixel_values``. The
    elements are fetched in the thread that iterates, since neither Datasets nor generators need be safe in several;
    conversion and digests are left to `ImageItem.load`.

    Without a declared `value_range` the first floats decide: [-1, 1] if there is a negative one among them, else
    [0, 1]; later ones that don't fit are an `ImageRangeError`. Such a set has no fingerprint.

    Parameters
    ----------
    elements
        Called for each pass; gives an iterator over the elements.
    name, kind
        How the set is called, and what it is.
    options
        `value_range` is heeded.
    count
        Number of images, None if unknown. Never more than this are taken.
    repeatable
        Whether a second pass gives the same again.
    exchangeable
        Whether the order means nothing.
    """

    random_access = False

    def __init__(
        self,
        elements: Callable[[], Iterator[Any]],
        *,
        name: str,
        kind: str,
        options: SourceOptions | None = None,
        count: int | None = None,
        repeatable: bool = True,
        exchangeable: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.repeatable = repeatable
        self.exchangeable = exchangeable
        self._elements = elements
        self._declared = (options or SourceOptions()).value_range
        self._count = count
        self._passes = 0

    def __iter__(self) -> Iterator[ImageItem]:
        if self._passes and not self.repeatable:
            raise ImageSourceError(
                f"{self.name} can be read only once, and has been",
                hint="Collect its images in a list or an array to use them again.",
            )
        self._passes += 1
        rule = RangeRule(self._declared)
        index = 0
        for element in self._elements():
            for image, label in _images_of(element, rule, f"{self.kind} from image {index}"):
                name = f"{self.name}[{index}]"
                yield ImageItem(name, partial(_decode, image, name, rule.floats), label)
                index += 1
                if index == self._count:
                    return

    @property
    def count(self) -> int | None:
        return self._count

    def fingerprint(self) -> None:
        return None


class DatasetSource(StreamSource):
    """A torch Dataset with a length, whose images are fetched by index.

    Parameters
    ----------
    dataset
        Gives at each index an element as `StreamSource` takes them, one image each.
    count
        Its length.
    options
        `value_range` is heeded.
    """

    random_access = True

    def __init__(self, dataset: Dataset[Any], count: int, options: SourceOptions) -> None:
        def elements() -> Iterator[Any]:
            return (dataset[index] for index in range(count))

        super().__init__(elements, name=type(dataset).__name__, kind="dataset", options=options, count=count)
        self._dataset, self._dataset_length = dataset, count

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        return self.in_order(range(self._dataset_length)[start:stop])

    def in_order(self, positions: Sequence[int]) -> Iterator[ImageItem]:
        rule = RangeRule(self._declared)
        for position in positions:
            name = f"{self.name}[{position}]"
            for image, label in _images_of(self._dataset[position], rule, f"{self.kind} image {position}"):
                yield ImageItem(name, partial(_decode, image, name, rule.floats), label)


def open_tensor(images: torch.Tensor, options: SourceOptions) -> ImageSource:
    """A tensor of images [N, 3, H, W], [N, 1, H, W], [N, H, W] or channels last, or of videos [N, T, 3, H, W]."""
    return ArraySource(as_array(images), name="tensor", kind="tensor", options=options)


def open_array(images: npt.NDArray[Any], options: SourceOptions) -> ImageSource:
    """An array of images, see `ArraySource`."""
    return ArraySource(as_array(images), name="array", kind="array", options=options)


def open_sequence(images: Sequence[Any], options: SourceOptions) -> ImageSource:
    """A list of paths, single images, batches or pairs with labels; or one pair, a tuple, of a batch and its labels."""
    if not images:
        raise ImageSourceError("the list holds no images", hint="Give at least one image.")
    first = images[0]
    if isinstance(images, tuple) and len(images) == 2 and is_array(first) and first.ndim in (4, 5):
        batch, labels = unpack(images)
        return ArraySource(as_array(batch), labels, name="array", kind="array", options=options)
    if isinstance(first, str | os.PathLike):
        return ListedSource("list", [os.fspath(path) for path in images], Path.cwd(), options)
    if isinstance(first, Image.Image) or (is_array(first) and first.ndim < 4):
        return ImageListSource(images, options)
    return StreamSource(lambda: iter(images), name="list", kind="list", options=options)


def open_dataset(dataset: Dataset[Any], options: SourceOptions) -> ImageSource:
    """A torch Dataset of images or (image, label) pairs, in order of index; images are tensors, arrays or Pillow's."""
    name = type(dataset).__name__
    if isinstance(dataset, IterableDataset):
        return StreamSource(lambda: iter(dataset), name=name, kind="dataset", options=options)
    count = _length(dataset)
    if count is None:
        raise ImageSourceError(f"the dataset {name} has no length", hint="Give it __len__, or pass a DataLoader.")
    if count == 0:
        raise ImageSourceError(f"the dataset {name} is empty")
    return DatasetSource(dataset, count, options)


def open_loader(loader: DataLoader[Any], options: SourceOptions) -> ImageSource:
    """A torch DataLoader whose batches are images or (images, labels), in the order in which it gives them."""
    return StreamSource(
        lambda: iter(loader),
        name=f"DataLoader({type(loader.dataset).__name__})",
        kind="dataloader",
        options=options,
        count=_images_in_loader(loader),
        # A shuffled loader gives another order each time.
        repeatable=isinstance(loader.sampler, SequentialSampler) or isinstance(loader.dataset, IterableDataset),
    )


def open_iterable(batches: Iterable[Any], options: SourceOptions) -> ImageSource:
    """Any iterable of batches or of single images."""
    return StreamSource(
        lambda: iter(batches),
        name=type(batches).__name__,
        kind="iterable",
        options=options,
        count=None,
        repeatable=not isinstance(batches, Iterator),
    )


def open_callable(draw: Callable[..., Any], options: SourceOptions) -> ImageSource:
    """A function that draws images: ``draw(n)`` gives a batch of n, ``draw()`` a batch of its own size.

    `options.count` says how many images to take. What the function returns beyond that is dropped.
    """
    name = getattr(draw, "__name__", type(draw).__name__)
    count = options.count
    if count is None or count < 1:
        raise ImageSourceError(
            f"the callable {name} has no end: how many images to draw must be said", hint="Pass count, such as 2000."
        )
    numbered = takes_number(draw)

    def elements() -> Iterator[Any]:
        drawn = 0
        while drawn < count:
            batch = draw(min(_DRAWN_AT_ONCE, count - drawn)) if numbered else draw()
            images, labels = unpack(batch)
            size = len(images) if isinstance(images, list) or (is_array(images) and images.ndim == 4) else 1
            if size == 0:
                raise ImageSourceError(f"the callable {name} returned no images after {drawn} of {count}")
            drawn += size
            yield images if labels is None else (images, labels)

    return StreamSource(
        elements, name=name, kind="callable", options=options, count=count, repeatable=False, exchangeable=True
    )


#: What Python objects can be images, tested in this order, and what opens them.
OPENERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, SourceOptions], ImageSource]], ...] = (
    (lambda thing: isinstance(thing, torch.Tensor), open_tensor),
    (lambda thing: isinstance(thing, np.ndarray), open_array),
    (lambda thing: isinstance(thing, DataLoader), open_loader),
    (lambda thing: isinstance(thing, Dataset), open_dataset),
    (lambda thing: isinstance(thing, list | tuple), open_sequence),
    (lambda thing: isinstance(thing, Iterable) and not isinstance(thing, Mapping | str | bytes), open_iterable),
    (callable, open_callable),
)


def _single(image: Any, what: str) -> Image.Image | npt.NDArray[Any]:
    if isinstance(image, Image.Image):
        return image
    if not is_array(image):
        raise ImageSourceError(
            f"{what} is of type {type(image).__name__}, which is no image",
            hint="Use torch tensors, NumPy arrays or Pillow images.",
        )
    values = as_array(image)
    channel_axis(values.shape, what)
    return values


def _lowest_float(values: npt.NDArray[Any]) -> float:
    return float(values.min()) if values.dtype.kind == "f" else 0.0


def _images_of(element: Any, rule: RangeRule, what: str) -> Iterator[tuple[Image.Image | npt.NDArray[Any], Label]]:
    images, labels = unpack(element)
    if is_array(images) and images.ndim == 4:
        batch = as_array(images)
        axis = batch_channel_axis(batch.shape, what)
        rule.check(batch, what)
        # A copy, for whoever gives the batches may use the same memory for the next one.
        singles: Sequence[Any] = list(np.moveaxis(batch, 3 if axis is None else axis, 3).copy())
    else:
        singles = [_single(image, what) for image in (images if isinstance(images, list) else [images])]
        for image in singles:
            if isinstance(image, np.ndarray):
                rule.check(image, what)
    for index, image in enumerate(singles):
        yield image, None if labels is None else labels[index]


def _decode(image: Image.Image | npt.NDArray[Any], name: str, floats: tuple[float, float]) -> DecodedImage:
    if isinstance(image, Image.Image):
        return decode_pillow(image, name)
    return image_from_array(image, channel_axis(image.shape, name), floats)


def _content(image: Image.Image | npt.NDArray[Any]) -> bytes:
    if isinstance(image, Image.Image):
        return decode_pillow(image, "image").info.digest
    return f"{image.shape} {image.dtype.str} ".encode() + image.tobytes()


def _length(sized: Any) -> int | None:
    try:
        return len(sized)
    except (TypeError, NotImplementedError):
        return None


def _images_in_loader(loader: DataLoader[Any]) -> int | None:
    if isinstance(loader.dataset, IterableDataset):
        return None
    # batch_size is None both without batching and with a batch sampler of the user's own.
    if loader.batch_size is None and loader.batch_sampler is not None:
        return None
    count = _length(loader.sampler)
    if count is None or not loader.drop_last or loader.batch_size is None:
        return count
    return count // loader.batch_size * loader.batch_size


def takes_number(draw: Callable[..., Any]) -> bool:
    """Whether a function that draws images wants to be told how many."""
    try:
        parameters = inspect.signature(draw).parameters.values()
    except (TypeError, ValueError):
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(
        parameter.kind in positional or parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters
    )
