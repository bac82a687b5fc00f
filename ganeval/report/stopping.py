"""What a report says of a run that took more and more images until the intervals were narrow enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LookTaken:
    """One look at the scores on the way.

    Parameters
    ----------
    n_real, n_generated
        Images by then; `n_real` is None without a real side.
    half_widths
        Of the interval of each score that was to become precise enough; None where there was no interval yet.
    """

    n_real: int | None
    n_generated: int
    half_widths: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetOutcome:
    """What was asked of one score, and what came of it.

    Parameters
    ----------
    score
        Its full name.
    asked
        As it was asked: ``"0.5"``, or ``"5%"`` of the estimate.
    half_width
        What that comes to, in the score's unit.
    reached
        Half-width of the score's interval at the end; None where it has none.
    met
        Whether that was narrow enough.
    """

    score: str
    asked: str
    half_width: float
    reached: float | None
    met: bool


@dataclass(frozen=True)
class Stopping:
    """How the run came to its end.

    Parameters
    ----------
    targets
        What was asked, and what came of it.
    looks
        Those taken, in order; the last one is that of the report.
    planned
        Sizes of all looks at which the intervals hold together, taken or not.
    level
        Probability that the intervals of all planned looks hold.
    critical
        Standard errors that the report's intervals reach to each side for that (1.96 for a single look at 95 %).
    """

    targets: tuple[TargetOutcome, ...]
    looks: tuple[LookTaken, ...]
    planned: tuple[int, ...]
    level: float
    critical: float

    @property
    def met(self) -> bool:
        """Whether all that was asked was reached."""
        return all(target.met for target in self.targets)
