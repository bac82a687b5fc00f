"""The verdict on one image: one of four words, a calibrated probability with its interval, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ganeval.detectors.evidence import Evidence

Label = Literal["generated", "probably generated", "inconclusive", "probably camera"]
LABELS: tuple[Label, ...] = ("generated", "probably generated", "inconclusive", "probably camera")

#: The format of `Verdict.as_dict`.
SCHEMA = "ganeval/verdict@1"


@dataclass(frozen=True)
class Conditions:
    """What decides which detectors may speak, and against which reference images they are calibrated.

    Parameters
    ----------
    format
        Of the file: ``"JPEG"``, ``"PNG"``, ``"WEBP"``, ... or ``"array"``.
    width, height
        In pixels.
    quality
        Quality of the last JPEG compression on the IJG scale, from the file's tables or, where there are none, from
        traces in the pixels; None where there is none.
    quality_from
        ``"tables"``, ``"pixels"`` or ``"none"``.
    resampled
        Estimated factor by which the picture was resized after it was taken or made; None where no trace was found.
    """

    format: str
    width: int
    height: int
    quality: int | None = None
    quality_from: str = "none"
    resampled: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Verdict:
    """What is said of one image.

    Parameters
    ----------
    path
        Of the image, as given.
    label
        One of `LABELS`.
    probability
        That the image is generated, 0 to 1, at the stated `prior`; None only where no detector could speak.
    low, high
        Interval of the probability at `level`.
    reason
        One sentence that names the evidence that counted, or why it is inconclusive.
    evidence
        Of each detector that was asked, those that abstained included.
    conditions
        Of the image.
    not_checked
        Pairs of what wasn't checked and why.
    limits
        One sentence: what this verdict can't know.
    prior
        Share of generated images assumed before looking.
    level
        Of the interval.
    """

    path: str
    label: Label
    probability: float | None
    low: float | None
    high: float | None
    reason: str
    evidence: tuple[Evidence, ...]
    conditions: Conditions
    not_checked: tuple[tuple[str, str], ...] = field(default=())
    limits: str = ""
    prior: float = 0.5
    level: float = 0.95

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with `SCHEMA` as ``"schema"``."""
        return {
            "schema": SCHEMA,
            "path": self.path,
            "verdict": self.label,
            "probability": self.probability,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "prior": self.prior,
            "reason": self.reason,
            "limits": self.limits,
            "conditions": self.conditions.as_dict(),
            "evidence": [one.as_dict() for one in self.evidence],
            "not_checked": [{"what": what, "why": why} for what, why in self.not_checked],
        }
