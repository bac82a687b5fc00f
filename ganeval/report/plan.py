"""How many images it takes: what can be told with those at hand, and what a given difference or width would need."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganeval.report.serialise import json_section, json_text

PLAN_SCHEMA_NAME = "ganeval/power@1"


@dataclass(frozen=True)
class MetricPlan:
    """What one score says of the numbers of images.

    Numbers of images are infinite where none is enough, and None where no difference was asked about.

    Parameters
    ----------
    name
        Of the score.
    value
        Its estimate.
    n_real, n_generated
        At hand.
    difference
        That is to be told; None where only what can be told is asked.
    detectable
        The smallest difference between two generators that can be told at these numbers on the same real images, where
        what these do to both scores cancels (as it does, to first order, for generators that are nearly alike).
    detectable_unpaired
        The same with each score on real images of its own.
    half_width
        Of this score's own interval, at these numbers.
    needed
        Generated images a set to tell `difference`, on the same real images.
    needed_unpaired
        Generated images a set, and as many real images for each, to tell it with real images of their own.
    needed_for_half_width
        Generated images for an interval that reaches `difference` to either side, with the real images as they are.
    needed_for_half_width_both
        The same where as many real images are added: the number on each side.
    reason
        Why nothing can be said; None otherwise.
    """

    name: str
    value: float
    n_real: int | None
    n_generated: int | None
    difference: float | None = None
    detectable: float | None = None
    detectable_unpaired: float | None = None
    half_width: float | None = None
    needed: float | None = None
    needed_unpaired: float | None = None
    needed_for_half_width: float | None = None
    needed_for_half_width_both: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Plan:
    """One `MetricPlan` a score, for tests of `level` that tell a difference with probability `power`."""

    metrics: dict[str, MetricPlan]
    level: float
    power: float
    source: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; infinite numbers are null, and named under ``"not_finite"``."""
        return {
            "schema": PLAN_SCHEMA_NAME,
            "source": self.source,
            "level": self.level,
            "power": self.power,
            "metrics": {name: json_section(asdict(one), f"plan of {name}") for name, one in self.metrics.items()},
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """The plan as JSON text, also written (atomically) to `path` if given; raises `OutputError`."""
        return json_text(self.to_dict(), path)
