"""Whether a verdict survives what a picture goes through without anybody noticing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ganeval.detectors.fusion.rules import UNLIKELY, Judgement
from ganeval.detectors.perturbations import Jpeg, Resize
from ganeval.detectors.specimen import Pixels
from ganeval.detectors.verdict import Conditions, Label

#: Side by which a verdict leans.
_LEANS: dict[Label, int] = {"generated": 1, "probably generated": 1, "inconclusive": 0, "probably camera": -1}


def _saved_again(pixels: Pixels, conditions: Conditions) -> tuple[Pixels, Conditions]:
    return Jpeg(92)(pixels, 0), replace(conditions, format="JPEG", quality=92, quality_from="tables")


def _slightly_smaller(pixels: Pixels, conditions: Conditions) -> tuple[Pixels, Conditions]:
    smaller = Resize(0.95, "bicubic")(pixels, 0)
    return smaller, replace(conditions, resampled=0.95, width=smaller.shape[1], height=smaller.shape[0])


#: What is tried, in the words of the sentence.
TRIALS: dict[str, Callable[[Pixels, Conditions], tuple[Pixels, Conditions]]] = {
    "saved again as a JPEG of quality 92": _saved_again,
    "made smaller by 5 %": _slightly_smaller,
}


def turns_over(judgement: Judgement, other: Judgement) -> bool:
    """Whether two judgements say the opposite of each other.

    An alarm and a probability as low as a camera's are opposites, even where nothing else speaks for a camera; what is
    between them is none.
    """
    return _leaning(judgement) * _leaning(other) < 0


def _leaning(judgement: Judgement) -> int:
    unlikely = judgement.probability is not None and judgement.probability <= UNLIKELY
    return _LEANS[judgement.label] or (-1 if unlikely else 0)
