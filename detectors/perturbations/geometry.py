"""Perturbations of the pixel lattice: resizing, cropping off the blocks of eight, turning by a small angle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ganeval.detectors.perturbations.perturbation import Arguments, Perturbation, Pixels, number_text, require

Resampling = Image.Resampling
#: Pillow's filters; all but ``nearest`` are stretched for shrinking, so that they don't alias.
FILTERS = {
    "lanczos": Resampling.LANCZOS,
    "bicubic": Resampling.BICUBIC,
    "bilinear": Resampling.BILINEAR,
    "box": Resampling.BOX,
    "nearest": Resampling.NEAREST,
}
_LATTICE = 8


def resized(pixels: Pixels, height: int, width: int, filter_name: str) -> Pixels:
    """The picture in that size, uint8 [height, width, 3]."""
    return np.array(Image.fromarray(pixels).resize((width, height), FILTERS[filter_name]))


@dataclass(frozen=True)
class Resize(Perturbation):
    """Both sides multiplied with a factor.

    Parameters
    ----------
    factor
        Above 0, at most 16; the sides are rounded, and at least one pixel.
    filter_name
        One of `FILTERS`.
    """

    factor: float = 0.5
    filter_name: str = "bicubic"

    def __post_init__(self) -> None:
        require(0 < self.factor <= 16, f"the factor is {self.factor}, and must be above 0 and at most 16")
        require(
            self.filter_name in FILTERS, f"there is no filter {self.filter_name!r}, but {', '.join(sorted(FILTERS))}"
        )

    @classmethod
    def read(cls, arguments: Arguments) -> Resize:
        """``resize:FACTOR:FILTER``, 0.5 and bicubic by default."""
        factor = arguments.number("factor", 0.01, 16, 0.5)
        return cls(factor or 0.5, arguments.choice("filter", {name: name for name in FILTERS}, "bicubic"))

    @property
    def name(self) -> str:
        """``resize:0.5``, with the filter where it isn't bicubic."""
        return f"resize:{number_text(self.factor)}" + ("" if self.filter_name == "bicubic" else f":{self.filter_name}")

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture in its new size; nothing in it is random."""
        height, width = (max(1, round(side * self.factor)) for side in pixels.shape[:2])
        return resized(pixels, height, width, self.filter_name)


@dataclass(frozen=True)
class Crop(Perturbation):
    """Cut at the edges such that the left upper corner is off the lattice of eight in both directions.

    Parameters
    ----------
    share
        Of each side that stays, above 0 and up to 1, less what takes the corner off the lattice (at most seven
        pixels). The place is drawn from the seed.
    """

    share: float = 0.9

    def __post_init__(self) -> None:
        require(0 < self.share <= 1, f"the share is {self.share}, and must be above 0 and at most 1")

    @classmethod
    def read(cls, arguments: Arguments) -> Crop:
        """``crop:SHARE``, 0.9 by default."""
        return cls(arguments.number("share", 0.01, 1, 0.9) or 0.9)

    @property
    def name(self) -> str:
        """``crop:0.9``."""
        return f"crop:{number_text(self.share)}"

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The part that stays; a side under two pixels isn't cut."""
        random = np.random.default_rng(seed)
        (top, height), (left, width) = (self._span(side, random) for side in pixels.shape[:2])
        part: Pixels = pixels[top : top + height, left : left + width].copy()
        return part

    def _span(self, side: int, random: np.random.Generator) -> tuple[int, int]:
        off_lattice = int(random.integers(1, _LATTICE))
        place = random.random()
        if side < 2:
            return 0, side
        off_lattice = min(off_lattice, side - 1)
        length = max(1, min(round(side * self.share), side - off_lattice))
        blocks = (side - length - off_lattice) // _LATTICE
        return off_lattice + _LATTICE * int(place * (blocks + 1)), length


@dataclass(frozen=True)
class Rotate(Perturbation):
    """Turned about the centre (bicubic), and cut to the largest upright rectangle without empty corners.

    Parameters
    ----------
    degrees
        Counter-clockwise, -45..45.
    """

    degrees: float = 1.0

    def __post_init__(self) -> None:
        require(abs(self.degrees) <= 45, f"the angle is {self.degrees} degrees, and must be from -45 to 45")

    @classmethod
    def read(cls, arguments: Arguments) -> Rotate:
        """``rotate:DEGREES``, 1 by default."""
        degrees = arguments.number("angle", -45, 45, 1.0)
        return cls(1.0 if degrees is None else degrees)

    @property
    def name(self) -> str:
        """``rotate:1``."""
        return f"rotate:{number_text(self.degrees)}"

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The turned picture; nothing in it is random."""
        if self.degrees == 0:
            return np.array(pixels)
        turned = np.array(Image.fromarray(pixels).rotate(self.degrees, Resampling.BICUBIC))
        height, width = pixels.shape[:2]
        inner_height, inner_width = _inner_rectangle(height, width, math.radians(abs(self.degrees)))
        top, left = (height - inner_height) // 2, (width - inner_width) // 2
        return np.array(turned[top : top + inner_height, left : left + inner_width])


def _inner_rectangle(height: int, width: int, angle: float) -> tuple[int, int]:
    """Sides of the largest upright rectangle within a `height` x `width` one turned by `angle`, up to 45 degrees."""
    sine, cosine = math.sin(angle), math.cos(angle)
    long, short = max(height, width), min(height, width)
    if short <= 2 * sine * cosine * long:
        # Two corners touch the long sides, the other two touch nothing.
        half = short / 2
        inner_long, inner_short = half / sine, half / cosine
    else:
        scale = cosine * cosine - sine * sine
        inner_long, inner_short = (long * cosine - short * sine) / scale, (short * cosine - long * sine) / scale
    # Two pixels less: the interpolation reaches that far beyond.
    inner_long, inner_short = max(1, int(inner_long) - 2), max(1, int(inner_short) - 2)
    return (inner_short, inner_long) if height <= width else (inner_long, inner_short)
