"""The answer to "which generator made this picture?"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: What stands for the generator where the picture matches none well enough.
NONE_OF_THESE = "none of these"


@dataclass(frozen=True)
class Attribution:
    """Which of the known generators made a picture.

    Parameters
    ----------
    generator
        Name of the generator, or `NONE_OF_THESE`.
    best
        The generator whose fingerprint is nearest, whether near enough or not.
    correlation
        Normalised correlation of the picture's residual with the best fingerprint, -1 to 1.
    score
        That correlation in deviations above what foreign pictures reach with that fingerprint.
    threshold
        Score beyond which a generator may be named.
    p_value
        Share of foreign pictures (of other generators, or photographs) that match some fingerprint as well as this one,
        counted with this picture among them: never below 1/(n + 1). A generator is named at `level` or below.
    agreement
        Correlation with the best fingerprint over those frequencies alone at which it is more than noise, -1 to 1.
    typicality
        Share of the best generator's own pictures that agree with it no better, counted likewise. A generator is named
        above `level`.
    level
        Share of foreign pictures, and of a generator's own, on which the answer may be wrong.
    correlations
        With each generator's fingerprint.
    scores
        With each generator's fingerprint.
    """

    generator: str
    best: str
    correlation: float
    score: float
    threshold: float
    p_value: float
    agreement: float
    typicality: float
    level: float
    correlations: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The answer in words, lower case, without a full stop."""
        told = f"correlation {self.correlation:.3f}, p = {self.p_value:.2g}"
        if self.generator == NONE_OF_THESE:
            why = (
                "no nearer than foreign pictures are"
                if self.p_value > self.level
                else "not as near as its own pictures are"
            )
            return f"none of the known generators: the nearest is {self.best}, {why} ({told})"
        return f"carries the fingerprint of {self.generator} ({told})"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self.__dict__)
