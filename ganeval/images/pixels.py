"""Rules by which arrays of numbers become images: layout, channels, value range, and the way to uint8 RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import ImageRangeError
from ganeval.images.depth import eight_bits, grey_to_rgb
from ganeval.images.digest import pixel_digest
from ganeval.images.source import DecodedImage, ImageInfo
from ganeval.wording import counted

ValueRange = tuple[float, float]

UNIT: ValueRange = (0.0, 1.0)
SYMMETRIC: ValueRange = (-1.0, 1.0)

# What arithmetic in single precision leaves above 1 or below 0.
_TOLERANCE = 1e-6
# Values looked at in one piece, so that a memory-mapped array never has to fit into memory.
_CHUNK_VALUES = 1 << 24
_CHANNELS = (1, 3)
_MODES = {1: "L", 3: "RGB"}


def channel_axis(shape: tuple[int, ...], what: str) -> int | None:
    """The axis of the channels in the shape of one image (2 or 3 dimensions); None for grey without that axis.

    Channels may come last or first. Raises `ImageRangeError` where neither axis has 1 or 3 entries, or both do.
    """
    if len(shape) == 2:
        return None
    if len(shape) != 3 or 0 in shape:
        raise ImageRangeError(
            f"{what} has shape {shape}, which is not that of an image",
            hint="An image is [height, width], [height, width, channels] or [channels, height, width].",
        )
    last, first = shape[2] in _CHANNELS, shape[0] in _CHANNELS
    if last and first:
        raise ImageRangeError(
            f"{what} has shape {shape}: whether its channels come first or last can't be told",
            hint="Images of 1 or 3 pixels height or width can't be told from channels; pad or resize them.",
        )
    if not last and not first:
        raise ImageRangeError(
            f"{what} has shape {shape}, in which no axis is that of 1 (grey) or 3 (RGB) channels",
            hint="Composite alpha (2 or 4 channels) on a background first, and pick 3 of more channels.",
        )
    return 2 if last else 0


def batch_channel_axis(shape: tuple[int, ...], what: str) -> int | None:
    """The axis of the channels in the shape of a batch (3 or 4 dimensions); None for grey without that axis."""
    if len(shape) == 3 and (shape[2] in (3, 4) or shape[0] == 3):
        raise ImageRangeError(
            f"{what} has shape {shape}, which may be one colour image or several grey ones",
            hint="Give a batch four dimensions: [N, height, width, 3], [N, 3, height, width] or [N, height, width, 1].",
        )
    if len(shape) not in (3, 4):
        raise ImageRangeError(
            f"{what} has {counted(shape, 'dimension')} (shape {shape}); a batch of images has 3 or 4",
            hint="Give images as [N, height, width, 3], [N, 3, height, width], or [N, height, width] for grey.",
        )
    if 0 in shape:
        raise ImageRangeError(f"{what} has shape {shape} and holds no images")
    axis = channel_axis(shape[1:], what)
    return None if axis is None else axis + 1


@dataclass
class RangeRule:
    """Which range the values of a set's images have; decided once and then held to.

    Parameters
    ----------
    declared
        ``(0.0, 1.0)`` or ``(-1.0, 1.0)`` as the user said for floats; None lets the first values decide: any negative
        one means [-1, 1], else [0, 1].
    """

    declared: ValueRange | None = None
    decided: ValueRange | None = None

    def check(self, values: npt.NDArray[Any], what: str) -> None:
        """Look at all values of an array of any shape.

        Raises
        ------
        ImageRangeError
            For a dtype that isn't a number, NaN or infinity, and values outside the range.
        """
        kind = values.dtype.kind
        if values.dtype in (np.uint8, np.bool_) or _is_sixteen_bit(values.dtype):
            return
        if kind not in "iuf":
            raise ImageRangeError(
                f"{what} has values of type {values.dtype}, which are not pixels",
                hint="Use uint8 (0..255), uint16 (0..65535) or floats in [0, 1] or [-1, 1].",
            )
        low, high = _extremes(values)
        if kind in "iu":
            if low < 0 or high > 255:
                raise ImageRangeError(
                    f"{what} has integers from {low:g} to {high:g}, outside 0..255",
                    hint="Scale them to 0..255, or use uint16 for 0..65535.",
                )
            return
        self.check_extremes(low, high, what)

    def check_extremes(self, low: float, high: float, what: str) -> None:
        """Look at the least and the greatest of float values; raises `ImageRangeError` as `check` does."""
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ImageRangeError(f"{what} contains NaN or infinite values", hint="Find out what made them.")
        wanted = self.declared or self.decided
        if wanted is None:
            wanted = SYMMETRIC if low < -_TOLERANCE else UNIT
            if not _within(low, high, wanted):
                raise ImageRangeError(
                    f"{what} has float values from {low:g} to {high:g}, outside both [0, 1] and [-1, 1]",
                    hint="Scale them, or give uint8 images in 0..255.",
                )
            self.decided = wanted
        if _within(low, high, wanted):
            return
        if self.declared is None and _within(low, high, SYMMETRIC):
            raise ImageRangeError(
                f"{what} has float values from {low:g} to {high:g}, but those before it were all in [0, 1]",
                hint="Declare which range the images have: value_range=(-1.0, 1.0) or (0.0, 1.0).",
            )
        raise ImageRangeError(
            f"{what} has float values from {low:g} to {high:g}, outside [{wanted[0]:g}, {wanted[1]:g}]",
            hint="Scale them, or declare the range that they have with value_range.",
        )

    @property
    def floats(self) -> ValueRange:
        """The range to convert floats from."""
        return self.declared or self.decided or UNIT


def _extremes(values: npt.NDArray[Any]) -> tuple[float, float]:
    rows = max(1, _CHUNK_VALUES // max(1, values[:1].size)) if values.ndim else 1
    pieces = [values] if values.ndim == 0 else [values[i : i + rows] for i in range(0, len(values), rows)]
    # min and max let NaN through to the caller, as numpy's do.
    return float(np.min([piece.min() for piece in pieces])), float(np.max([piece.max() for piece in pieces]))


def _within(low: float, high: float, value_range: ValueRange) -> bool:
    return low >= value_range[0] - _TOLERANCE and high <= value_range[1] + _TOLERANCE


def image_from_array(values: npt.NDArray[Any], axis: int | None, floats: ValueRange) -> DecodedImage:
    """One image, checked already, as uint8 RGB.

    Parameters
    ----------
    values
        [height, width], or with a channel axis of 1 or 3. uint8 stays; uint16 becomes ``round(v * 255 / 65535)``; bool
        becomes 0 and 255; other integers are taken as 0..255; floats become ``round(x * 255)`` (halves to even),
        after ``x = (x + 1) / 2`` where they are in [-1, 1].
    axis
        From `channel_axis`.
    floats
        The range of float values.
    """
    shaped = values[..., None] if axis is None else np.moveaxis(values, axis, 2)
    pixels = _eight_bit_values(shaped, floats)
    rgb = grey_to_rgb(pixels) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)
    if not rgb.flags.writeable or np.shares_memory(rgb, values):
        rgb = rgb.copy()
    mode = _MODES[shaped.shape[2]]
    depth = {"f": ";F", "b": ";1"}.get(values.dtype.kind, ";16" if _is_sixteen_bit(values.dtype) else "")
    mode = "I;16" if (mode, depth) == ("L", ";16") else mode + depth
    info = ImageInfo("array", mode, rgb.shape[1], rgb.shape[0], digest=pixel_digest(rgb))
    return DecodedImage(rgb, info)


def _is_sixteen_bit(dtype: np.dtype[Any]) -> bool:
    """Whether it is uint16, in either byte order."""
    return dtype.kind == "u" and dtype.itemsize == 2


def _eight_bit_values(values: npt.NDArray[Any], floats: ValueRange) -> npt.NDArray[np.uint8]:
    if _is_sixteen_bit(values.dtype):
        return eight_bits(values)
    if values.dtype == np.bool_:
        return np.where(values, 255, 0).astype(np.uint8)
    if values.dtype.kind != "f":
        return values.astype(np.uint8, copy=False)
    unit = values.astype(np.float64)
    if floats == SYMMETRIC:
        unit = (unit + 1) / 2
    rounded: npt.NDArray[np.uint8] = np.clip(np.rint(unit * 255), 0, 255).astype(np.uint8)
    return rounded
