"""A diagnosis as the HTML page shows it: verdicts, each piece of evidence with its pictures, bars and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ganeval.report.diagnosis import (
    FAILURES,
    Diagnosis,
    Evidence,
    Exhibit,
    Finding,
    Histogram,
    Matrix,
    Part,
    Picture,
    Severity,
)
from ganeval.report.diagnosis_in_words import (
    SEVERITY_WORDS,
    effect_text,
    p_value_text,
    share_text,
    smallest_text,
)
from ganeval.report.figures import preview_uri

_PARTS_SHOWN = 24
_PIXELATED_BELOW = 97


@dataclass(frozen=True)
class FindingView:
    """One verdict."""

    title: str
    severity: Severity
    word: str
    sentence: str


@dataclass(frozen=True)
class PictureView:
    """One picture with what stands below it; `uri` is None where it couldn't be read again."""

    id: str
    side: str
    caption: str
    uri: str | None
    width: int
    height: int
    pixelated: bool


@dataclass(frozen=True)
class ExhibitView:
    """Rows of pictures."""

    title: str
    sentence: str
    rows: tuple[tuple[str, tuple[PictureView, ...]], ...]


@dataclass(frozen=True)
class BarView:
    """One bar: its series, its number as text, and its length in percent of the longest."""

    series: str
    text: str
    width: float


@dataclass(frozen=True)
class HistogramView:
    """Groups of bars by name."""

    title: str
    sentence: str
    series: tuple[str, ...]
    groups: tuple[tuple[str, tuple[BarView, ...]], ...]


@dataclass(frozen=True)
class MatrixView:
    """A table of counts; each cell with how dark it is, in percent of its row."""

    title: str
    sentence: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, float], ...]], ...]


@dataclass(frozen=True)
class PartView:
    """One part that suffers, in words."""

    name: str
    real: str
    generated: str
    interval: str


@dataclass(frozen=True)
class EvidenceView:
    """One diagnostic's evidence; `counts` says whether its p-value is small enough among all."""

    evidence: Evidence
    word: str
    counts: bool
    p_value: str
    effect: str
    smallest: str
    parts: tuple[PartView, ...]
    parts_left: int
    exhibits: tuple[ExhibitView, ...]
    histograms: tuple[HistogramView, ...]
    matrices: tuple[MatrixView, ...]
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DiagnosisView:
    """All of it."""

    findings: tuple[FindingView, ...]
    evidence: tuple[EvidenceView, ...]
    false_alarms: str
    tests: int


def diagnosis_view(diagnosis: Diagnosis) -> DiagnosisView:
    """`diagnosis` with every number as text."""
    return DiagnosisView(
        findings=tuple(map(_finding, diagnosis.findings)),
        evidence=tuple(_evidence(one, one.diagnostic in diagnosis.significant) for one in diagnosis.evidence),
        false_alarms=share_text(diagnosis.false_alarms),
        tests=sum(one.p_value is not None for one in diagnosis.evidence),
    )


def _finding(finding: Finding) -> FindingView:
    title = FAILURES.get(finding.failure, finding.failure)
    return FindingView(title, finding.severity, SEVERITY_WORDS[finding.severity], finding.sentence)


def _evidence(evidence: Evidence, counts: bool) -> EvidenceView:
    shown = evidence.severity if counts or evidence.severity == "unknown" else "none"
    return EvidenceView(
        evidence=evidence,
        word=SEVERITY_WORDS[shown],
        counts=counts,
        p_value=p_value_text(evidence),
        effect=effect_text(evidence),
        smallest=smallest_text(evidence),
        parts=tuple(map(_part, evidence.parts[:_PARTS_SHOWN])),
        parts_left=max(0, len(evidence.parts) - _PARTS_SHOWN),
        exhibits=tuple(map(_exhibit, evidence.exhibits)),
        histograms=tuple(map(_histogram, evidence.histograms)),
        matrices=tuple(map(_matrix, evidence.matrices)),
        details=tuple((name.replace("_", " "), _detail(value)) for name, value in evidence.details.items()),
    )


def _detail(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_detail, value)) if len(value) <= 8 else f"{len(value)} values"
    return str(value)


def _part(part: Part) -> PartView:
    bounded = part.low is not None and part.high is not None
    interval = f"{share_text(part.low or 0.0, signed=True)} to {share_text(part.high or 0.0, signed=True)}"
    return PartView(part.name, share_text(part.real), share_text(part.generated), interval if bounded else "")


def _exhibit(exhibit: Exhibit) -> ExhibitView:
    return ExhibitView(
        exhibit.title, exhibit.sentence, tuple((name, tuple(map(_picture, row))) for name, row in exhibit.rows)
    )


def _picture(picture: Picture) -> PictureView:
    if picture.preview is None:
        return PictureView(picture.id, picture.side, picture.caption, None, 0, 0, False)
    height, width = picture.preview.pixels.shape[:2]
    pixelated = max(width, height) < _PIXELATED_BELOW
    return PictureView(
        picture.id, picture.side, picture.caption, preview_uri(picture.preview), width, height, pixelated
    )


def _histogram(histogram: Histogram) -> HistogramView:
    longest = max((value for values in histogram.series.values() for value in values), default=0.0) or 1.0
    groups = tuple(
        (
            name,
            tuple(
                BarView(series, share_text(values[place]), 100 * values[place] / longest)
                for series, values in histogram.series.items()
            ),
        )
        for place, name in enumerate(histogram.names)
    )
    return HistogramView(histogram.title, histogram.sentence, tuple(histogram.series), groups)


def _matrix(matrix: Matrix) -> MatrixView:
    rows = tuple(
        (name, tuple((count, 100 * count / max(1, sum(row))) for count in row))
        for name, row in zip(matrix.names, matrix.counts, strict=True)
    )
    return MatrixView(matrix.title, matrix.sentence, matrix.names, rows)
