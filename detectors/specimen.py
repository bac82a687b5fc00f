"""The image under examination: its file's bytes, its pixels at native resolution, what the file says of itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ganeval.errors import ImageRangeError
from ganeval.images.decode import decode_bytes, decode_file
from ganeval.images.digest import pixel_digest
from ganeval.images.source import ImageInfo

Pixels = npt.NDArray[np.uint8]


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
    if isinstance(image, bytes):
        decoded = decode_bytes(image, name or "bytes")
        return Specimen(name or "bytes", decoded.pixels, decoded.info, image)
    path = Path(image)
    shown = name or str(image)
    try:
        data = path.read_bytes()
    except OSError:
        decoded = decode_file(path, shown)  # Raises with the reason, in the words of all commands.
        data = b""
    else:
        decoded = decode_bytes(data, shown)
    return Specimen(shown, decoded.pixels, decoded.info, data)


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
