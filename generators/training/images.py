"""The images a model is trained on: those of any source, by number, brought to one size and number of channels."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.generators.training.resizing import RESIZES, check_resize
from ganeval.images.digest import set_fingerprint
from ganeval.images.source import ImageSource, Label
from ganeval.progress import Progress, SilentProgress

Pixels = npt.NDArray[np.uint8]

#: Modes, without what follows a semicolon, of images that are stored in grey.
_GREY_MODES = frozenset({"1", "L", "LA", "I", "F"})
#: Runs of images that are decoded ahead of the one that is waited for.
_AHEAD = 16
#: Images that a thread decodes one after the other, and pixels of them at most.
_LONGEST_RUN, _PIXELS_IN_RUN = 64, 1 << 18


class Pictures(Protocol):
    """Images of any sizes, by number, before they are brought to one size."""

    @property
    def name(self) -> str:
        """How messages call the set."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """What each is called; there are as many as images."""
        ...

    @property
    def labels(self) -> Sequence[Label]:
        """The class of each, None where it isn't known."""
        ...

    def channels(self) -> int:
        """How many channels the first has as it is stored."""
        ...

    def load(self, number: int, channels: int) -> Pixels:
        """One image, uint8 [height, width, channels]; may be called from any thread.

        Raises
        ------
        ImageSourceError
            If it can't be decoded.
        """
        ...

    def load_many(self, numbers: Iterable[int], channels: int) -> Iterator[Pixels]:
        """What `load` gives for each number, in order; faster where several images can be made together."""
        ...

    def fingerprint(self) -> str | None:
        """Changes whenever an image may have changed; None if that can't be told."""
        ...


class SourcePictures:
    """The images of an image source, in grey or colour.

    Parameters
    ----------
    source
        Whose images are decoded on demand.

    Raises
    ------
    ImageSourceError
        If there is no image.
    """

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self._items = list(source)
        self.name = source.name
        self.ids = [item.id for item in self._items]
        self.labels = [item.label for item in self._items]
        if not self._items:
            raise ImageSourceError(f"{source.name} holds no images to train on")

    def channels(self) -> int:
        """1 where the first image is stored in grey, else 3."""
        mode = self._items[0].load().info.mode
        return 1 if mode.partition(";")[0] in _GREY_MODES else 3

    def load(self, number: int, channels: int) -> Pixels:
        """Luminance (ITU-R 601) for 1 channel, RGB for 3."""
        return next(self.load_many([number], channels))

    def load_many(self, numbers: Iterable[int], channels: int) -> Iterator[Pixels]:
        """As `load`."""
        try:
            for image in self._source.load_many(self._items[number] for number in numbers):
                pixels = image.pixels
                yield pixels if channels == 3 else np.asarray(Image.fromarray(pixels).convert("L"))[..., np.newaxis]
        except CorruptImageError as error:
            which, reason = error.failures[0]
            raise ImageSourceError(
                f"a training image can't be decoded: {which}: {reason}", hint="Repair it, or take it out of the set."
            ) from error

    def fingerprint(self) -> str | None:
        """The source's."""
        return self._source.fingerprint()


class ChosenPictures:
    """Some of the images of another set, in an order of their own.

    Parameters
    ----------
    pictures
        The other set.
    rows
        Numbers in it.
    """

    def __init__(self, pictures: Pictures, rows: Sequence[int]) -> None:
        self._pictures, self._rows = pictures, rows
        self.name = pictures.name
        self.ids = [pictures.ids[row] for row in rows]
        self.labels = [pictures.labels[row] for row in rows]

    def channels(self) -> int:
        """Of the other set's first image."""
        return self._pictures.channels()

    def load(self, number: int, channels: int) -> Pixels:
        """The image as the other set has it."""
        return self._pictures.load(self._rows[number], channels)

    def load_many(self, numbers: Iterable[int], channels: int) -> Iterator[Pixels]:
        """The images as the other set has them."""
        return self._pictures.load_many((self._rows[number] for number in numbers), channels)

    def fingerprint(self) -> str | None:
        """Of the other set and the choice."""
        whole = self._pictures.fingerprint()
        return None if whole is None else set_fingerprint("chosen", [whole, *map(str, self._rows)])


class HalvedPictures:
    """The left or right halves of images that show two things side by side.

    Parameters
    ----------
    pictures
        The whole images, each of an even width.
    right
        Whether the right halves are meant.
    """

    def __init__(self, pictures: Pictures, *, right: bool) -> None:
        self._pictures, self._right = pictures, right
        self.name, self.ids, self.labels = pictures.name, pictures.ids, pictures.labels

    def channels(self) -> int:
        """Of the whole images."""
        return self._pictures.channels()

    def load(self, number: int, channels: int) -> Pixels:
        """The half, uint8 [height, width / 2, channels]."""
        return self._half(number, self._pictures.load(number, channels))

    def load_many(self, numbers: Iterable[int], channels: int) -> Iterator[Pixels]:
        """The halves."""
        chosen = list(numbers)
        wholes = self._pictures.load_many(chosen, channels)
        return (self._half(number, whole) for number, whole in zip(chosen, wholes, strict=True))

    def _half(self, number: int, whole: Pixels) -> Pixels:
        width = whole.shape[1]
        if width % 2:
            raise ImageSourceError(
                f"{self.ids[number]} is {width} pixels wide, which can't be halved into two images side by side",
                hint="Each image has to hold both images of its pair, of the same width.",
            )
        return whole[:, width // 2 :] if self._right else whole[:, : width // 2]

    def fingerprint(self) -> str | None:
        """Of the whole images and the side."""
        whole = self._pictures.fingerprint()
        return None if whole is None else set_fingerprint("halved", [whole, str(self._right)])


@dataclass(frozen=True)
class TrainingImages:
    """Images of one size and number of channels, by number.

    Parameters
    ----------
    pictures
        Of any sizes.
    size
        Height and width.
    channels
        1 (luminance), 3 (RGB), or as many as an array has.
    resize
        ``"crop"`` scales the largest middle part of the right proportions, ``"squash"`` all of the image, and
        ``"none"`` takes images of the right size only.

    Raises
    ------
    OptionError
        If there is no such way to resize.
    """

    pictures: Pictures
    size: tuple[int, int]
    channels: int
    resize: str = "none"

    def __post_init__(self) -> None:
        check_resize(self.resize)

    def __len__(self) -> int:
        return len(self.pictures.ids)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return (self.channels, *self.size)

    @property
    def nbytes(self) -> int:
        """Bytes of all images, decoded."""
        return len(self) * self.channels * self.size[0] * self.size[1]

    def image(self, number: int) -> Pixels:
        """One image, uint8 [channels, height, width]; may be called from any thread.

        Raises
        ------
        ImageSourceError
            If it can't be decoded, or has another size and isn't to be resized.
        """
        return self._fitted(number, self.pictures.load(number, self.channels))

    def images(self, numbers: Sequence[int]) -> list[Pixels]:
        """Several of them; raises as `image` does."""
        loaded = self.pictures.load_many(numbers, self.channels)
        return [self._fitted(number, pixels) for number, pixels in zip(numbers, loaded, strict=True)]

    def _fitted(self, number: int, pixels: Pixels) -> Pixels:
        if pixels.shape[:2] != self.size:
            resized = RESIZES[self.resize]
            if resized is None:
                (height, width), (high, wide) = self.size, pixels.shape[:2]
                raise ImageSourceError(
                    f"{self.pictures.ids[number]} is {wide}×{high} pixels, training needs {width}×{height} throughout",
                    hint="Let --resize crop or --resize squash bring all images to one size.",
                )
            pixels = resized(pixels, self.size)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def fingerprint(self) -> str | None:
        """Of the pictures and what is done to them; None if that can't be told."""
        pictures = self.pictures.fingerprint()
        return None if pictures is None else set_fingerprint("training", [pictures, f"{self.shape} {self.resize}"])


def read_all(images: TrainingImages, progress: Progress | None = None) -> Pixels:
    """All images, uint8 [N, channels, height, width], decoded in threads.

    Raises
    ------
    ImageSourceError
        As `TrainingImages.image`.
    """
    read = np.empty((len(images), *images.shape), np.uint8)
    task = (progress or SilentProgress()).start(f"reading {images.pictures.name}", len(images))
    try:
        done = 0
        for run in _in_threads(images):
            read[done : done + len(run)] = run
            done += len(run)
            task.advance(len(run))
    finally:
        task.finish()
    return read


def decoding_threads() -> int:
    """How many threads decode: one a core, and not more than 8."""
    return min(8, os.cpu_count() or 1)


def _in_threads(images: TrainingImages) -> Iterator[list[Pixels]]:
    """Runs of images, in order."""
    height, width = images.size
    # So long that handing a run over costs little, and so short that only megabytes are waiting.
    length = max(1, min(_LONGEST_RUN, _PIXELS_IN_RUN // (height * width)))
    runs = [range(start, min(start + length, len(images))) for start in range(0, len(images), length)]
    waiting: deque[Future[list[Pixels]]] = deque()
    with ThreadPoolExecutor(decoding_threads()) as threads:
        try:
            for run in runs:
                waiting.append(threads.submit(images.images, run))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
