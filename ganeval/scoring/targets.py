"""How precise scores are to become: what a user asks for with ``--until fid=0.5`` or ``until={"fid": "5%"}``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganeval.errors import MetricError, OptionError
from ganeval.metrics.registry import Metric
from ganeval.metrics.score import Score
from ganeval.metrics.selection import select_metrics
from ganeval.scoring.choice import Choice

Asked = Mapping[str, float | str] | Sequence[str] | str


@dataclass(frozen=True, eq=False)
class Target:
    """How precise a score is to become.

    Parameters
    ----------
    metric
        That gives it.
    base
        Its base name.
    asked
        As the user wrote it.
    amount
        Half-width of the interval, in the score's unit or, if `relative`, as a fraction of the estimate.
    """

    metric: Metric
    base: str
    asked: str
    amount: float
    relative: bool

    def half_width(self, score: Score) -> float:
        """What is asked for, in the score's unit."""
        return self.amount * abs(score.estimate) if self.relative else self.amount


def parse_until(asked: Asked, choice: Choice) -> tuple[Target, ...]:
    """What a user asked for: ``{"fid": 0.5}``, ``"fid=5%"``, or several such texts.

    Raises
    ------
    OptionError
        For text of another form, a width that isn't above zero, or a score that isn't computed, has no meaning on a
        part of the images, or is asked for twice.
    """
    targets: dict[tuple[str, str], Target] = {}
    for name, amount in _pairs(asked):
        metric, base = _find(name, choice)
        if metric.needs_whole_set:
            raise OptionError(
                f"until {name}: {metric.title} needs the sets as a whole, not a random part of them",
                hint="Leave --until out, or name another score.",
            )
        if (metric.name, base) in targets:
            raise OptionError(f"until {name}: that score is named twice", hint="Ask for one width of each score.")
        targets[metric.name, base] = Target(metric, base, *_amount(name, amount))
    if not targets:
        raise OptionError("until names no score", hint="For example: --until fid=0.5, or --until fid=5%.")
    return tuple(targets.values())


def _pairs(asked: Asked) -> Iterator[tuple[str, float | str]]:
    if isinstance(asked, Mapping):
        yield from asked.items()
        return
    for text in [asked] if isinstance(asked, str) else asked:
        for part in text.split(","):
            name, equals, amount = part.partition("=")
            if not (equals and name.strip() and amount.strip()):
                raise OptionError(
                    f"until {text!r} isn't of the form score=width",
                    hint="For example: --until fid=0.5 (in the score's unit), or --until fid=5% (of its value).",
                )
            yield name.strip(), amount.strip()


def _amount(name: str, amount: float | str) -> tuple[str, float, bool]:
    """The width as asked for, as a number, and whether that is a fraction of the estimate."""
    text = f"{amount:g}" if isinstance(amount, float | int) else str(amount).strip()
    relative = text.endswith("%")
    try:
        number = float(text.rstrip("%")) / (100 if relative else 1)
    except ValueError:
        number = math.nan
    if isinstance(amount, bool) or not (math.isfinite(number) and number > 0):
        raise OptionError(
            f"until {name}={amount}: the width must be a number above 0",
            hint="For example: fid=0.5 (in the score's unit), or fid=5% (of its value).",
        )
    return text, number, relative


def _find(name: str, choice: Choice) -> tuple[Metric, str]:
    """The metric and base name of a score that is computed, by any of its names."""
    chosen = {(one.metric.name, base): one.metric for one in choice.selection for base in one.scores}
    plain = name.lower().replace("-", "_")
    # A full name, such as fd_efficientnet-lite0, with the extractor's at its end.
    full = [key for key in chosen if plain.startswith(f"{key[1]}_")]
    try:
        found = [(one.metric.name, base) for one in select_metrics([name]) for base in one.scores]
    except MetricError as error:
        found = full
        if not found:
            raise OptionError(f"until {name}: {error.message}", hint=error.hint) from error
    if len(found) != 1:
        raise OptionError(
            f"until {name}: that name stands for several scores", hint=f"Name one: {', '.join(b for _, b in found)}."
        )
    if found[0] not in chosen:
        raise OptionError(
            f"until {name}: that score isn't computed", hint=f"Add it to the metrics. Computed: {_names(chosen)}."
        )
    return chosen[found[0]], found[0][1]


def _names(chosen: Mapping[tuple[str, str], Metric]) -> str:
    return ", ".join(base for _, base in chosen)


def until_options(targets: Sequence[Target]) -> dict[str, Any]:
    """What was asked, for the report's record of the run."""
    return {target.base: target.asked for target in targets}
