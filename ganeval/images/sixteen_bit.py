"""Reads colour images of 16 bits a channel in full, which Pillow alone cuts down to the high byte."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageFile

from ganeval.images.depth import eight_bits, grey_to_rgb, on_white


@dataclass(frozen=True)
class SixteenBitLayout:
    """How an image of 16 bits a channel is stored.

    Parameters
    ----------
    mode
        For `ganeval.images.source.ImageInfo`: ``"RGB;16"``, ``"RGBA;16"`` or ``"LA;16"``.
    passes
        The raw modes in which Pillow is to read the file, once each: those that give the high and the low bytes, or
        the one that gives all the bytes side by side.
    """

    mode: str
    passes: tuple[str, ...]


# Read in the other byte order, what Pillow takes for the high byte is the low one.
_NATIVE, _FOREIGN = ("16L", "16B") if sys.byteorder == "little" else ("16B", "16L")
_LAYOUTS = {
    **{
        f"{mode};{stored}": SixteenBitLayout(f"{mode};16", (f"{mode};{high}", f"{mode};{low}"))
        for mode in ("RGB", "RGBA")
        for stored, high, low in (("16B", "16B", "16L"), ("16L", "16L", "16B"), ("16N", _NATIVE, _FOREIGN))
    },
    # Grey with alpha has no raw mode for its low bytes, but is as wide as four 8-bit channels.
    "LA;16B": SixteenBitLayout("LA;16", ("RGBA",)),
}


def sixteen_bit_layout(image: ImageFile.ImageFile) -> SixteenBitLayout | None:
    """The layout of an image that is opened and not loaded; None if it isn't a 16-bit colour or alpha image."""
    if not image.tile:
        return None
    arguments = image.tile[0][3]
    raw_mode = arguments if isinstance(arguments, str) else (arguments[0] if arguments else None)
    return _LAYOUTS.get(raw_mode) if isinstance(raw_mode, str) else None


def read_sixteen_bit(open_again: Callable[[], ImageFile.ImageFile], layout: SixteenBitLayout) -> npt.NDArray[np.uint8]:
    """The image as uint8 RGB [height, width, 3]: composited on white where there is alpha, then rounded.

    Parameters
    ----------
    open_again
        Opens the image anew; called once a pass. Pillow's errors in opening and loading go through.
    layout
        From `sixteen_bit_layout`.
    """
    read, transparent = [], None
    for raw_mode in layout.passes:
        image = open_again()
        transparent = image.info.get("transparency")
        image.tile = [_with_raw_mode(tile, raw_mode) for tile in image.tile]
        image.load()
        read.append(np.asarray(image).astype(np.uint16))
    if len(read) == 2:
        high, low = read
    else:
        high, low = read[0][..., 0::2], read[0][..., 1::2]
    return reduce_sixteen_bit(high * np.uint16(256) + low, transparent)


def reduce_sixteen_bit(values: npt.NDArray[np.uint16], transparent: object = None) -> npt.NDArray[np.uint8]:
    """Sixteen-bit values [height, width, 1 to 4] as uint8 RGB [height, width, 3].

    Two and four channels end in alpha. `transparent` is a PNG's transparent grey or colour, None without one.
    """
    channels = values.shape[2]
    if channels in (2, 4):
        reduced = on_white(values[..., :-1], values[..., -1:], 65535)
    elif isinstance(transparent, int | tuple):
        key = np.asarray(transparent, dtype=np.uint16)
        opaque = np.where((values == key).all(axis=2, keepdims=True), 0, 65535).astype(np.uint16)
        reduced = on_white(values, opaque, 65535)
    else:
        reduced = eight_bits(values)
    return reduced if reduced.shape[2] == 3 else grey_to_rgb(reduced)


def _with_raw_mode(tile: Any, raw_mode: str) -> Any:
    arguments = tile[3]
    changed = raw_mode if isinstance(arguments, str) else (raw_mode, *(arguments or ())[1:])
    # Before Pillow 11 a tile is a plain tuple.
    return tile._replace(args=changed) if hasattr(tile, "_replace") else (*tile[:3], changed)
