"""What a report says of pairs: images without a partner of their name, and pairs of equal images."""

from __future__ import annotations

from collections.abc import Iterable

from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.wording import counted

_SHOWN = 3


def notices_of_pairs(scores: Iterable[Score]) -> list[Notice]:
    """Remarks on the first paired score among `scores`, since all have the same pairs; none if there is none."""
    paired = [score for score in scores if "unmatched_real" in score.details]
    if not paired:
        return []
    return [*_unmatched(paired[0]), *(notice for score in paired for notice in _identical(score))]


def _unmatched(score: Score) -> list[Notice]:
    without = {side: score.details[f"unmatched_{side}"] for side in ("generated", "real")}
    parts = [
        f"{counted(count, f'{side} image')} ({_first(score.details[f'first_unmatched_{side}'], count)})"
        for side, count in without.items()
        if count
    ]
    if not parts:
        return []
    verb = "has" if sum(without.values()) == 1 else "have"
    return [
        Notice(
            "unpaired-images",
            f"{' and '.join(parts)} {verb} no partner of the same name",
            f"The paired scores are those of the {counted(score.details['pairs'], 'pair')}.",
        )
    ]


def _identical(score: Score) -> list[Notice]:
    count, pairs = score.details.get("identical_pairs", 0), score.details["pairs"]
    if not count:
        return []
    effect = (
        "Its value is infinite. Were copies of the real images scored?"
        if count == pairs
        else "Their ratio is infinite; the mean is that of the others."
    )
    what = f"{count:,} of {counted(pairs, 'pair')} {'is' if count == 1 else 'are'} of identical images"
    return [Notice("identical-pairs", f"{score.name}: {what}", effect)]


def _first(names: list[str], count: int) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if count <= _SHOWN else f"{shown}, …"
