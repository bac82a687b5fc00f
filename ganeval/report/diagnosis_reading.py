"""Reads a diagnosis back from a report's JSON; its pictures are names without pixels."""

from __future__ import annotations

from ganeval.report.diagnosis import (
    SEVERITIES,
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
from ganeval.report.section import Section

_NONE = type(None)


def read_diagnosis(section: Section) -> Diagnosis:
    """The diagnosis; raises `ReportError` for a key that is missing or of the wrong type."""
    return Diagnosis(
        findings=tuple(
            Finding(one.get("failure", str), _severity(one), one.get("sentence", str), tuple(one.get("evidence", list)))
            for one in _sections(section, "findings")
        ),
        evidence=tuple(_evidence(one) for one in _sections(section, "evidence")),
        significant=tuple(section.get("significant", list)),
        false_alarms=section.number("false_alarms"),
    )


def _sections(parent: Section, key: str) -> list[Section]:
    return [Section(entry, f"{parent.where}: {key}[{place}]") for place, entry in enumerate(parent.get(key, list))]


def _severity(section: Section) -> Severity:
    word = section.get("severity", str)
    return next((known for known in SEVERITIES if known == word), "unknown")


def _number(section: Section, key: str) -> float | None:
    return section.number(key) if key in section else None


def _text(section: Section, key: str) -> str | None:
    return section.get(key, str) if key in section else None


def _evidence(section: Section) -> Evidence:
    return Evidence(
        diagnostic=section.get("diagnostic", str),
        title=section.get("title", str),
        failure=section.get("failure", str),
        severity=_severity(section),
        sentence=section.get("sentence", str),
        p_value=_number(section, "p_value"),
        effect=_number(section, "effect"),
        effect_of=_text(section, "effect_of"),
        smallest_effect=_number(section, "smallest_effect"),
        parts=tuple(_part(one) for one in _sections(section, "parts")),
        parts_of=_text(section, "parts_of"),
        exhibits=tuple(_exhibit(one) for one in _sections(section, "exhibits")),
        histograms=tuple(
            Histogram(
                one.get("title", str),
                one.get("sentence", str),
                tuple(one.get("names", list)),
                {name: tuple(values) for name, values in one.mapping("series").items()},
            )
            for one in _sections(section, "histograms")
        ),
        matrices=tuple(
            Matrix(
                one.get("title", str),
                one.get("sentence", str),
                tuple(one.get("names", list)),
                tuple(tuple(row) for row in one.get("counts", list)),
            )
            for one in _sections(section, "matrices")
        ),
        details=section.mapping("details"),
        reason=_text(section, "reason"),
    )


def _part(section: Section) -> Part:
    return Part(
        name=section.get("name", str),
        real=section.number("real"),
        generated=section.number("generated"),
        low=_number(section, "low"),
        high=_number(section, "high"),
        p_value=_number(section, "p_value"),
    )


def _exhibit(section: Section) -> Exhibit:
    def pictures(row: Section) -> tuple[Picture, ...]:
        return tuple(
            Picture(None, one.get("id", str), one.get("side", str), one.get("caption", str))
            for one in _sections(row, "pictures")
        )

    return Exhibit(
        title=section.get("title", str),
        sentence=section.get("sentence", str),
        rows=tuple((row.get("name", str), pictures(row)) for row in _sections(section, "rows")),
    )


__all__ = ["read_diagnosis"]
