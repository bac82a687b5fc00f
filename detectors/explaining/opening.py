"""From an examiner and a path to the evidence sheet: in this process, or after each picture of a batch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ganeval.detectors.detector import PixelDetector
from ganeval.detectors.evidence import Heatmap
from ganeval.detectors.explaining.sheet import explain
from ganeval.detectors.specimen import HINT, Pixels, Specimen, open_specimen
from ganeval.detectors.verdict import Verdict
from ganeval.errors import CorruptImageError, ImageSourceError


class Bundle(Protocol):
    """Detectors that were loaded."""

    @property
    def detectors(self) -> Mapping[str, PixelDetector]:
        """By name."""
        ...


class HasDetectors(Protocol):
    """What knows its pixel detectors, such as `ganeval.detectors.detecting.Examiner`."""

    @property
    def bundle(self) -> Bundle:
        """The detectors."""
        ...


def heatmaps(examiner: HasDetectors, pixels: Pixels) -> dict[str, Heatmap]:
    """Name of each of the examiner's detectors that can tell where in a picture it sees something to its heatmap."""
    found = {}
    for name, detector in examiner.bundle.detectors.items():
        if min(pixels.shape[:2]) < detector.minimum_side:
            continue
        heatmap = detector.heatmap(pixels)
        if heatmap is not None:
            found[name] = heatmap
    return found


def named(path: str) -> Specimen:
    """The picture at a path that a user named; raises `ImageSourceError` with a hint if it can't be decoded."""
    try:
        return open_specimen(path)
    except CorruptImageError as error:
        raise ImageSourceError(
            f"{path} can't be examined: {error.failures[0][1]}",
            hint=HINT,
        ) from error


def explained(
    examiner: HasDetectors, specimen: Specimen, verdict: Verdict, root: str | os.PathLike[str], command: str
) -> tuple[Path, ...]:
    """Write the evidence about a picture, with heatmaps from its examiner; see `explain`."""
    return explain(specimen, verdict, heatmaps(examiner, specimen.pixels), root, command)


@dataclass(frozen=True)
class Explaining:
    """Writes the evidence sheet after each picture of a batch; picklable.

    Parameters
    ----------
    root
        Folder that gets a folder a picture.
    command
        For the sheets.
    """

    root: str
    command: str

    def __call__(self, examiner: HasDetectors, path: str, verdict: Verdict) -> None:
        """Write the evidence about the picture at `path`."""
        explained(examiner, open_specimen(path), verdict, self.root, self.command)
