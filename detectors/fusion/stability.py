"""Whether a verdict survives what a picture goes through without anybody noticing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ganeval.detectors.fusion.rules import CAMERA_HINT
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


def turns_over(label: Label, other: Label) -> bool:
    """Whether two labels say the opposite of each other; "inconclusive" is no opposite.

    A trace that is lost on the way turns nothing over: where none is found nothing is said for a camera either.
    """
    return _LEANS[label] * _LEANS[other] < 0


def can_turn_over(label: Label, hints: float) -> bool:
    """Whether a changed copy can get the opposite label: the file's own marks are the same for all copies."""
    return _LEANS[label] < 0 or (_LEANS[label] > 0 and hints <= CAMERA_HINT)
