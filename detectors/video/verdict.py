"""What is said of a video: a vote over its frames, and what they show over time."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.fusion.rules import decisive_of
from ganeval.detectors.verdict import Label, Verdict

Pixels = npt.NDArray[np.uint8]

LIMITS = (
    "frames of one clip come from one source and one compression and are not independent: many of them say little more "
    "than one; pixel detectors were measured on films of stills coded by x264, x265 and libvpx, not on what telephones "
    "and platforms make of them"
)


@dataclass(frozen=True)
class Moment:
    """What is said of one frame; `thumbnail` is uint8 [height, width, 3]."""

    seconds: float
    verdict: Verdict
    thumbnail: Pixels


@dataclass(frozen=True)
class ClipVerdict:
    """What is said of a video.

    Parameters
    ----------
    path
        As given.
    provenance
        What its file says of its origin: manifests, tags, XMP. Every frame's verdict rests on it too.
    label
        Of the whole, see `summary`.
    probability, low, high
        Medians over the frames that have one (the reason tells if some don't): as if all frames together were one
        piece of evidence, for they share their source and their compression. Multiplying them would claim a certainty
        that isn't there.
    reason
        One sentence.
    moments
        In order of time.
    stretches
        Times, first and last, of runs of two or more frames in a row called generated or probably generated.
    codec, width, height, duration
        Of the video stream; the duration is in seconds, None where unknown.
    limits
        What this can't know.
    """

    path: str
    label: Label
    probability: float | None
    low: float | None
    high: float | None
    reason: str
    moments: tuple[Moment, ...]
    stretches: tuple[tuple[float, float], ...]
    codec: str
    width: int
    height: int
    duration: float | None
    level: float
    limits: str = LIMITS
    provenance: tuple[Evidence, ...] = ()


def summary(verdicts: Sequence[Verdict], provenance: Sequence[Evidence] = ()) -> tuple[Label, str]:
    """The label of a whole clip from those of its frames, and why.

    What a valid signature says decides. Else ``generated`` or ``probably generated`` if more than half of the frames
    are called that or stronger; ``probably camera`` if more than half are and none is called generated or probably
    generated; else ``inconclusive``. A vote, not a product of probabilities: errors that the frames share don't average
    out.
    """
    if decisive_of(provenance) is not None:
        return verdicts[0].label, verdicts[0].reason  # As of every frame.
    counts = Counter(one.label for one in verdicts)
    total = len(verdicts)
    found = counts["generated"] + counts["probably generated"]
    shares = ", ".join(f"{count} of {total} frames {label}" for label, count in counts.most_common())
    if 2 * counts["generated"] > total:
        return "generated", f"most frames are called generated: {shares}"
    if 2 * found > total:
        return "probably generated", f"most frames are called generated or probably generated: {shares}"
    if 2 * counts["probably camera"] > total and found == 0:
        return "probably camera", f"most frames look like a camera's and none like a generator's: {shares}"
    if found:
        return "inconclusive", f"some frames are called generated, but not more than half: {shares}"
    return "inconclusive", f"no verdict was reached on more than half of the frames: {shares}"


def stretches(moments: Sequence[Moment]) -> tuple[tuple[float, float], ...]:
    """First and last time of each run of two or more frames called generated or probably generated."""
    found: list[tuple[float, float]] = []
    run: list[float] = []
    for one in [*moments, None]:
        if one is not None and one.verdict.label in ("generated", "probably generated"):
            run.append(one.seconds)
            continue
        if len(run) > 1:
            found.append((run[0], run[-1]))
        run = []
    return tuple(found)


def median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
