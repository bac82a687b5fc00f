"""One image under each perturbation, judged: the work of one process of an evaluation."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ganeval.detectors.perturbations import FileKind, Perturbation
from ganeval.detectors.specimen import Specimen
from ganeval.detectors.verdict import Verdict
from ganeval.images.digest import pixel_digest
from ganeval.images.source import ImageInfo

Pixels = npt.NDArray[np.uint8]
#: Name of the condition in which images are judged as they are.
AS_IS = "as is"


class ExaminesSpecimens(Protocol):
    """What gives verdicts, such as `ganeval.detectors.detecting.Examiner`."""

    def examine(self, specimen: Specimen) -> Verdict:
        """The verdict on a specimen."""
        ...


@dataclass(frozen=True)
class Case:
    """One image of an evaluation.

    Parameters
    ----------
    side
        Name of the generator, or of the source of real images.
    generated
        Its class.
    id
        Of the image in its set.
    pixels, info
        As decoded.
    """

    side: str
    generated: bool
    id: str
    pixels: Pixels
    info: ImageInfo


@dataclass(frozen=True)
class Judged:
    """What was said of one image in one condition.

    Parameters
    ----------
    label
        Of the verdict; empty where there is none.
    probability
        None where no detector could speak.
    scores
        Raw, by detector, of those that spoke.
    """

    label: str
    probability: float | None
    scores: dict[str, float]


@dataclass(frozen=True)
class Judging:
    """Makes, in each process, what judges a case.

    Parameters
    ----------
    make
        Gives the examiner; picklable.
    perturbations
        Conditions besides `AS_IS`; picklable.
    match
        Applied to every image first, or None.
    seed
        Of what is random in them; each image has its own stream.
    """

    make: Callable[[], ExaminesSpecimens]
    perturbations: tuple[Perturbation, ...] = ()
    match: Perturbation | None = None
    seed: int = 0

    def __call__(self) -> Callable[[Case], dict[str, Judged]]:
        examiner = self.make()

        def judge(case: Case) -> dict[str, Judged]:
            seed = (self.seed * 1_000_003 + zlib.crc32(f"{case.side}/{case.id}".encode("utf-8", "replace"))) % 2**31
            pixels, info = case.pixels, case.info
            if self.match is not None:
                pixels = self.match(pixels, seed)
                info = _described(pixels, info, self.match.comes_as(seed))
            found = {AS_IS: _judged(examiner.examine(Specimen(case.id, pixels, info)))}
            for one in self.perturbations:
                changed = one(pixels, seed)
                described = _described(changed, info, one.comes_as(seed))
                found[one.name] = _judged(examiner.examine(Specimen(case.id, changed, described)))
            return found

        return judge


def _described(pixels: Pixels, info: ImageInfo, kind: FileKind) -> ImageInfo:
    """A changed picture as it would come: what the file said of itself is no longer true of it."""
    return replace(
        info,
        format=kind.format,
        width=int(pixels.shape[1]),
        height=int(pixels.shape[0]),
        jpeg_quality=kind.jpeg_quality,
        digest=pixel_digest(pixels),
    )


def _judged(verdict: Verdict) -> Judged:
    scores: dict[str, Any] = {one.detector: one.score for one in verdict.evidence if one.score is not None}
    return Judged(verdict.label, verdict.probability, {name: float(value) for name, value in scores.items()})
