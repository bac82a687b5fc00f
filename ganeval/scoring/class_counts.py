"""What a report says of scores by class: those left out, because a side has too few images of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.wording import counted

_SHOWN = 3


def notices_of_classes(scores: Iterable[Score]) -> list[Notice]:
    """A remark on each score whose ``details`` say that classes were left out of it."""
    return [_left_out(score) for score in scores if score.details.get("left_out")]


def _left_out(score: Score) -> Notice:
    left: dict[str, dict[str, Any]] = score.details["left_out"]
    kept = len(score.details["classes"])
    shown = [f"{name}: {n['n_real']:,} real, {n['n_generated']:,} generated" for name, n in [*left.items()][:_SHOWN]]
    more = "; …" if len(left) > _SHOWN else ""
    verb = "is" if len(left) == 1 else "are"
    return Notice(
        "classes-left-out",
        f"{score.name}: {len(left):,} of {counted(len(left) + kept, 'class', 'classes')} {verb} left out, because a "
        f"side has too few images ({'; '.join(shown)}{more})",
        f"The mean is over the {counted(kept, 'other')}; compare it with means over the same ones.",
    )
