"""Perturbations by compression: the picture encoded into a file in memory, and decoded again."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image

from ganeval.detectors.perturbations.perturbation import Arguments, FileKind, Perturbation, Pixels, require
from ganeval.errors import ImageRangeError

#: Pillow's numbers of the chroma subsamplings.
SUBSAMPLINGS = {"444": 0, "422": 1, "420": 2}
# Larger pictures don't fit into the formats' headers.
_LARGEST_JPEG = 65_535
_LARGEST_WEBP = 16_383


def _through(pixels: Pixels, file_format: str, largest: int, **options: int | bool) -> Pixels:
    if max(pixels.shape[:2]) > largest:
        raise ImageRangeError(
            f"a picture of {pixels.shape[1]} x {pixels.shape[0]} pixels is too large for {file_format}, "
            f"which ends at {largest} on a side"
        )
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, file_format, **options)
    with Image.open(file) as decoded:
        return np.array(decoded.convert("RGB"))


@dataclass(frozen=True)
class Jpeg(Perturbation):
    """Baseline JPEG with the tables of the Independent JPEG Group.

    Parameters
    ----------
    quality
        1..100.
    subsampling
        Of the chroma: ``"444"``, ``"422"`` or ``"420"``, the default of libjpeg and of most platforms.
    """

    quality: int = 75
    subsampling: str = "420"

    def __post_init__(self) -> None:
        require(1 <= self.quality <= 100, f"the JPEG quality is {self.quality}, and must be from 1 to 100")
        require(
            self.subsampling in SUBSAMPLINGS,
            f"the subsampling is {self.subsampling!r}, and must be one of {', '.join(SUBSAMPLINGS)}",
        )

    @classmethod
    def read(cls, arguments: Arguments) -> Jpeg:
        """``jpeg:QUALITY:SUBSAMPLING``, 75 and 420 by default; 4:2:0 may be written 420 only, as colons separate."""
        quality = arguments.integer("quality", 1, 100, 75)
        names = {name: name for name in SUBSAMPLINGS}
        return cls(quality or 75, arguments.choice("subsampling", names, "420"))

    @property
    def name(self) -> str:
        """``jpeg:75``, with the subsampling where it isn't 4:2:0."""
        return f"jpeg:{self.quality}" + ("" if self.subsampling == "420" else f":{self.subsampling}")

    def comes_as(self, seed: int = 0) -> FileKind:
        """A JPEG with the tables of that quality."""
        return FileKind("JPEG", self.quality)

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture after compression; nothing in it is random."""
        return _through(pixels, "JPEG", _LARGEST_JPEG, quality=self.quality, subsampling=SUBSAMPLINGS[self.subsampling])


@dataclass(frozen=True)
class WebP(Perturbation):
    """Lossy WebP (VP8 key frame).

    Parameters
    ----------
    quality
        0..100 on libwebp's own scale.
    """

    quality: int = 80
    # Files from the web were mostly made with the default effort.
    _EFFORT: ClassVar[int] = 4

    def __post_init__(self) -> None:
        require(0 <= self.quality <= 100, f"the WebP quality is {self.quality}, and must be from 0 to 100")

    @classmethod
    def read(cls, arguments: Arguments) -> WebP:
        """``webp:QUALITY``, 80 by default."""
        quality = arguments.integer("quality", 0, 100, 80)
        return cls(80 if quality is None else quality)

    @property
    def name(self) -> str:
        """``webp:80``."""
        return f"webp:{self.quality}"

    def comes_as(self, seed: int = 0) -> FileKind:
        """A WebP file."""
        return FileKind("WEBP")

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture after compression; nothing in it is random."""
        return _through(pixels, "WEBP", _LARGEST_WEBP, quality=self.quality, method=self._EFFORT)


@dataclass(frozen=True)
class Png(Perturbation):
    """Lossless: the picture as it is."""

    @classmethod
    def read(cls, arguments: Arguments) -> Png:
        """``png``, without arguments."""
        return cls()

    @property
    def name(self) -> str:
        """``png``."""
        return "png"

    def comes_as(self, seed: int = 0) -> FileKind:
        """A PNG."""
        return FileKind("PNG")

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """A copy."""
        return np.array(pixels)
