"""What a report says of the single images and the classes that drive the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ganeval.features.features import Preview

SideName = Literal["real", "generated"]


@dataclass(frozen=True)
class ImageRecord:
    """What is known of one image's part in the scores.

    Parameters
    ----------
    side
        ``"real"`` or ``"generated"``.
    row
        Its place among the scored images of its side, from 0.
    id
        Its name in the source.
    label, predicted
        Its class as labelled, and the class that the network sees; None where unknown.
    influence
        By full name of the score: how far the score is pushed up (or down, below 0) by images like this one, in the
        score's unit and against the average image of its side. Leaving the image out of N moves the score by about
        minus that, divided by N.
    realism
        Kynkäänniemi et al. 2019, section 5: at least 1 for generated images within a real neighbourhood; None for
        real images or where it isn't known.
    inside
        Of a generated image: whether it lies where real ones do (as precision counts). Of a real one: whether a
        generated image lies in its neighbourhood (as coverage counts).
    distance
        Of a real image that is not covered: how far the nearest generated image is, as a multiple of the radius of its
        neighbourhood (above 1); infinite where that radius is 0.
    """

    side: SideName
    row: int
    id: str
    label: str | None = None
    predicted: str | None = None
    influence: Mapping[str, float] = field(default_factory=dict)
    realism: float | None = None
    inside: bool | None = None
    distance: float | None = None


@dataclass(frozen=True)
class ClassRecord:
    """The part of the images of one class in a score.

    Parameters
    ----------
    side
        ``"real"`` or ``"generated"``.
    name
        Of the class.
    count
        Images of it on that side.
    contribution
        Sum of their influences on the leading score divided by all images of the side: how much higher the score is
        than if these images were like the average one. Over all classes of a side they add up to 0.
    outside
        Share of them that are not `ImageRecord.inside`; None where unknown.
    """

    side: SideName
    name: str
    count: int
    contribution: float | None
    outside: float | None


@dataclass(frozen=True)
class Drivers:
    """What drives the scores.

    Parameters
    ----------
    score
        Full name of the score whose influence orders the images; None where no score has one, and realism does.
    classes_by
        ``"label"``, ``"predicted"`` or None: what `classes` rests on.
    worst, best
        Generated images that make the score worst and best.
    uncovered
        Real images that no generated image covers, those furthest from any first.
    uncovered_count
        How many there are in all; None where unknown.
    classes
        Of both sides, those that make the score worst first.
    unknown
        In words, what could not be computed, and why.
    images
        All images of both sides; not part of the JSON.
    previews
        Pictures of the listed images by side and row; not part of the JSON.
    """

    score: str | None
    classes_by: str | None
    worst: tuple[ImageRecord, ...]
    best: tuple[ImageRecord, ...]
    uncovered: tuple[ImageRecord, ...]
    uncovered_count: int | None
    classes: tuple[ClassRecord, ...]
    unknown: tuple[str, ...] = ()
    images: tuple[ImageRecord, ...] = field(default=(), repr=False, compare=False)
    previews: Mapping[tuple[str, int], Preview] = field(default_factory=dict, repr=False, compare=False)

    def to_table(self, path: str | Path) -> Path:
        """Write all images to a ``.csv`` or ``.parquet`` file, atomically; raises `OptionError` or `OutputError`."""
        from ganeval.report.drivers_table import write_drivers_table

        return write_drivers_table(self, path)
