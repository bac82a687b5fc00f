"""Classification accuracy score: how well a classifier that saw generated images alone tells real ones apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ganeval.diagnosis.class_names import with_class_names
from ganeval.diagnosis.usefulness.classification_accuracy import MOST_IMAGES, PARTS, examine_probe
from ganeval.diagnosis.usefulness.from_scratch import FullOptions, examine_full
from ganeval.diagnosis.verdicts import diagnosed
from ganeval.errors import OptionError, did_you_mean
from ganeval.features.features import Features
from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.progress import Progress
from ganeval.report.diagnosis import Diagnosis, Examined
from ganeval.report.report import Report
from ganeval.scoring.choice import Choice, choose_metrics
from ganeval.scoring.evaluation import Evaluation, ExtractedSet, Scored, Settings
from ganeval.scoring.reporting import make_report
from ganeval.scoring.scoring import DEFAULT_SEED
from ganeval.uncertainty.interval import DEFAULT_LEVEL
from ganeval.wording import counted

#: Probability that the verdict is a false alarm.
_FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class ProbeOptions:
    """Of ``mode="probe"``; see `ganeval.diagnosis.usefulness.classification_accuracy.probe_accuracy`."""

    parts: int = PARTS
    strength: float | None = None
    most: int | None = MOST_IMAGES


def classification_accuracy_score(
    samples: Any,
    real_train: Any,
    real_test: Any,
    *,
    mode: str = "probe",
    probe: ProbeOptions | None = None,
    full: FullOptions | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    seed: int = DEFAULT_SEED,
    level: float = DEFAULT_LEVEL,
    progress: Progress | None = None,
    command: str | None = None,
    **settings: Any,
) -> Report:
    """Train a classifier on generated, labelled images and test it on real ones (Ravuri & Vinyals 2019).

    Beside it the same classifier is trained on equally many real images of each class, and on both together. All sets
    have to have class labels of the same names.

    Parameters
    ----------
    samples
        Generated images: whatever `ganeval.open_source` takes.
    real_train, real_test
        Real images to train the other classifiers on, and to test all of them on. Test images that are also in a set
        to train on are left out, and named.
    mode
        ``"probe"``: linear classifiers of an extractor's features, in seconds. ``"full"``: networks trained from
        scratch, as in the paper, in hours.
    probe, full
        Options of each mode.
    out
        Folder for checkpoints of ``"full"``; without one, an interrupt loses what was trained.
    resume
        Whether to go on from those checkpoints.
    seed
        Of everything random.
    level
        Of intervals.
    progress
        Told how far the work is.
    command
        How the run is described in the report.
    **settings
        As of `ganeval.score`: extractor, weights, preprocessing, device, batch_size, workers, labels, recursive,
        value_range, count, on_error, cache, cache_dir, trust.

    Returns
    -------
    Report
        Whose scores are ``cas_top1``, ``cas_real_top1``, ``cas_both_top1``, ``cas_lost_top1`` and, with more than five
        classes, the like for ``top5`` (``cas_probe_top1_<extractor>`` and so on for ``mode="probe"``; asked for as
        ``"cas_top1"`` it is found in either case), and whose `diagnosis` has one finding.

    Raises
    ------
    GanevalError
        One of its family, with what was wrong and what to do: missing labels, label sets that differ, classes of a
        single image, nothing left to test on, a diverged training, a checkpoint of another run.
    KeyboardInterrupt
        After SIGINT or SIGTERM in training, when the checkpoint is written.
    """
    began = time.perf_counter()
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    way = _way(mode)
    if mode != "full" and (out is not None or resume or full is not None):
        raise OptionError(
            f"mode is {mode!r}, which trains in seconds and keeps nothing",
            hint="--out, --resume and options of a network's training belong to --mode full.",
        )
    if resume and out is None:
        raise OptionError("there is no run to resume", hint="Name its folder with --out.")
    evaluation = Evaluation(way.choice(), Settings(seed=seed, level=level, progress=progress, **settings))
    # All are opened before any is read, so that a misspelt name costs no time.
    sources = {
        "generated": evaluation.open(samples),
        "real": evaluation.open(real_train),
        "test": evaluation.open(real_test),
    }
    titles = {"generated": "generated", "real": "real, to train on", "test": "real, to test on"}
    sets = {
        side: evaluation.extract(source, side, label=f"{titles[side]}: {source.name}")
        for side, source in sources.items()
    }
    run = _Run(evaluation, sets, probe or ProbeOptions(), full or FullOptions(), _folder(out), resume, seed, level)
    examined = way.examine(run)
    report = make_report(
        evaluation,
        # These scores come from no metric, so that nothing is said of them that is said of metrics.
        Scored({}, {}, (), ()),
        sets["real"],
        sets["generated"],
        command=command or f"ganeval.diagnosis.usefulness.cas.classification_accuracy_score(..., mode={mode!r})",
        started=started,
        seconds=lambda: time.perf_counter() - began,
    )
    options = {
        "metrics": list(examined.scores),
        "mode": mode,
        "real_test": sources["test"].name,
        "tested_on": examined.evidence.details["tested_on"],
    }
    return replace(
        report,
        scores=dict(examined.scores),
        requested=_requested(examined.scores),
        diagnosis=_diagnosis(examined),
        comparable=way.comparable,
        run=replace(report.run, options={**report.run.options, **options}),
        notices=(*report.notices, *_notices(examined, sets)),
    )


@dataclass(frozen=True)
class _Run:
    """All that a mode needs."""

    evaluation: Evaluation
    sets: Mapping[str, ExtractedSet]
    probe: ProbeOptions
    full: FullOptions
    folder: Path | None
    resume: bool
    seed: int
    level: float

    @property
    def features(self) -> tuple[Features, Features, Features]:
        """Of generated images, and of real ones to train and to test on."""
        names = self.sets["real"].source.class_names
        generated, real, test = (
            with_class_names(self.sets[side].features, names) for side in ("generated", "real", "test")
        )
        return generated, real, test


@dataclass(frozen=True)
class _Way:
    """A mode: which features it needs, how it examines them, and what its numbers may be compared with."""

    choice: Callable[[], Choice]
    examine: Callable[[_Run], Examined]
    comparable: str


def _examine_probe(run: _Run) -> Examined:
    options = run.probe
    return examine_probe(
        *run.features,
        parts=options.parts,
        strength=options.strength,
        most=options.most,
        seed=run.seed,
        level=run.level,
        progress=run.evaluation.progress,
    )


def _examine_full(run: _Run) -> Examined:
    return examine_full(
        *run.features,
        sources=(run.sets["generated"].source, run.sets["real"].source, run.sets["test"].source),
        options=run.full,
        folder=run.folder,
        resume=run.resume,
        device=run.evaluation.device,
        seed=run.seed,
        level=run.level,
        progress=run.evaluation.progress,
    )


_WAYS: Mapping[str, _Way] = {
    "probe": _Way(
        # A metric of features, which is not computed: it has the extractor run.
        lambda: choose_metrics(("fd",), None, with_real=True),
        _examine_probe,
        "Linear classifiers of fixed features: accuracies can be compared with those of other generators on the same "
        "extractor, real images and numbers of images, not with published classification accuracy scores, for which "
        "networks are trained from scratch (--mode full).",
    ),
    "full": _Way(
        # No metric, so that images are decoded and looked at, and no network sees them.
        lambda: Choice([], {}, []),
        _examine_full,
        "Networks trained from scratch, as in Ravuri & Vinyals 2019: accuracies can be compared with those of other "
        "generators with the same network, recipe, number of epochs, real images and numbers of images.",
    ),
}


def _way(mode: str) -> _Way:
    if mode not in _WAYS:
        raise OptionError(f"unknown mode {mode!r}", hint=did_you_mean(mode, _WAYS))
    return _WAYS[mode]


def _folder(out: str | Path | None) -> Path | None:
    return None if out is None else Path(out)


def _requested(scores: Mapping[str, Score]) -> dict[str, str]:
    """``"cas_top1"`` and the like to the full names, where those are others."""
    found = {}
    for name in scores:
        base = name.replace("cas_probe_", "cas_", 1)
        short = next((base[: base.index(top) + len(top)] for top in ("top1", "top5") if top in base), base)
        if short != name:
            found[short] = name
    return found


def _diagnosis(examined: Examined) -> Diagnosis:
    """With the one finding that is about usefulness."""
    found = diagnosed([examined.evidence], false_alarms=_FALSE_ALARMS)
    return replace(found, findings=tuple(one for one in found.findings if one.failure == examined.evidence.failure))


def _notices(examined: Examined, sets: Mapping[str, ExtractedSet]) -> list[Notice]:
    details = examined.evidence.details
    notices = []
    if details["overlap"]:
        notices.append(
            Notice(
                "train-test-overlap",
                details["overlap"],
                "They are left out of the test: a classifier is right about what it was trained on.",
            )
        )
    used = details["trained_on"]
    for side in ("generated", "real"):
        count = len(sets[side].features)
        if used < count:
            notices.append(
                Notice(
                    "images-not-trained-on",
                    f"{used:,} of the {counted(count, f'{side} image')} are trained on: as many of each class as both "
                    "sides have",
                    "With more, accuracies would be higher; only equally many are a fair comparison.",
                    severity="info",
                )
            )
    if details.get("unfinished_fits"):
        notices.append(
            Notice(
                "fits-unfinished",
                f"{counted(details['unfinished_fits'], 'linear classifier')} didn't converge",
                "Accuracies hardly change any more by then; a smaller strength converges sooner.",
                severity="info",
            )
        )
    return notices
