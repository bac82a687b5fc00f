"""Runs a detector over real and generated images, as they are and perturbed, and measures how good its verdicts are."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganeval.detectors.batch.crew import LIMIT_SECONDS, Crew
from ganeval.detectors.evaluating.judging import AS_IS, Case, ExaminesSpecimens, Judged, Judging
from ganeval.detectors.evaluating.measures import (
    Measure,
    auc,
    auc_interval,
    average_precision,
    average_precision_interval,
    bootstrap_interval,
    brier,
    calibration_error,
    rate,
)
from ganeval.detectors.evaluating.sets import (
    NamedSet,
    SideFiles,
    differences,
    match_for,
    quality_group,
    size_group,
)
from ganeval.detectors.perturbations import Perturbation
from ganeval.errors import NotEnoughImagesError
from ganeval.images.source import ImageInfo
from ganeval.progress import Progress
from ganeval.wording import counted

#: Name under which all generators together appear.
ALL = "all generated"
#: Verdicts that count as found, strict first.
STRICT = frozenset({"generated"})
WIDE = frozenset({"generated", "probably generated"})


@dataclass(frozen=True)
class Outcome:
    """Measures of one generator against the real images, in one condition.

    Parameters
    ----------
    generator
        Its name, or `ALL`.
    condition
        `AS_IS`, or a perturbation that both sides went through.
    auc, average_precision
        Of the probability; images about which no detector could speak count at the prior.
    detected, detected_wide
        Share of generated images called ``generated``, and that or ``probably generated``.
    inconclusive, unjudged
        Shares of generated images called ``inconclusive``, and of those about which no detector could speak.
    detectors
        Name of each detector to the area under the ROC curve of its raw score, on images on which it spoke.
    """

    generator: str
    condition: str
    auc: Measure
    average_precision: Measure
    detected: Measure
    detected_wide: Measure
    inconclusive: Measure
    unjudged: Measure
    detectors: Mapping[str, Measure]


@dataclass(frozen=True)
class RealOutcome:
    """What was said of a group of the real images, in one condition.

    Parameters
    ----------
    by, group
        Such as ``"format"`` and ``"JPEG"``; ``"all"`` and an empty text for all.
    false_alarms, false_alarms_wide
        Share called ``generated``, and that or ``probably generated``.
    inconclusive, camera, unjudged
        Shares called ``inconclusive`` and ``probably camera``, and of those about which no detector could speak.
    """

    condition: str
    by: str
    group: str
    false_alarms: Measure
    false_alarms_wide: Measure
    inconclusive: Measure
    camera: Measure
    unjudged: Measure


@dataclass(frozen=True)
class Calibration:
    """How honest the probabilities are in one condition, over all images, weighted to the prior.

    Parameters
    ----------
    error
        Expected calibration error.
    brier
        Brier score.
    unspoken
        Images without a probability, left out.
    """

    condition: str
    error: Measure
    brier: Measure
    unspoken: int


@dataclass(frozen=True)
class Evaluation:
    """All measures of one run; `differences` are warnings about the sets, `match` what was done about them."""

    real_count: int
    generated_counts: Mapping[str, int]
    outcomes: tuple[Outcome, ...]
    real_outcomes: tuple[RealOutcome, ...]
    calibration: tuple[Calibration, ...]
    differences: tuple[str, ...]
    match: str | None
    errors: tuple[tuple[str, str], ...]
    level: float
    prior: float


@dataclass
class _Record:
    side: str
    generated: bool
    info: ImageInfo
    judged: Mapping[str, Judged]


@dataclass
class _Files:
    real: SideFiles = field(default_factory=SideFiles)
    generated: SideFiles = field(default_factory=SideFiles)

    def of(self, generated: bool) -> SideFiles:
        return self.generated if generated else self.real


def evaluate(
    sets: Sequence[NamedSet],
    make: Callable[[], ExaminesSpecimens],
    *,
    perturbations: Sequence[Perturbation] = (),
    match: bool = False,
    jobs: int = 1,
    level: float = 0.95,
    prior: float = 0.5,
    seed: int = 0,
    progress: Progress,
) -> Evaluation:
    """Judge every image of the sets and measure.

    Provenance can't speak here: images are examined as pixels, whatever their files say of themselves, and an
    evaluation on files that carry their generator's name would measure that name.

    Parameters
    ----------
    sets
        Of both classes.
    make
        Gives the examiner, in each worker process; picklable.
    perturbations
        Conditions besides the images as they are; both sides go through each.
    match
        Whether both sides are cut to one size and compressed alike first.
    jobs
        Worker processes.
    level
        Of the intervals.
    prior
        Share of generated images for which probabilities are stated.
    seed
        Of perturbations and bootstrap.

    Raises
    ------
    NotEnoughImagesError
        If a side has no image that could be judged.
    """
    files = _Files()
    errors: list[tuple[str, str]] = []
    for case in _cases(sets, errors):
        files.of(case.generated).add(case.info)
    for generated, word in ((False, "real"), (True, "generated")):
        if not files.of(generated).sides:
            raise NotEnoughImagesError(f"no {word} image could be decoded", hint="Check the folders.")
    matched = match_for(files.real, files.generated) if match else None
    judging = Judging(make, tuple(perturbations), matched, seed)
    conditions = [AS_IS, *(one.name for one in perturbations)]
    total = len(files.real.sides) + len(files.generated.sides)
    records = _judge_all(sets, judging, total, jobs, len(conditions), errors, progress)
    real = [one for one in records if not one.generated]
    generators: dict[str, list[_Record]] = defaultdict(list)
    for one in records:
        if one.generated:
            generators[one.side].append(one)
    if not real or not generators:
        raise NotEnoughImagesError(
            f"no {'generated' if real else 'real'} image could be judged: {errors[-1][1] if errors else 'none given'}"
        )
    everything = [one for members in generators.values() for one in members]
    groups = (
        dict(sorted(generators.items()))
        if len(generators) == 1
        else {ALL: everything, **dict(sorted(generators.items()))}
    )
    return Evaluation(
        real_count=len(real),
        generated_counts={name: len(members) for name, members in generators.items()},
        outcomes=tuple(
            _outcome(name, members, real, condition, level, prior, seed)
            for condition in conditions
            for name, members in groups.items()
        ),
        real_outcomes=tuple(one for condition in conditions for one in _real_outcomes(real, condition, level)),
        calibration=tuple(
            found
            for condition in conditions
            if (found := _calibration(everything, real, condition, level, prior, seed)) is not None
        ),
        differences=tuple(differences(files.real, files.generated)),
        match=None if matched is None else matched.name,
        errors=tuple(errors),
        level=level,
        prior=prior,
    )


def _cases(sets: Sequence[NamedSet], errors: list[tuple[str, str]]) -> Iterator[Case]:
    for one in sets:
        yield from one.cases(errors)


def _judge_all(
    sets: Sequence[NamedSet],
    judging: Judging,
    total: int,
    jobs: int,
    conditions: int,
    errors: list[tuple[str, str]],
    progress: Progress,
) -> list[_Record]:
    records: dict[int, _Record] = {}
    task = progress.start("judging", total=total)
    with Crew[Case, dict[str, Judged]](judging, min(jobs, total), limit=LIMIT_SECONDS * conditions) as crew:
        # Images that can't be decoded were counted in the first pass.
        for done in crew.work(_cases(sets, [])):
            if done.result is None:
                errors.append((done.task.id, done.error))
            else:
                records[done.position] = _Record(done.task.side, done.task.generated, done.task.info, done.result)
            task.advance(1)
    task.finish()
    # In the order of the images, not of the workers: the bootstrap is then the same in each run.
    return [records[position] for position in sorted(records)]


def _probabilities(records: Sequence[_Record], condition: str, missing: float) -> list[float]:
    return [missing if (value := one.judged[condition].probability) is None else value for one in records]


def _share(records: Sequence[_Record], condition: str, labels: frozenset[str], level: float) -> Measure:
    return rate(sum(one.judged[condition].label in labels for one in records), len(records), level)


def _unjudged(records: Sequence[_Record], condition: str, level: float) -> Measure:
    return rate(sum(one.judged[condition].probability is None for one in records), len(records), level)


def _outcome(
    name: str,
    generated: Sequence[_Record],
    real: Sequence[_Record],
    condition: str,
    level: float,
    prior: float,
    seed: int,
) -> Outcome:
    one, other = (_probabilities(records, condition, prior) for records in (generated, real))
    count = len(one) + len(other)
    return Outcome(
        generator=name,
        condition=condition,
        auc=Measure(auc(one, other), *auc_interval(one, other, level), count),
        average_precision=Measure(
            average_precision(one, other), *average_precision_interval(one, other, level, seed=seed), count
        ),
        detected=_share(generated, condition, STRICT, level),
        detected_wide=_share(generated, condition, WIDE, level),
        inconclusive=_share(generated, condition, frozenset({"inconclusive"}), level),
        unjudged=_unjudged(generated, condition, level),
        detectors=_by_detector(generated, real, condition, level),
    )


def _by_detector(
    generated: Sequence[_Record], real: Sequence[_Record], condition: str, level: float
) -> dict[str, Measure]:
    names = {name: None for one in (*generated, *real) for name in one.judged[condition].scores}
    found = {}
    for name in names:
        one, other = (
            [
                score
                for record in records
                if (score := record.judged[condition].scores.get(name)) is not None and np.isfinite(score)
            ]
            for records in (generated, real)
        )
        if one and other:
            found[name] = Measure(auc(one, other), *auc_interval(one, other, level), len(one) + len(other))
    return found


def _real_outcomes(real: Sequence[_Record], condition: str, level: float) -> Iterator[RealOutcome]:
    groupings: dict[str, Callable[[_Record], str]] = {
        "source": lambda one: one.side,
        "format": lambda one: one.info.format,
        "size": lambda one: size_group(one.info),
        "quality": lambda one: quality_group(one.info),
    }
    yield _real_outcome(condition, "all", "", real, level)
    for by, key in groupings.items():
        groups: dict[str, list[_Record]] = defaultdict(list)
        for one in real:
            groups[key(one)].append(one)
        if len(groups) > 1:
            for group, members in sorted(groups.items()):
                yield _real_outcome(condition, by, group, members, level)


def _real_outcome(condition: str, by: str, group: str, records: Sequence[_Record], level: float) -> RealOutcome:
    share = functools.partial(_share, records, condition, level=level)
    return RealOutcome(
        condition=condition,
        by=by,
        group=group,
        false_alarms=share(labels=STRICT),
        false_alarms_wide=share(labels=WIDE),
        inconclusive=share(labels=frozenset({"inconclusive"})),
        camera=share(labels=frozenset({"probably camera"})),
        unjudged=_unjudged(records, condition, level),
    )


def _calibration(
    generated: Sequence[_Record], real: Sequence[_Record], condition: str, level: float, prior: float, seed: int
) -> Calibration | None:
    spoken = [
        [value for one in records if (value := one.judged[condition].probability) is not None]
        for records in (generated, real)
    ]
    if not all(spoken):
        return None
    one, other = spoken
    measures: dict[str, Any] = {
        "error": functools.partial(calibration_error, prior=prior),
        "brier": functools.partial(brier, prior=prior),
    }
    count = len(one) + len(other)
    found = {
        name: Measure(measure(one, other), *bootstrap_interval(measure, one, other, level, seed=seed), count)
        for name, measure in measures.items()
    }
    return Calibration(condition, **found, unspoken=len(generated) + len(real) - count)


def errors_in_words(errors: Sequence[tuple[str, str]]) -> str:
    """How many images couldn't be judged, and the first of them; empty if there is none."""
    if not errors:
        return ""
    return (
        f"{counted(len(errors), 'image')} couldn't be judged and are missing from every condition, the first is "
        f"{errors[0][0]}: {errors[0][1]}"
    )
