"""`diagnose`: samples and the images they were learnt from in, a report with verdicts out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ganeval.diagnosis.choosing import Names, check_options, choose_diagnostics, missing
from ganeval.diagnosis.class_names import with_class_names
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.overlap import find_overlap
from ganeval.diagnosis.verdicts import FALSE_ALARMS, diagnosed
from ganeval.errors import MetricError, OptionError
from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.progress import Progress
from ganeval.report.diagnosis import Examined
from ganeval.report.report import Report
from ganeval.scoring.choice import choose_metrics
from ganeval.scoring.evaluation import Evaluation, Settings
from ganeval.scoring.reporting import make_report
from ganeval.scoring.scoring import DEFAULT_SEED
from ganeval.uncertainty.interval import DEFAULT_LEVEL

#: What is scored beside the diagnostics' own numbers: what people know.
_ALSO_SCORED = ("fd",)

_OVERLAPS_TRAINING = (
    "Memorisation looks smaller than it is where held-out images are training images; remove them from --held-out."
)
_OVERLAPS_SAMPLES = (
    "A generator can't make images that it never saw: either it was trained on them, or folders are mixed up. As "
    "held-out images they show nothing; remove them from --held-out."
)


def diagnose(
    samples: Any,
    real: Any,
    *,
    held_out: Any = None,
    only: Names = None,
    also: Names = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    false_alarms: float = FALSE_ALARMS,
    seed: int = DEFAULT_SEED,
    level: float = DEFAULT_LEVEL,
    progress: Progress | None = None,
    command: str | None = None,
    **settings: Any,
) -> Report:
    """Find out what fails in a generator.

    Parameters
    ----------
    samples
        Generated images: whatever `ganeval.open_source` takes.
    real
        The images on which the generator was trained.
    held_out
        Real images on which it wasn't; None where there are none, and then less can be said of memorisation.
    only, also
        Names of diagnostics: those to examine in place of the default's, and more of them.
    options
        Diagnostic to parameters, such as ``{"bins": {"count": 50}}``.
    false_alarms
        Bound on the probability that anything is found where the samples are as real images would be.
    seed
        Of everything random.
    level
        Of intervals.
    progress
        Told how far the work is.
    command
        How the run is described in the report.
    **settings
        As of `ganeval.score`: extractor, weights, preprocessing, device, batch_size, workers, compile, labels, clips,
        recursive, value_range, count, on_error, cache, cache_dir, trust.

    Returns
    -------
    Report
        Whose `diagnosis` holds verdicts and evidence, and whose scores hold all numbers by name.

    Raises
    ------
    GanevalError
        One of its family, with what was wrong and what to do.
    """
    began = time.perf_counter()
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    if not 0 < false_alarms < 1:
        raise OptionError(f"false_alarms is {false_alarms}", hint="It is a probability between 0 and 1, such as 0.05.")
    chosen = choose_diagnostics(only, also)
    check_options(chosen, options or {})
    evaluation = Evaluation(
        choose_metrics(_ALSO_SCORED, None, with_real=True),
        Settings(seed=seed, level=level, progress=progress, **settings),
    )
    # All are opened before any is read, so that a misspelt name costs no time.
    real_source, generated_source = evaluation.open(real), evaluation.open(samples)
    held_out_source = None if held_out is None else evaluation.open(held_out)
    evaluation.check_counts(generated_source, real_source)
    real_set = evaluation.extract(real_source, "real")
    generated_set = evaluation.extract(generated_source, "generated")
    held_out_set = None
    if held_out_source is not None:
        held_out_set = evaluation.extract(held_out_source, "real", label=f"held out: {held_out_source.name}")
    names = real_source.class_names
    subject = Subject(
        generated=with_class_names(generated_set.features, names),
        real=with_class_names(real_set.features, names),
        held_out=None if held_out_set is None else with_class_names(held_out_set.features, names),
        seed=seed,
        level=level,
        progress=evaluation.progress,
    )
    examined = examine(chosen, subject, options or {})
    scored = evaluation.compute(real_set, generated_set)
    scores: dict[str, Score] = {}
    for one in examined:
        scores.update(one.scores)
    report = make_report(
        evaluation,
        scored,
        real_set,
        generated_set,
        command=command or "ganeval.diagnosis.diagnose(...)",
        started=started,
        seconds=lambda: time.perf_counter() - began,
    )
    return replace(
        report,
        scores={**report.scores, **scores},
        diagnosis=diagnosed([one.evidence for one in examined], false_alarms=false_alarms),
        notices=(*report.notices, *_notices(subject)),
    )


def examine(
    diagnostics: Sequence[Diagnostic], subject: Subject, options: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Examined]:
    """What each of `diagnostics` finds; one that can't be examined with these images says why instead."""
    task = subject.progress.start("diagnostics", len(diagnostics), unit="diagnostics")
    found = []
    try:
        for one in diagnostics:
            found.append(_examined(one, subject, (options or {}).get(one.name, {})))
            task.advance(1)
    finally:
        task.finish()
    return found


def _examined(diagnostic: Diagnostic, subject: Subject, options: Mapping[str, Any]) -> Examined:
    reason = missing(diagnostic, subject)
    if reason is not None:
        return diagnostic.not_examined(reason)
    try:
        return diagnostic(subject, **options)
    except MetricError as error:
        return diagnostic.not_examined(error.message)


def _notices(subject: Subject) -> list[Notice]:
    if subject.held_out is None:
        return []
    found = (
        Notice("held-out-overlap", find_overlap(subject.held_out, subject.real).sentence, _OVERLAPS_TRAINING),
        Notice(
            "held-out-generated",
            find_overlap(subject.held_out, subject.generated, place="among the samples").sentence,
            _OVERLAPS_SAMPLES,
        ),
    )
    return [notice for notice in found if notice.message]
