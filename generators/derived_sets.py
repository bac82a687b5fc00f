"""Sets of images that are computed from others, so that translators have two sides to learn from and hidden pairs to
be measured on: ``edges:SET`` and ``inverted-texture:SET``, whose images have the names of those they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.errors import ImageSourceError
from ganeval.images.depth import grey_to_rgb
from ganeval.images.digest import pixel_digest, set_fingerprint
from ganeval.images.opening import open_source
from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource, SourceOptions

Grey = npt.NDArray[np.uint8]
# Wide enough: squared gradients of 8-bit images are below 2**30.
Integers = npt.NDArray[np.int32]
T = TypeVar("T", bound=np.generic)

# Raised whenever one of the functions below comes to give other images.
_VERSION = 1
# Contrasts in grey levels: a step of the first begins an edge, and one of the second goes on with it.
_BEGINS, _GOES_ON = 60, 24
# A step of one level, smoothed by 1-2-1 in both directions without dividing by 16, in a Sobel filter.
_SOBEL_OF_A_STEP = 3 * 16
# tan 22.5°, between the directions to the sides and to the corners.
_TANGENT = (4142, 10_000)
# Pixels of images that are computed together: more don't fit into a processor's cache, and take longer.
_TOGETHER = 1 << 16
# Levels up to this are background.
_BACKGROUND = 8


class DerivedSource(ImageSource):
    """Grey images, each computed from one of another source.

    Parameters
    ----------
    source
        The other source.
    kind
        What they are.
    compute
        From luminance, uint8 [..., height, width], to uint8 of the same shape, each image by itself.
    """

    def __init__(self, source: ImageSource, kind: str, compute: Callable[[Grey], Grey]) -> None:
        self.kind, self.name = kind, f"{kind}:{source.name}"
        self._source, self._compute = source, compute
        self.repeatable, self.exchangeable = source.repeatable, source.exchangeable
        self.random_access, self.in_clips = source.random_access, source.in_clips

    def __iter__(self) -> Iterator[ImageItem]:
        return (self._derived(item) for item in self._source)

    def in_order(self, positions: Sequence[int]) -> Iterator[ImageItem]:
        """The items at `positions`, in that order."""
        return (self._derived(item) for item in self._source.in_order(positions))

    @property
    def count(self) -> int | None:
        """Number of images."""
        return self._source.count

    def fingerprint(self) -> str | None:
        """Of the other source and the computation."""
        whole = self._source.fingerprint()
        return None if whole is None else set_fingerprint("derived", [self.kind, str(_VERSION), whole])

    def _derived(self, item: ImageItem) -> ImageItem:
        return ImageItem(item.id, _Computed(item, self._compute), item.label)

    def load_many(self, items: Iterable[ImageItem]) -> Iterator[DecodedImage]:
        """What each of this source's items loads, in order; small images of one size are computed together."""
        waiting: list[Grey] = []
        for item in items:
            grey = _grey(cast(_Computed, item.load).origin)
            if waiting and (grey.shape != waiting[0].shape or grey.size * (len(waiting) + 1) > _TOGETHER):
                yield from map(_decoded, self._compute(np.stack(waiting)))
                waiting = []
            waiting.append(grey)
        if waiting:
            yield from map(_decoded, self._compute(np.stack(waiting)))


@dataclass(frozen=True)
class _Computed:
    """Loads an image that is computed from another."""

    origin: ImageItem
    compute: Callable[[Grey], Grey]

    def __call__(self) -> DecodedImage:
        return _decoded(self.compute(_grey(self.origin)))


def _grey(item: ImageItem) -> Grey:
    return np.asarray(Image.fromarray(item.load().pixels).convert("L"))


def _decoded(grey: Grey) -> DecodedImage:
    pixels = grey_to_rgb(grey)
    height, width = grey.shape
    return DecodedImage(pixels, ImageInfo("array", "L", width, height, digest=pixel_digest(pixels)))


def open_edges(argument: str, options: SourceOptions) -> ImageSource:
    """The edges of another set's images: ``edges:photos/``; see `edges`.

    Raises
    ------
    ImageSourceError
        If no set is named, or it can't be opened.
    """
    return _opened("edges", argument, options, edges)


def open_inverted_texture(argument: str, options: SourceOptions) -> ImageSource:
    """Another set's images, inverted and woven: ``inverted-texture:fashion-mnist``; see `inverted_texture`.

    Raises
    ------
    ImageSourceError
        If no set is named, or it can't be opened.
    """
    return _opened("inverted-texture", argument, options, inverted_texture)


def open_fashion_mnist_edges(argument: str, options: SourceOptions) -> ImageSource:
    """``fashion-mnist-edges:PART`` is ``edges:fashion-mnist:PART``; without a part, the test images' edges."""
    return open_edges(_fashion_mnist(argument), options)


def open_fashion_mnist_inverted(argument: str, options: SourceOptions) -> ImageSource:
    """``fashion-mnist-inverted:PART`` is ``inverted-texture:fashion-mnist:PART``; without a part, the test images'."""
    return open_inverted_texture(_fashion_mnist(argument), options)


def edges(grey: Grey) -> Grey:
    """White lines of one pixel on black where brightness changes (after Canny 1986), in whole numbers throughout.

    Smoothing by 1-2-1, Sobel gradients, suppression of what isn't the largest across the edge, and edges that go on
    where a lower contrast touches a higher one.

    Parameters
    ----------
    grey
        uint8 [..., height, width]; each image by itself.

    Returns
    -------
    ndarray
        uint8 of the same shape, 0 or 255.
    """
    smooth = _smoothed(_smoothed(grey.astype(np.int32), -2), -1)
    down, across = _smoothed(_differences(smooth, -2), -1), _smoothed(_differences(smooth, -1), -2)
    squared = down**2 + across**2
    thin = _largest_across(squared, down, across)
    weak = thin & (squared >= (_GOES_ON * _SOBEL_OF_A_STEP) ** 2)
    found = thin & (squared >= (_BEGINS * _SOBEL_OF_A_STEP) ** 2)
    while True:
        more = weak & _touching(found)
        if np.array_equal(more, found):
            return np.where(found, 255, 0).astype(np.uint8)
        found = more


def inverted_texture(grey: Grey) -> Grey:
    """What isn't background (up to level 8) as its negative, woven with diagonal stripes of two pixels.

    Nothing is lost but the finest steps: the negative spans 32 to 255, and every other stripe is darkened to 3/4.

    Parameters
    ----------
    grey
        uint8 [..., height, width]; each image by itself.

    Returns
    -------
    ndarray
        uint8 of the same shape; background is 0.
    """
    rows, columns = np.indices(grey.shape[-2:])
    negative = 255 - grey.astype(np.int32) * 7 // 8
    woven = np.where((rows + columns) // 2 % 2 == 0, negative, negative * 3 // 4)
    made: Grey = np.where(grey > _BACKGROUND, woven, 0).astype(np.uint8)
    return made


def _opened(kind: str, argument: str, options: SourceOptions, compute: Callable[[Grey], Grey]) -> ImageSource:
    if not argument:
        raise ImageSourceError(f"{kind} of no set of images", hint=f"Name one: {kind}:fashion-mnist.")
    return DerivedSource(open_source(argument, options), kind, compute)


def _fashion_mnist(part: str) -> str:
    return f"fashion-mnist:{part}" if part else "fashion-mnist"


def _bordered(values: npt.NDArray[T]) -> npt.NDArray[T]:
    """With one more row and column on each side, the border repeated; np.pad takes ten times as long."""
    *others, height, width = values.shape
    made = np.empty((*others, height + 2, width + 2), values.dtype)
    made[..., 1:-1, 1:-1] = values
    made[..., 0, 1:-1], made[..., -1, 1:-1] = values[..., 0, :], values[..., -1, :]
    made[..., 0], made[..., -1] = made[..., 1], made[..., -2]
    return made


def _smoothed(values: Integers, axis: int) -> Integers:
    """1-2-1 along an axis."""
    before, middle, after = _thirds(_bordered(values), axis)
    return before + 2 * middle + after


def _differences(values: Integers, axis: int) -> Integers:
    """The next one less the one before, along an axis."""
    before, _, after = _thirds(_bordered(values), axis)
    return after - before


def _thirds(bordered: npt.NDArray[T], axis: int) -> tuple[npt.NDArray[T], npt.NDArray[T], npt.NDArray[T]]:
    """What lies before, at and after each place along the rows' (-2) or the columns' axis (-1)."""
    if axis == -2:
        inner = bordered[..., 1:-1]
        return inner[..., :-2, :], inner[..., 1:-1, :], inner[..., 2:, :]
    inner = bordered[..., 1:-1, :]
    return inner[..., :-2], inner[..., 1:-1], inner[..., 2:]


def _largest_across(squared: Integers, down: Integers, across: Integers) -> npt.NDArray[np.bool_]:
    part, whole = _TANGENT
    steep, flat = np.abs(down), np.abs(across)
    level, upright = whole * steep < part * flat, whole * flat < part * steep
    slanted = ~(level | upright)
    falling = slanted & (down * across > 0)
    rising = slanted & ~falling
    found = np.zeros(squared.shape, np.bool_)
    height, width = squared.shape[-2:]
    around = _bordered(squared)
    for along, y, x in ((level, 0, 1), (upright, 1, 0), (falling, 1, 1), (rising, 1, -1)):
        before = around[..., 1 - y : 1 - y + height, 1 - x : 1 - x + width]
        after = around[..., 1 + y : 1 + y + height, 1 + x : 1 + x + width]
        # Where two are equal, as on both sides of a sharp step, the second one counts.
        found |= along & (squared >= before) & (squared > after)
    return found


def _touching(found: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where it or one of its eight neighbours is."""
    for axis in (-2, -1):
        before, middle, after = _thirds(_bordered(found), axis)
        found = before | middle | after
    return found
