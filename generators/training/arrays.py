"""Training images of other numbers of channels than 1 and 3, which come in .npy and .npz files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import ImageSourceError, OptionError
from ganeval.generators.training.images import Pixels
from ganeval.images.arrays import labels_from_array
from ganeval.images.digest import file_state, set_fingerprint
from ganeval.images.npz import open_npy, open_npz_member, read_npz_headers
from ganeval.images.source import Label

#: What image sources deal in.
_USUAL = (1, 3)
_SUFFIXES = (".npy", ".npz")


class ArrayPictures:
    """An array of images with any number of channels.

    Parameters
    ----------
    images
        uint8 [N, H, W, C] or [N, C, H, W].
    channels
        C; where both ends of the shape have that length, the last one is meant.
    name
        How messages call it.
    labels
        One an image, or None.
    state
        What its fingerprint is made of.

    Raises
    ------
    ImageSourceError
        If the array isn't of that type or shape.
    """

    def __init__(
        self, images: npt.NDArray[Any], channels: int, name: str, labels: Sequence[Label] | None, state: str
    ) -> None:
        if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or channels not in images.shape[1::2]:
            raise ImageSourceError(
                f"{name} holds {images.dtype} of shape {images.shape}, not images of {channels} channels",
                hint=f"They have to be uint8 [N, height, width, {channels}] or [N, {channels}, height, width].",
            )
        self._last = images.shape[3] == channels
        self._images, self._channels, self._state = images, channels, state
        self.name = name
        self.ids = [f"{Path(name).name}[{number}]" for number in range(len(images))]
        self.labels: Sequence[Label] = [None] * len(images) if labels is None else labels

    def channels(self) -> int:
        """C."""
        return self._channels

    def load(self, number: int, channels: int) -> Pixels:
        """The image, uint8 [H, W, C]."""
        image = np.asarray(self._images[number])
        return image if self._last else image.transpose(1, 2, 0)

    def load_many(self, numbers: Iterable[int], channels: int) -> Iterator[Pixels]:
        """As `load`."""
        return (self.load(number, channels) for number in numbers)

    def fingerprint(self) -> str:
        """Of the file's state."""
        return set_fingerprint("array", [self.name, self._state, f"{self._images.shape} {self._last}"])


def open_array(data: str, channels: int | None) -> ArrayPictures | None:
    """The images of a file whose number of channels is asked for and isn't that of other sources; None for those.

    The images are ``arr_0`` of a .npz, or its only array of four dimensions; labels are ``arr_1``, or ``labels``.

    Raises
    ------
    OptionError
        If `data` is no such file, or `channels` below 1.
    ImageSourceError
        If the file can't be read or holds no such images.
    """
    if channels is None or channels in _USUAL:
        return None
    path = Path(data).expanduser()
    if channels < 1 or path.suffix.lower() not in _SUFFIXES:
        raise OptionError(
            f"channels is {channels}",
            hint="Choose 1 for greyscale or 3 for RGB; other numbers only .npy and .npz files can have.",
        )
    try:
        if path.suffix.lower() == ".npy":
            return ArrayPictures(open_npy(path), channels, data, None, file_state(path))
        headers = read_npz_headers(path)
        candidates = [name for name, header in headers.items() if len(header.shape) == 4]
        name = "arr_0" if "arr_0" in headers else candidates[0] if len(candidates) == 1 else None
        if name is None:
            raise ImageSourceError(f"{data} holds no array of images", hint="Save them as arr_0, and labels as arr_1.")
        classes = next((known for known in ("arr_1", "labels", "label", "y") if known in headers), None)
        labels = None if classes is None else labels_from_array(open_npz_member(path, headers[classes]))
        images = open_npz_member(path, headers[name])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ImageSourceError(f"{data} can't be read: {error}") from error
    if labels is not None and len(labels) != len(images):
        raise ImageSourceError(f"{data} has {len(images)} images but {len(labels)} labels")
    return ArrayPictures(images, channels, data, labels, file_state(path))
