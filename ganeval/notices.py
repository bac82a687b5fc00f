"""Remarks that belong beside the numbers: what was noticed about the data and what it does to the scores."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Notice:
    """One remark of a report.

    Parameters
    ----------
    code
        A stable short name, such as ``"format-mismatch"``, for programs.
    message
        What was seen, in one sentence.
    effect
        What it does to the numbers, in one sentence.
    severity
        ``"info"``, or ``"warning"`` where a score may mislead.
    """

    code: str
    message: str
    effect: str = ""
    severity: str = "warning"

    def to_dict(self) -> dict[str, str]:
        """A JSON-ready dictionary of the fields."""
        return asdict(self)
