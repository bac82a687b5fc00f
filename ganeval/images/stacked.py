"""The named sets ``stacked:SET``: three grey images of a labelled set, one a channel, so that modes can be counted.

Metz et al. 2017 (section 3.3.1) stack digits of ten classes to images of 1,000 modes: enough to lose some.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.digest import pixel_digest, set_fingerprint
from ganeval.images.opening import open_source
from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource, SourceOptions

#: Stands between the three classes in a label: ``"3+7+1"`` is a 3 in red, a 7 in green and a 1 in blue.
SEPARATOR = "+"
CHANNELS = 3

# Raised whenever other images come to be stacked.
_VERSION = "1"


class StackedSource(ImageSource):
    """Images of three grey ones each, drawn at random with replacement.

    Parameters
    ----------
    source
        Labelled images of one size; colour becomes luminance.
    count
        How many; None for as many as `source` has.
    seed
        Of the drawing.

    Raises
    ------
    ImageSourceError
        If an image has no label, a label has a plus sign in it, or there is no image.
    """

    kind = "stacked set"
    exchangeable = True

    def __init__(self, source: ImageSource, *, count: int | None = None, seed: int = 0) -> None:
        self.name = f"stacked:{source.name}"
        self._source, self._seed = source, seed
        self._items = list(source)
        _check(source.name, self._items)
        self._count = len(self._items) if count is None else count
        # Drawn one stack after the other, so that a longer set begins with a shorter one.
        self._drawn = np.random.default_rng(seed).integers(len(self._items), size=(self._count, CHANNELS))

    def __iter__(self) -> Iterator[ImageItem]:
        return map(self._item, range(self._count))

    def in_order(self, positions: Sequence[int]) -> Iterator[ImageItem]:
        """The items at `positions`, in that order."""
        return map(self._item, positions)

    @property
    def count(self) -> int:
        """Number of images."""
        return self._count

    def fingerprint(self) -> str | None:
        """Of the other source, the seed and the number."""
        whole = self._source.fingerprint()
        if whole is None:
            return None
        return set_fingerprint("stacked", [_VERSION, str(self._seed), str(self._count), whole])

    def _item(self, position: int) -> ImageItem:
        chosen = [self._items[number] for number in self._drawn[position]]
        identifier = f"{self.name}[{position}]"
        label = SEPARATOR.join(str(item.label) for item in chosen)
        return ImageItem(identifier, partial(_load, identifier, chosen), label)


def open_stacked(argument: str, options: SourceOptions) -> ImageSource:
    """Stacks of another set's images: ``stacked:fashion-mnist``, ``stacked:digits``, ``stacked:fashion-mnist:train``.

    `options` holds for the other set too, but for `count` and `seed`: how many are stacked, and which.

    Raises
    ------
    ImageSourceError
        If no set is named, it can't be opened, or has no labels.
    """
    if not argument:
        raise ImageSourceError("stacks of no set of images", hint="Name one: stacked:fashion-mnist.")
    return StackedSource(open_source(argument, options), count=options.count, seed=options.seed)


def _check(name: str, items: Sequence[ImageItem]) -> None:
    if not items:
        raise ImageSourceError(f"{name} holds no image to stack")
    labels = {item.label for item in items}
    if None in labels:
        raise ImageSourceError(
            f"{name} can't be stacked: not every image has a class label",
            hint="Take labels from sub-folders with --labels folders.",
        )
    joined = sorted(str(label) for label in labels if SEPARATOR in str(label))
    if joined:
        raise ImageSourceError(
            f"{name} can't be stacked: its class {joined[0]!r} has a {SEPARATOR} in its name",
            hint="Rename the class: labels of stacks join three of them by that sign.",
        )


def _load(identifier: str, chosen: Sequence[ImageItem]) -> DecodedImage:
    planes = [_grey(item) for item in chosen]
    if any(plane.shape != planes[0].shape for plane in planes):
        sizes = ", ".join(f"{plane.shape[1]} x {plane.shape[0]}" for plane in planes)
        raise CorruptImageError([(identifier, f"the images to stack differ in size: {sizes}")])
    pixels = np.ascontiguousarray(np.stack(planes, axis=-1))
    height, width = planes[0].shape
    return DecodedImage(pixels, ImageInfo("array", "RGB", width, height, digest=pixel_digest(pixels)))


def _grey(item: ImageItem) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.fromarray(item.load().pixels).convert("L"))
