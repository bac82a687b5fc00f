"""A ranking that admits ties: each one's places are those that the decided differences leave open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """One entry of a ranking.

    Parameters
    ----------
    name
        Of what is ranked.
    best, worst
        The first and last place that it can have; alike where it is settled. 1 is the best.
    """

    name: str
    best: int
    worst: int

    @property
    def text(self) -> str:
        """``"1"`` or ``"1–2"``."""
        return f"{self.best}" if self.best == self.worst else f"{self.best}–{self.worst}"


def ranking(names: Sequence[str], better: Collection[tuple[str, str]]) -> tuple[Place, ...]:
    """Places by the decided pairs alone.

    With all decisions right together with some probability (see `ganeval.uncertainty.differences.holm`), all places are
    right together with that probability (Al Mohamad, Goeman & van Zwet 2022, simultaneous confidence intervals for
    ranks from pairwise tests).

    Parameters
    ----------
    names
        What is ranked, the best estimate first: the order in which places are listed.
    better
        Pairs of names of which the first is decidedly better than the second.
    """
    total = len(names)
    return tuple(
        Place(
            name,
            best=1 + sum((other, name) in better for other in names),
            worst=total - sum((name, other) in better for other in names),
        )
        for name in names
    )
