"""The image under examination: its file's bytes, its pixels at native resolution, what the file says of itself."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.errors import CorruptImageError, ImageRangeError
from ganeval.images.decode import decode_bytes
from ganeval.images.digest import pixel_digest
from ganeval.images.source import ImageInfo

Pixels = npt.NDArray[np.uint8]

#: What to do about a file that can't be examined.
HINT = "Give a whole image file: PNG, JPEG, WebP, GIF, BMP or TIFF."

#: Bytes above which a file isn't read: more than the largest image that is decoded can have.
LARGEST_FILE = 1 << 30

# TIFF 6.0: tag 254 says what an image of the file is, with bit 0 for a smaller copy of another one in it.
_SUBFILE_TYPE, _REDUCED = 254, 1


@dataclass(frozen=True)
class Specimen:
    """An image that detectors examine.

    Parameters
    ----------
    name
        What messages call it: its path as given, or ``"array"``.
    pixels
        uint8 [height, width, 3], RGB, as decoded by `ganeval.images.decode` (upright, transparency on white); never
        resized.
    info
        Format, stored mode, size, the JPEG quality that the file's quantisation tables tell (0: none) and a digest.
    data
        The file's bytes; None for an array, about which provenance can say nothing.
    """

    name: str
    pixels: Pixels
    info: ImageInfo
    data: bytes | None = None

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def side(self) -> int:
        """The shorter side, in pixels."""
        return min(self.height, self.width)

    @property
    def has_more_frames(self) -> bool:
        """Whether the file holds frames or pages after the first, which alone is in `pixels`."""
        if self.data is None or self.info.format == "JPEG":
            return False
        # What follows the first frame may be as broken as it likes.
        with contextlib.suppress(Exception), Image.open(io.BytesIO(self.data), formats=(self.info.format,)) as image:
            return bool(getattr(image, "is_animated", False))
        return False

    @property
    def is_preview(self) -> bool:
        """Whether what was decoded is a TIFF's reduced copy of its picture, as in a camera's raw files."""
        if self.data is None or self.info.format != "TIFF":
            return False
        with contextlib.suppress(Exception), Image.open(io.BytesIO(self.data), formats=("TIFF",)) as image:
            return bool(image.getexif().get(_SUBFILE_TYPE, 0) & _REDUCED)
        return False


def open_specimen(image: str | os.PathLike[str] | bytes | Pixels, name: str | None = None) -> Specimen:
    """A specimen from a path, a file's bytes, or an array.

    Parameters
    ----------
    image
        A path; the bytes of an image file; or uint8 [height, width, 3] or [height, width], 0..255.
    name
        What messages call it; a path's own text by default.

    Raises
    ------
    CorruptImageError
        For bytes that are no image, or a truncated, broken or too large one, or a file that can't be read.
    ImageRangeError
        For an array of another shape or type.
    """
    if isinstance(image, np.ndarray):
        return _from_array(image, name or "array")
    try:
        return _from_file(image, name)
    except CorruptImageError as error:
        error.hint = HINT  # The usual one is for sets of images.
        raise


def _from_file(image: str | os.PathLike[str] | bytes, name: str | None) -> Specimen:
    if isinstance(image, bytes):
        decoded = decode_bytes(image, name or "bytes")
        return Specimen(name or "bytes", decoded.pixels, decoded.info, image)
    path = Path(image)
    shown = name or str(image)
    data = _read(path, shown)
    decoded = decode_bytes(data, shown)
    return Specimen(shown, decoded.pixels, decoded.info, data)


def _read(path: Path, shown: str) -> bytes:
    """The bytes of a regular file: a pipe may never end, and a device never does."""
    try:
        state = os.stat(path)
        if not stat.S_ISDIR(state.st_mode) and not stat.S_ISREG(state.st_mode):
            raise CorruptImageError([(shown, "is a pipe or a device, not a file: save the picture to a file first")])
        if state.st_size > LARGEST_FILE:
            size = f"{state.st_size / (1 << 30):.1f} GiB"
            raise CorruptImageError([(shown, f"the file has {size}: no more than {LARGEST_FILE >> 30} GiB is read")])
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte.
        why = getattr(error, "strerror", None) or str(error)
        raise CorruptImageError([(shown, f"can't be read: {why.lower()}")]) from error


def _from_array(array: npt.NDArray[np.generic], name: str) -> Specimen:
    grey = array.ndim == 2
    if array.dtype != np.uint8 or not (grey or (array.ndim == 3 and array.shape[2] == 3)) or array.size == 0:
        raise ImageRangeError(
            f"{name}: an array of shape {array.shape} and type {array.dtype} is no image to examine",
            hint="Give uint8 [height, width, 3], RGB, 0..255.",
        )
    pixels = np.ascontiguousarray(np.repeat(array[..., None], 3, axis=2) if grey else array).astype(np.uint8)
    info = ImageInfo(
        format="array",
        mode="L" if grey else "RGB",
        width=pixels.shape[1],
        height=pixels.shape[0],
        jpeg_quality=0,
        digest=pixel_digest(pixels),
    )
    return Specimen(name, pixels, info)
