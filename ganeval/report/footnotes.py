"""What the numbers of a score's cell mean, as numbered notes below the table: each distinct meaning once."""

from __future__ import annotations

from dataclasses import dataclass

from ganeval.metrics.score import Score
from ganeval.report.digits import ScoreText

_CORRECTED = "Corrected: without the bias of a finite sample."


@dataclass(frozen=True)
class Marks:
    """Numbers of the notes to the parts of one score; None for a part that there isn't."""

    spread: int | None = None
    corrected: int | None = None
    interval: int | None = None


class Footnotes:
    """Notes in the order in which they are first needed, numbered from 1."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def texts(self) -> tuple[str, ...]:
        """The notes; the first has the number 1."""
        return tuple(self._numbers)

    def marks(self, score: Score, text: ScoreText) -> Marks:
        """The notes that a score needs; `text` is how its numbers are shown."""
        return Marks(
            spread=None if text.spread_of is None else self._number(f"±: {text.spread_of}."),
            corrected=None if text.corrected is None else self._number(_CORRECTED),
            interval=self._interval(score, text),
        )

    def _interval(self, score: Score, text: ScoreText) -> int | None:
        if text.interval_of is not None:
            return self._number(f"Interval: {text.interval_of}.")
        if score.no_interval_reason is not None:
            return self._number(f"No interval: {score.no_interval_reason}.")
        return None

    def _number(self, note: str) -> int:
        return self._numbers.setdefault(note, len(self._numbers) + 1)
