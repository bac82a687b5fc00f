"""The two sides of an evaluation: named sets of images, how they differ as files, and what makes them alike."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ganeval.detectors.evaluating.judging import Case
from ganeval.detectors.perturbations import Jpeg, Perturbation
from ganeval.errors import CorruptImageError, OptionError
from ganeval.images.opening import open_source
from ganeval.images.source import ImageInfo, ImageSource

Pixels = npt.NDArray[np.uint8]

_LARGEST_MATCH = 512
_MATCH_QUALITY = 90
_SIZES = ((128, "under 128 px"), (256, "128 to 255 px"), (512, "256 to 511 px"), (1024, "512 to 1023 px"))
_QUALITIES = ((60, "JPEG under 60"), (80, "JPEG 60 to 79"), (90, "JPEG 80 to 89"), (101, "JPEG 90 to 100"))


@dataclass(frozen=True)
class NamedSet:
    """A set of images of one class.

    Parameters
    ----------
    name
        Of the generator, or of the source of real images; empty: the first sub-folder of each image, where the images
        lie in sub-folders, else the set's own name.
    source
        The images.
    generated
        Their class.
    """

    name: str
    source: ImageSource
    generated: bool

    def cases(self, skipped: list[tuple[str, str]]) -> Iterator[Case]:
        """The images, decoded one by one; those that can't be are added to `skipped` with the reason."""
        own = self.name or os.path.basename(os.path.normpath(self.source.name)) or self.source.name
        for item in self.source:
            folder, slash, _ = item.id.partition("/")
            side = folder if slash and not self.name else own
            try:
                image = item.load()
            except CorruptImageError as error:
                skipped.append(error.failures[0])
                continue
            yield Case(side, self.generated, item.id, image.pixels, image.info)


def open_sets(main: str, further: Sequence[str], *, generated: bool) -> list[NamedSet]:
    """The sets of one side.

    Parameters
    ----------
    main
        In any form that `open_source` takes.
    further
        ``NAME=SET``.

    Raises
    ------
    OptionError
        For an entry without a name.
    """
    sets = [NamedSet("", open_source(main), generated)]
    for text in further:
        name, equals, spec = text.partition("=")
        if not equals or not name or not spec:
            option = "--generated" if generated else "--real"
            raise OptionError(f"{option} {text!r} has no name", hint=f"Write it like {option} stylegan2=folder/.")
        sets.append(NamedSet(name, open_source(spec), generated))
    return sets


def size_group(info: ImageInfo) -> str:
    """Its shorter side, in words."""
    side = min(info.width, info.height)
    return next((words for limit, words in _SIZES if side < limit), "1024 px and more")


def quality_group(info: ImageInfo) -> str:
    """The JPEG quality its file tells, in words."""
    if info.jpeg_quality == 0:
        return "no JPEG quality known"
    return next(words for limit, words in _QUALITIES if info.jpeg_quality < limit)


@dataclass
class SideFiles:
    """What one side's files are, counted as they come."""

    formats: Counter[str] = field(default_factory=Counter)
    sides: list[int] = field(default_factory=list)
    qualities: list[int] = field(default_factory=list)

    def add(self, info: ImageInfo) -> None:
        """Count one file."""
        self.formats[info.format] += 1
        self.sides.append(min(info.width, info.height))
        if info.jpeg_quality:
            self.qualities.append(info.jpeg_quality)


def differences(real: SideFiles, generated: SideFiles) -> list[str]:
    """How the two sides differ as files, one sentence a matter: a detector could tell them apart by that alone."""
    found = []
    shares = [
        {name: count / side.formats.total() for name, count in side.formats.items()} for side in (real, generated)
    ]
    apart = sum(abs(shares[0].get(name, 0) - shares[1].get(name, 0)) for name in {*shares[0], *shares[1]}) / 2
    if apart > 0.1:
        found.append(f"formats differ: real images are {_shares(shares[0])}, generated ones {_shares(shares[1])}")
    sides = [statistics.median(side.sides) for side in (real, generated)]
    if max(sides) > 1.1 * min(sides):
        found.append(
            f"sizes differ: the median shorter side is {sides[0]:g} px of real and {sides[1]:g} px of generated"
        )
    if real.qualities and generated.qualities:
        qualities = [statistics.median(side.qualities) for side in (real, generated)]
        if abs(qualities[0] - qualities[1]) > 2:
            found.append(
                f"JPEG qualities differ: the median is {qualities[0]:g} of real, {qualities[1]:g} of generated images"
            )
    return found


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{100 * share:.0f} % {name}" for name, share in sorted(shares.items(), key=lambda one: -one[1]))


@dataclass(frozen=True)
class Matched(Perturbation):
    """Cuts a square of one size from a random place, and compresses it: the same for both sides.

    Parameters
    ----------
    side
        Of the square, in pixels; pictures that are smaller keep their size.
    quality
        Of the JPEG compression.
    """

    side: int
    quality: int

    @property
    def name(self) -> str:
        """In words."""
        return f"match:{self.side}:{self.quality}"

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """uint8 [side, side, 3]."""
        height, width = pixels.shape[:2]
        rng = np.random.default_rng([seed, 77])
        top = int(rng.integers(max(0, height - self.side) + 1))
        left = int(rng.integers(max(0, width - self.side) + 1))
        cut = np.ascontiguousarray(pixels[top : top + self.side, left : left + self.side])
        return Jpeg(self.quality)(cut, seed)


def match_for(real: SideFiles, generated: SideFiles) -> Matched:
    """What makes both sides alike: the smallest image's size (at most 512), the lower side's median JPEG quality."""
    smallest = min(min(real.sides), min(generated.sides))
    medians = [int(statistics.median(side.qualities)) for side in (real, generated) if side.qualities]
    return Matched(min(_LARGEST_MATCH, smallest), min(medians, default=_MATCH_QUALITY))
