"""What drives the scores as the HTML page shows it: captioned pictures, and bars for the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ganeval.report.digits import count_text, number_text
from ganeval.report.drivers import Drivers, ImageRecord
from ganeval.report.extras_in_words import influence_text
from ganeval.report.figures import preview_uri

_CLASSES_SHOWN = 24


@dataclass(frozen=True)
class DriverView:
    """One image: what stands below its picture, and the picture, None where it couldn't be read again."""

    id: str
    caption: str
    about: str
    uri: str | None
    width: int
    height: int
    pixelated: bool


@dataclass(frozen=True)
class DriverGroup:
    """Images of one kind, under a title with a sentence that says what they are."""

    key: str
    title: str
    sentence: str
    images: tuple[DriverView, ...]


@dataclass(frozen=True)
class ClassView:
    """One class of one side: its numbers in words."""

    side: str
    name: str
    count: str
    contribution: str
    outside: str


@dataclass(frozen=True)
class DriversView:
    """All of it; `classes_left` counts those that aren't shown."""

    score: str | None
    classes_by: str | None
    groups: tuple[DriverGroup, ...]
    classes: tuple[ClassView, ...]
    classes_left: int
    unknown: tuple[str, ...]


def drivers_view(drivers: Drivers) -> DriversView:
    """`drivers` with every number as text."""
    score = drivers.score
    if score is None:
        worst, best = "Least realistic first.", "Most realistic first."
    else:
        worst = f"Generated images that make {score} worse, by their influence on it, most first."
        best = f"Generated images that make {score} better, most first."
    covered = "" if drivers.uncovered_count is None else f" {count_text(drivers.uncovered_count)} in all."
    lists: Sequence[tuple[str, str, str, tuple[ImageRecord, ...]]] = (
        ("generated", "Worst", worst, drivers.worst),
        ("generated", "Best", best, drivers.best),
        (
            "real",
            "Uncovered",
            f"Real images without a generated one in their neighbourhood, the loneliest first.{covered}",
            drivers.uncovered,
        ),
    )
    return DriversView(
        score=score,
        classes_by=drivers.classes_by,
        groups=tuple(
            DriverGroup(key, title, sentence, tuple(_view(image, drivers) for image in images))
            for key, title, sentence, images in lists
            if images
        ),
        classes=tuple(
            ClassView(
                one.side,
                one.name,
                count_text(one.count),
                "" if one.contribution is None else f"{one.contribution:+.3g}",
                "" if one.outside is None else f"{100 * one.outside:.0f}%",
            )
            for one in drivers.classes[:_CLASSES_SHOWN]
        ),
        classes_left=max(0, len(drivers.classes) - _CLASSES_SHOWN),
        unknown=drivers.unknown,
    )


def _view(image: ImageRecord, drivers: Drivers) -> DriverView:
    preview = drivers.previews.get((image.side, image.row))
    height, width = (0, 0) if preview is None else preview.pixels.shape[:2]
    if image.side == "real" and image.distance is not None:
        caption = "∞" if math.isinf(image.distance) else f"{number_text(image.distance, 0.1)} ×"
    else:
        caption = influence_text(image, drivers.score)
    return DriverView(
        id=image.id,
        caption=caption,
        about=_about(image),
        uri=None if preview is None else preview_uri(preview),
        width=width,
        height=height,
        pixelated=max(width, height) < 97,
    )


def _about(image: ImageRecord) -> str:
    parts = [f"{image.side} image {image.id}"]
    if image.label is not None:
        parts.append(f"class {image.label}")
    if image.predicted is not None:
        parts.append(f"seen as {image.predicted}")
    if image.realism is not None:
        parts.append(f"realism {number_text(image.realism, 0.01)}")
    if image.distance is not None and math.isfinite(image.distance):
        parts.append(f"nearest generated image at {number_text(image.distance, 0.1)} radii of its neighbourhood")
    return ", ".join(parts)
