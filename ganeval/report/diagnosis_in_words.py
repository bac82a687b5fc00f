"""Verdicts and evidence in words, as console and page both show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ganeval.report.diagnosis import FAILURES, Diagnosis, Evidence, Severity
from ganeval.report.digits import number_text

SEVERITY_WORDS: Mapping[Severity, str] = {
    "none": "none found",
    "partial": "partial",
    "severe": "severe",
    "unknown": "not examined",
}


def finding_lines(diagnosis: Diagnosis) -> Iterator[tuple[Severity, str]]:
    """One line for each failure: how bad it is, and the verdict."""
    for finding in diagnosis.findings:
        title = FAILURES.get(finding.failure, finding.failure)
        yield finding.severity, f"{title}: {SEVERITY_WORDS[finding.severity]}. {_begun(finding.sentence)}."


def _begun(sentence: str) -> str:
    """With a capital, and without the full stop that the caller adds."""
    sentence = sentence.rstrip(".")
    return sentence[:1].upper() + sentence[1:]


def p_value_text(evidence: Evidence) -> str:
    """Its p-value with two digits, empty where nothing is tested."""
    if evidence.p_value is None:
        return ""
    return "<1e-9" if evidence.p_value < 1e-9 else f"{evidence.p_value:.2g}"


def effect_text(evidence: Evidence) -> str:
    """Its effect, a share where it says so; empty where there is none."""
    if evidence.effect is None:
        return ""
    return share_text(evidence.effect) if _is_share(evidence) else number_text(evidence.effect, 0.01)


def smallest_text(evidence: Evidence) -> str:
    """The smallest effect that would have been seen, empty where unknown."""
    if evidence.smallest_effect is None:
        return ""
    if _is_share(evidence):
        return share_text(evidence.smallest_effect)
    return number_text(evidence.smallest_effect, 0.01)


def share_text(value: float, *, signed: bool = False) -> str:
    """A share as a percentage with three digits at most: ``12.3 %``, ``0.05 %``."""
    percent = 100 * value
    digits = 0 if abs(percent) >= 99.95 or percent == 0 else 1 if abs(percent) >= 0.995 else 2
    text = f"{percent:{'+' if signed else ''}.{digits}f}"
    return text.replace("-", "−") + " %"


def _is_share(evidence: Evidence) -> bool:
    return evidence.effect_of is not None and "share" in evidence.effect_of
