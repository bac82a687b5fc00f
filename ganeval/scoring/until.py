"""Stop when it is enough: more and more images, until the intervals of chosen scores are as narrow as asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ganeval.errors import NotEnoughImagesError, OptionError
from ganeval.images.source import ImageSource
from ganeval.metrics.naming import score_name
from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.report.stopping import LookTaken, Stopping, TargetOutcome
from ganeval.scoring.evaluation import Evaluation, ExtractedSet, Scored
from ganeval.scoring.growth import GrowingSet, WholeSet, growing_real, looks_between
from ganeval.scoring.targets import Target
from ganeval.uncertainty.sequential import Looks, planned_sizes
from ganeval.wording import counted

# A forecast may err: the next look is at this share of it, and no further away than by this factor.
_FORECAST_SHARE = 0.9
_LONGEST_STEP = 4.0
# Less room than this, for all other errors, beside that of a side that can't grow: the target can't be met.
_HOPELESS = 0.02


@dataclass(frozen=True)
class Enough:
    """Where a run ended: the sets, the scores with intervals that hold in spite of the looks, and how it came there."""

    real: ExtractedSet | None
    generated: ExtractedSet
    scored: Scored
    stopping: Stopping
    notices: tuple[Notice, ...]


def score_until(
    evaluation: Evaluation, generated: ImageSource, real: ImageSource | None, targets: Sequence[Target]
) -> Enough:
    """Extract and score in growing parts until all `targets` are met or no image is left.

    The intervals hold with the settings' level although the scores were looked at several times, see
    `ganeval.uncertainty.sequential`. The looks that count begin with the first at which a target has an interval at
    all, which is a matter of the numbers of images and features, not of the value.

    Raises
    ------
    OptionError
        If no intervals are wanted, or a side holds videos.
    GanevalError
        As extraction and metrics raise them; what was extracted is in the store.
    """
    if evaluation.level is None:
        raise OptionError("until needs intervals, and none are wanted", hint="Leave --no-intervals out (level=0.95).")
    return _Run(evaluation, generated, real, targets, evaluation.level).enough()


class _Run:
    def __init__(
        self,
        evaluation: Evaluation,
        generated: ImageSource,
        real: ImageSource | None,
        targets: Sequence[Target],
        level: float,
    ) -> None:
        self.evaluation, self.targets, self.level = evaluation, targets, level
        self.generated = GrowingSet(evaluation, generated, "generated")
        self.real: GrowingSet | WholeSet | None = None if real is None else growing_real(evaluation, real)
        extractor = evaluation.network.info.name
        self.names = {target: score_name(target.base, target.metric, extractor) for target in targets}
        self.looks: list[LookTaken] = []

    def enough(self) -> Enough:
        sets = [self.generated, *([] if self.real is None else [self.real])]
        metrics = (target.metric for target in self.targets)
        sizes = planned_sizes(*looks_between(self.evaluation, metrics, sets))
        plan: Looks | None = None
        wanted = 0.0
        for index, size in enumerate(sizes):
            if size < wanted and index + 1 < len(sizes) and not self._all_taken():
                continue
            current = plan or Looks(sizes[index:], self.level)
            generated = self.generated.upto(size)
            real = None if self.real is None else self.real.upto(size)
            last = index + 1 == len(sizes) or self._all_taken()
            level = current.level_at(current.sizes.index(size))
            scored = self._look(real, generated, level, last=last)
            scores = {
                target: None if scored is None else scored.scores.get(self.names[target]) for target in self.targets
            }
            self._record(real, generated, scores)
            if plan is None and any(_half_width(score) is not None for score in scores.values()):
                plan = current
            needed = [
                self._needed(target, score, size) for target, score in scores.items() if not _is_met(target, score)
            ]
            if last or all(images == math.inf for images in needed):
                return self._finish(real, generated, scored, plan or current, size)
            wanted = _FORECAST_SHARE * min(max(needed), _LONGEST_STEP * size)
        raise AssertionError("the last look ends the run")

    def _all_taken(self) -> bool:
        return self.generated.exhausted and (self.real is None or self.real.exhausted)

    def _look(self, real: ExtractedSet | None, generated: ExtractedSet, level: float, *, last: bool) -> Scored | None:
        """The scores with targets, None where there are too few images and more to come."""
        try:
            only = {target.metric.name for target in self.targets}
            return self.evaluation.compute(real, generated, level=level, only=only)
        except NotEnoughImagesError:
            if last:
                raise
            return None

    def _record(
        self, real: ExtractedSet | None, generated: ExtractedSet, scores: Mapping[Target, Score | None]
    ) -> None:
        widths = {self.names[target]: _half_width(score) for target, score in scores.items()}
        self.looks.append(LookTaken(None if real is None else len(real.features), len(generated.features), widths))

    def _needed(self, target: Target, score: Score | None, size: int) -> float:
        """Forecast of the images that the target needs: the errors of those sides shrink that still grow.

        0 where nothing can be foretold; infinite where the side that doesn't grow is too small by itself.
        """
        reached = _half_width(score)
        if score is None or reached is None or score.standard_error is None:
            return 0.0
        error = score.standard_error
        fixed = 0.0
        if self.real is not None and self.real.exhausted:
            fixed += error.real**2
        if self.generated.exhausted:
            fixed += error.generated**2
        # Half-widths in standard errors as they are: an interval may be cut off where the score's range ends.
        asked = (target.half_width(score) * error.total / max(reached, 1e-300)) ** 2
        room = max(asked - fixed, 0.0)
        if room < _HOPELESS * fixed:
            return math.inf
        return size * (error.total**2 - fixed) / room if room > 0 else 0.0

    def _finish(
        self, real: ExtractedSet | None, generated: ExtractedSet, scored: Scored | None, looks: Looks, size: int
    ) -> Enough:
        assert scored is not None
        look = looks.sizes.index(size)
        if {target.metric.name for target in self.targets} < {one.metric.name for one in self.evaluation.selection}:
            scored = self.evaluation.compute(real, generated, level=looks.level_at(look))
        scored = replace(scored, scores={name: _relabelled(score, looks) for name, score in scored.scores.items()})
        outcomes = tuple(self._outcome(target, scored.scores.get(self.names[target])) for target in self.targets)
        stopping = Stopping(outcomes, tuple(self.looks), looks.sizes, looks.level, looks.critical(look))
        sides = [self.generated] if self.real is None else [self.generated, self.real]
        notices = [notice for side in sides for notice in side.notices]
        unmet = _unmet(stopping, self.looks[-1], self._hindering(scored, looks.critical(look), outcomes))
        return Enough(real, generated, scored, stopping, (*notices, *unmet))

    def _hindering(
        self, scored: Scored, critical: float, outcomes: Sequence[TargetOutcome]
    ) -> dict[str, tuple[str, float]]:
        """By score: the side, used up while the other isn't, that alone makes its interval too wide."""
        found: dict[str, tuple[str, float]] = {}
        if self._all_taken():
            return found
        for outcome in outcomes:
            error = scored.scores[outcome.score].standard_error
            if error is None:
                continue
            parts = (("generated", self.generated, error.generated), ("real", self.real, error.real))
            for side, growing, part in parts:
                if growing is not None and growing.exhausted and critical * part > outcome.half_width:
                    found[outcome.score] = side, critical * part
        return found

    def _outcome(self, target: Target, score: Score | None) -> TargetOutcome:
        if score is None:
            raise NotEnoughImagesError(f"until {self.names[target]}: the score can't be computed from these images")
        return TargetOutcome(
            self.names[target], target.asked, target.half_width(score), _half_width(score), _is_met(target, score)
        )


def _half_width(score: Score | None) -> float | None:
    """Of the score's interval; None where there is none, or one without width, which no finite sample can have."""
    if score is None or score.interval is None:
        return None
    half = (score.interval.high - score.interval.low) / 2
    return half if math.isfinite(half) and half > 0 else None


def _is_met(target: Target, score: Score | None) -> bool:
    reached = _half_width(score)
    return score is not None and reached is not None and reached <= target.half_width(score)


def _relabelled(score: Score, looks: Looks) -> Score:
    """The score with the level that its interval has under the rule, not that of a single look."""
    if score.interval is None or len(looks) == 1:
        return score
    method = f"{score.interval.method}; holds at all {len(looks)} planned looks together"
    return replace(score, interval=replace(score.interval, level=looks.level, method=method))


def _unmet(stopping: Stopping, end: LookTaken, fixed: Mapping[str, tuple[str, float]]) -> Iterator[Notice]:
    """What to know of the targets that weren't met; `fixed` has the side that hinders a score, and its half-width."""
    for target in stopping.targets:
        if target.met:
            continue
        asked = (
            f"±{target.half_width:.3g} ({target.asked})" if target.asked.endswith("%") else f"±{target.half_width:.3g}"
        )
        sides = counted(end.n_generated, "generated image")
        if end.n_real is not None:
            sides += f" and {counted(end.n_real, 'real one')}"
        effect = ""
        if target.reached is None:
            reached = "there is no interval"
        else:
            reached = f"the interval reaches ±{target.reached:.3g}"
            if target.score in fixed:
                side, half_width = fixed[target.score]
                effect = f"All {side} images are used, and they alone leave ±{half_width:.3g}."
            elif target.half_width > 0:
                needed = end.n_generated * (target.reached / target.half_width) ** 2
                effect = f"About {float(f'{needed:.2g}'):,.0f} images a side would be needed."
        yield Notice("until-not-met", f"{target.score}: {asked} was asked for, and {reached} with {sides}", effect)
