"""What changes where images are frames of videos: frames of one clip are no independent images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ganeval.metrics.mean_of_values import student_quantile
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence, StandardError, variance_of_grouped_mean
from ganeval.uncertainty.interval import Interval, critical_value
from ganeval.wording import counted

#: Fewest clips on a side. In simulations of frames that depend strongly on their clip, a mean over pairs of images,
#: which pairs within a clip bias by the order of 1/clips, was covered by nominal 95 % intervals in 84 % of the
#: repetitions with 30 clips, 88 % with 100 and 93 % with 200 to 400; with frames taken for independent in 33 % to 56 %.
FEWEST_CLIPS = 200


def for_clips(
    score: Score,
    real_clips: Sequence[str] | None,
    generated_clips: Sequence[str] | None,
    level: float | None,
    *,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Score:
    """A frame metric's score with an interval that takes the frames of each clip together, or the reason why not.

    The variance of the mean influence is that of independent clips, each with the sum of its frames' influences (the
    cluster-robust variance of Liang & Zeger 1986), the quantile Student's with one degree of freedom less than there
    are clips on the smaller side. A bias that was corrected as if frames were independent is not corrected: `corrected`
    and the interval around it are taken away.

    Parameters
    ----------
    score
        As the metric gave it for the frames.
    real_clips, generated_clips
        Name of each image's clip, [N] and [M]; None for a side of independent images, or without a part in the score.
    level
        Of the interval; None leaves the score as it is.
    lowest, highest
        Range of the quantity; where the score's own interval was cut off at it, that shows by itself.
    """
    sides = {"real": real_clips, "generated": generated_clips}
    if level is None or not any(clips is not None for clips in sides.values()):
        return score
    if score.corrected is not None:
        plain = replace(score, corrected=None, influence=None)
        return plain.without_interval("its correction takes images for independent, and frames of a clip are not")
    if score.interval is None and score.no_interval_reason is not None:
        return score
    influence = score.influence
    if influence is None:
        return score.without_interval("its interval takes images for independent, and frames of a clip are not")
    counts = {
        side: len(set(clips))
        for side, clips in sides.items()
        if clips is not None and getattr(influence, side) is not None
    }
    few = [counted(count, f"{side} clip") for side, count in counts.items() if count < FEWEST_CLIPS]
    if few:
        return score.without_interval(f"{' and '.join(few)} are too few: it takes {FEWEST_CLIPS}")
    error = _grouped_error(influence, real_clips, generated_clips)
    if not counts or not math.isfinite(error.total):
        return score
    quantile = student_quantile(level, min(counts.values()) - 1)
    low, high = _range(score, level, lowest, highest)
    reach = quantile * error.total
    interval = Interval(
        max(score.value - reach, low),
        min(score.value + reach, high),
        level,
        f"{'' if score.interval is None else score.interval.method + '; '}clips, not frames, taken for independent",
    )
    return replace(score, interval=interval, standard_error=error, no_interval_reason=None)


def _grouped_error(
    influence: Influence, real_clips: Sequence[str] | None, generated_clips: Sequence[str] | None
) -> StandardError:
    alone = influence.standard_error()
    grouped = [
        error if values is None or clips is None else math.sqrt(variance_of_grouped_mean(values, clips))
        for values, clips, error in (
            (influence.real, real_clips, alone.real),
            (influence.generated, generated_clips, alone.generated),
        )
    ]
    return StandardError(grouped[0], grouped[1], alone.other)


def _range(score: Score, level: float, lowest: float, highest: float) -> tuple[float, float]:
    """The quantity's range: what is given, else where the score's own normal interval was cut off."""
    if score.interval is not None and score.standard_error is not None:
        reach = critical_value(level) * score.standard_error.total
        slack = 1e-9 * max(reach, abs(score.value))
        if score.interval.low > score.estimate - reach + slack:
            lowest = max(lowest, score.interval.low)
        if score.interval.high < score.estimate + reach - slack:
            highest = min(highest, score.interval.high)
    return lowest, highest
