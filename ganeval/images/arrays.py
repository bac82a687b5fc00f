"""Arrays of images, in memory or in an npz or npy file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ganeval.errors import ImageRangeError, ImageSourceError
from ganeval.images.digest import file_state, set_fingerprint
from ganeval.images.npz import BROKEN_NPZ, open_npy, open_npz_member, read_npz_headers
from ganeval.images.pixels import RangeRule, batch_channel_axis, image_from_array
from ganeval.images.source import DecodedImage, ImageItem, ImageSource, Label, SourceOptions
from ganeval.wording import counted


class ArraySource(ImageSource):
    """A batch of images, or of videos, as one array, which may be memory-mapped.

    Parameters
    ----------
    images
        [N, H, W, 3], [N, 3, H, W], [N, H, W, 1], [N, 1, H, W] or [N, H, W]; where both ends could be channels it is an
        error. With one more dimension, [N, T, 3, H, W] and so on (but never grey without an axis for it), N videos of
        T frames. uint8 0..255, uint16 0..65535, other integers 0..255, or floats in [0, 1] or [-1, 1].
    labels
        One an image (or one a video), or None.
    name, kind
        How the set is called, and what it is.
    options
        `value_range` is heeded.
    state
        What fingerprints the array (a file's state); None hashes its bytes.

    Raises
    ------
    ImageRangeError
        For shapes, types and values that can't be those of images.
    """

    def __init__(
        self,
        images: npt.NDArray[Any],
        labels: Sequence[Label] | None = None,
        *,
        name: str = "array",
        kind: str = "array",
        options: SourceOptions | None = None,
        state: str | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self._images = images
        self._state = state
        self._stem = Path(name).name
        self.in_clips = images.ndim == 5
        self._frames = images.shape[1] if self.in_clips else 1
        # The frames of one clip are a batch.
        batch = images.shape if not self.in_clips else images.shape[1:] if len(images) else (0, *images.shape[2:])
        self._axis = batch_channel_axis(batch, name)
        if labels is not None and len(labels) != len(images):
            things = "video" if self.in_clips else "image"
            raise ImageRangeError(f"{name} has {counted(images, things)} but {counted(labels, 'label')}")
        self._labels = labels
        rule = RangeRule((options or SourceOptions()).value_range)
        rule.check(images, name)
        self._floats = rule.floats

    def __iter__(self) -> Iterator[ImageItem]:
        return self.between(0, self.count)

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        return itertools.islice(
            self._items(start // self._frames), start % self._frames, start % self._frames + stop - start
        )

    def _items(self, first: int) -> Iterator[ImageItem]:
        """From the image or video of that number on."""
        digits = len(str(self._frames - 1))
        for index in range(first, len(self._images)):
            label = None if self._labels is None else self._labels[index]
            name = f"{self._stem}[{index}]"
            if not self.in_clips:
                yield ImageItem(name, partial(self._load, index), label)
                continue
            for frame in range(self._frames):
                yield ImageItem(f"{name}/{frame:0{digits}d}", partial(self._load, (index, frame)), label)

    @property
    def count(self) -> int:
        return len(self._images) * self._frames

    def fingerprint(self) -> str:
        about = f"{self._images.shape} {self._images.dtype.str} {self._axis} {self._floats} {self._stem}"
        labels = "" if self._labels is None else "\0".join(map(repr, self._labels))
        if self._state is not None:
            return set_fingerprint(self.kind, (about, labels, self._state))
        # Reads what lies in memory now: arrays can change between two runs.
        rows = (image.tobytes() for image in self._images)
        return set_fingerprint(self.kind, itertools.chain((about, labels), rows))

    def _load(self, index: int | tuple[int, int]) -> DecodedImage:
        axis = None if self._axis is None else self._axis - 1
        return image_from_array(self._images[index], axis, self._floats)


def open_npy_file(
    path: str | Path, options: SourceOptions | None = None, *, name: str | None = None, state: str | None = None
) -> ArraySource:
    """The images in a ``.npy`` file, memory-mapped; see `ArraySource` for the arrays that can be.

    `name` and `state` are those of the file that `path` is a copy of.
    """
    try:
        images = open_npy(Path(path))
    except (OSError, ValueError, EOFError) as error:
        raise _broken(path, error) from error
    state = file_state(path) if name is None else state
    return ArraySource(images, name=name or str(path), kind="npy", options=options, state=state)


def open_npz_file(
    path: str | Path, options: SourceOptions | None = None, *, name: str | None = None, state: str | None = None
) -> ArraySource:
    """The images in a ``.npz`` file, and their labels if it has them.

    Images are ``arr_0`` and labels ``arr_1`` (Dhariwal & Nichol 2021, the files of their evaluator). Without an
    ``arr_0``, the images are the one array of three to five dimensions, whatever its name, and more than one such is an
    error; the labels are then the array called ``labels``, ``label`` or ``y``. Arrays of Python objects are never read.
    An array stored without compression is memory-mapped, after its checksum was checked. `name` and `state` are those
    of the file that `path` is a copy of.
    """
    try:
        headers = read_npz_headers(Path(path))
        image_name = _image_array(path, {name: header.shape for name, header in headers.items()})
        label_name = _label_array(image_name, list(headers))
        images = open_npz_member(Path(path), headers[image_name])
        labels = None if label_name is None else open_npz_member(Path(path), headers[label_name])
    except BROKEN_NPZ as error:
        raise _broken(path, error) from error
    classes = None if labels is None else _classes(labels, len(images), f"{path}: {label_name}")
    state = file_state(path) if name is None else state
    whole = None if state is None else f"{state} {image_name} {label_name}"
    return ArraySource(images, classes, name=name or str(path), kind="npz", options=options, state=whole)


def labels_from_array(values: npt.NDArray[Any]) -> list[Label] | None:
    """One label an entry of a one-dimensional array [N] (or [N, 1]) of integers or text; None for anything else."""
    flat = values.reshape(len(values)) if values.ndim == 2 and values.shape[1] == 1 else values
    if flat.ndim != 1 or flat.dtype.kind not in "iuUb":
        return None
    return [str(label) if isinstance(label, str) else int(label) for label in flat.tolist()]


def _classes(values: npt.NDArray[Any], count: int, what: str) -> list[Label]:
    labels = labels_from_array(values)
    if labels is None or len(labels) != count:
        raise ImageSourceError(
            f"{what} has shape {values.shape} and type {values.dtype}; labels are {count} integers or words",
            hint="Write one label an image, or leave the array out.",
        )
    return labels


def _image_array(path: str | Path, shapes: dict[str, tuple[int, ...]]) -> str:
    if "arr_0" in shapes:
        return "arr_0"
    candidates = [name for name, shape in shapes.items() if len(shape) in (3, 4, 5)]
    if len(candidates) == 1:
        return candidates[0]
    listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "nothing"
    if {"mu", "sigma"} <= set(shapes):
        problem = "holds the statistics of features (mu, sigma), not images"
    elif candidates:
        problem = "holds several arrays that could be the images"
    else:
        problem = "holds no array of images"
    raise ImageSourceError(
        f"{path} {problem}; it has: {listed}",
        hint="Save the images as arr_0, uint8 [N, height, width, 3], and labels as arr_1.",
    )


def _label_array(image_name: str, names: list[str]) -> str | None:
    wanted = ("arr_1",) if image_name == "arr_0" else ("labels", "label", "y")
    return next((name for name in wanted if name in names), None)


def _broken(path: str | Path, error: Exception) -> ImageSourceError:
    if isinstance(error, OSError) and error.strerror:
        return ImageSourceError(f"{path}: can't be read: {error.strerror.lower()}")
    return ImageSourceError(f"{path}: not a NumPy file, or a broken one: {error}", hint="Save or download it again.")
