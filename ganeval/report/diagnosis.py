"""What a report says of a generator's failures: a verdict for each, the evidence behind it, and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ganeval.features.features import Preview
from ganeval.metrics.score import Score

#: How bad a failure is. "unknown" where nothing could be tested.
Severity = Literal["none", "partial", "severe", "unknown"]

#: The failures for which there are verdicts, as people call them, in the order in which they are reported.
FAILURES: Mapping[str, str] = {
    "mode-collapse": "Mode collapse",
    "memorisation": "Memorisation",
    "usefulness": "Usefulness for training",
}

SEVERITIES: tuple[Severity, ...] = ("unknown", "none", "partial", "severe")


@dataclass(frozen=True)
class Part:
    """A part of the data that suffers, such as a class or a bin.

    Parameters
    ----------
    name
        In words, such as ``"sandal"`` or ``"bin 17"``.
    real, generated
        Its share of each side, or whatever else the evidence's `parts_of` says.
    low, high
        Ends of the interval of `generated` less `real`; None where there is none.
    p_value
        Of this part alone, before any correction for their number; None where it isn't tested.
    """

    name: str
    real: float
    generated: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Picture:
    """One picture of an exhibit.

    Parameters
    ----------
    preview
        The picture; None where it can't be read again.
    id
        Name of the image in its set.
    side
        ``"real"``, ``"generated"`` or ``"held-out"``.
    caption
        A few characters that stand below it, such as a distance.
    """

    preview: Preview | None
    id: str
    side: str
    caption: str = ""


@dataclass(frozen=True)
class Exhibit:
    """Pictures for people to judge by: rows of pictures, each row with a name.

    Parameters
    ----------
    title, sentence
        What it shows, and how to read it.
    rows
        Pairs of a row's name (may be empty) and its pictures.
    """

    title: str
    sentence: str
    rows: tuple[tuple[str, tuple[Picture, ...]], ...]


@dataclass(frozen=True)
class Histogram:
    """Bars side by side: one group for each name, one bar in it for each series.

    Parameters
    ----------
    title, sentence
        What it shows, and how to read it.
    names
        Of the groups: classes, bins, ends of intervals.
    series
        Name (``"real"``, ``"generated"``, ``"held-out"`` have their colours) to one number of 0 or more a group.
    """

    title: str
    sentence: str
    names: tuple[str, ...]
    series: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Matrix:
    """A square table of counts, such as a confusion matrix.

    Parameters
    ----------
    title, sentence
        What it shows, and how to read it.
    names
        Of rows and columns alike.
    counts
        ``counts[row][column]``.
    """

    title: str
    sentence: str
    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Evidence:
    """What one diagnostic found.

    Parameters
    ----------
    diagnostic
        Its name in the table, such as ``"class-histogram"``.
    title
        For people, such as ``"Class histogram"``.
    failure
        Which failure it is evidence of: ``"mode-collapse"``, ``"memorisation"`` or ``"usefulness"``.
    severity
        How bad what was seen is, by its size alone: the verdict counts it only if `p_value` is small enough among all.
        ``"unknown"`` where it can't be said; evidence that is for information only, or is no alarm, is ``"none"``.
    sentence
        What was found in plain words with its number, such as "no sandals and few bags are made".
    p_value
        Of the hypothesis that the generated images are as fresh real ones would be; None where nothing is tested.
    effect
        How much, in the words of `effect_of`: mostly a share in [0, 1]; None where there is no one number.
    effect_of
        What `effect` is, such as "share of the real data that is missing".
    smallest_effect
        The smallest `effect` that this test would have seen in four of five cases with so many images; None if unknown.
    parts
        The parts that suffer, worst first.
    parts_of
        What the numbers of `parts` are, such as "share of the images".
    exhibits, histograms, matrices
        What the HTML report shows with it.
    details
        Further numbers, JSON-ready.
    reason
        Why nothing could be tested (`severity` is ``"unknown"`` then), with what to do about it.
    """

    diagnostic: str
    title: str
    failure: str
    severity: Severity
    sentence: str
    p_value: float | None = None
    effect: float | None = None
    effect_of: str | None = None
    smallest_effect: float | None = None
    parts: tuple[Part, ...] = ()
    parts_of: str | None = None
    exhibits: tuple[Exhibit, ...] = field(default=(), repr=False)
    histograms: tuple[Histogram, ...] = field(default=(), repr=False)
    matrices: tuple[Matrix, ...] = field(default=(), repr=False)
    details: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True)
class Finding:
    """The verdict on one failure.

    Parameters
    ----------
    failure
        ``"mode-collapse"``, ``"memorisation"`` or ``"usefulness"``.
    severity
        The worst of what counts.
    sentence
        In plain words.
    evidence
        Names of the diagnostics on which it rests.
    """

    failure: str
    severity: Severity
    sentence: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """All findings with their evidence.

    Parameters
    ----------
    findings
        One for each failure.
    evidence
        One for each diagnostic, in the order in which they are shown.
    significant
        Names of the diagnostics whose p-values count, by Holm's procedure over all of them.
    false_alarms
        Bound on the probability that anything at all is found where there is nothing, such as 0.05.
    """

    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...]
    significant: tuple[str, ...]
    false_alarms: float


@dataclass(frozen=True)
class Examined:
    """What a diagnostic gives: its evidence, and its numbers as scores by their full names."""

    evidence: Evidence
    scores: Mapping[str, Score] = field(default_factory=dict)
