"""The arithmetic of the classification accuracy score: from classifiers' answers to a verdict, whoever trained them.

Three classifiers are trained in the same way: on generated images alone, on equally many real ones of each class, and
on both together. All three are asked about the same real test images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.diagnosis.usefulness.paired_accuracy import (
    Answers,
    exchanged,
    loses_more_than,
    mcnemar,
    paired_interval,
    wilson,
)
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Histogram, Matrix, Part, Severity
from ganeval.uncertainty.interval import DEFAULT_LEVEL, Interval
from ganeval.wording import counted

#: Of what real images teach (accuracy above that of always naming the most frequent class), the share that generated
#: ones may fail to teach before the failure is called partial: as much as other real images that were labelled with
#: one error in twenty would fail to, which people put up with.
PARTIAL = 0.05
#: The same for severe: the GAN whose images look best in Ravuri & Vinyals 2019 loses about so much (27.9 % in their
#: abstract), and nobody would train on its samples in the place of photographs.
SEVERE = 0.25
#: Loss of accuracy that two trainings on real images may differ by, where it can't be measured. A single training of
#: each is tested against it, as the exact test of two classifiers would call any difference of two trainings real.
TRAINING_NOISE = 0.02
#: Shares of a second-best answer count where there are more classes than that.
TOP = 5

#: Classes up to which all of them are shown; of more, so many of the worst are, and the others together.
_SHOWN = 30
_WORST = 20
_NAMED = 3
_FAILURE = "usefulness"


@dataclass(frozen=True)
class Judged:
    """What classifiers answered, and what they were trained on.

    Parameters
    ----------
    classes
        Names.
    truth
        int64 [M], the classes of the test images.
    generated, real, both
        The answers of the classifiers trained on each; `both` is None where that wasn't done.
    trained_on
        Images in the sets of the first two.
    parts
        Accuracies of classifiers trained on disjoint parts of the generated images, and on as large ones of the real
        images; empty where that wasn't done.
    part_size
        Images in each part.
    """

    classes: tuple[str, ...]
    truth: npt.NDArray[np.int64]
    generated: Answers
    real: Answers
    both: Answers | None
    trained_on: int
    parts: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    part_size: int = 0


@dataclass(frozen=True)
class Manner:
    """How the classifiers came about, for names and words.

    Parameters
    ----------
    diagnostic, title
        Of the evidence.
    classifier
        In words, with its article, such as ``"a resnet50"``.
    stem
        Of the scores' names: ``"cas"`` gives ``"cas_top1"``.
    suffix
        What follows them, such as an extractor's name with an underscore.
    parameters
        Of the scores.
    """

    diagnostic: str
    title: str
    classifier: str
    stem: str
    suffix: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


def examine_usefulness(judged: Judged, manner: Manner, *, level: float = DEFAULT_LEVEL) -> Examined:
    """Evidence and scores.

    The p-value is of the hypothesis that generated images are to real ones of their class as other real images would
    be. With `Judged.parts` it is that of the exact test of exchange over classifiers that were trained on disjoint
    parts, whose accuracies are exchangeable then. Without, each classifier was trained once, and nothing is known of
    how trainings vary: the p-value is that of the weaker hypothesis that the accuracy is lower by no more than
    `TRAINING_NOISE` (Tango 1998).

    Parameters
    ----------
    judged
        The answers.
    manner
        Names.
    level
        Of intervals.

    Returns
    -------
    Examined
        Scores ``top1`` and, with more than `TOP` classes, ``top5`` of each training, and ``lost_top1``. The evidence's
        effect is the lost accuracy; its parts are the classes that lose, worst first.
    """
    right = {"generated": judged.generated.right(), "real": judged.real.right()}
    accuracy = {side: float(answers.mean()) for side, answers in right.items()}
    chance = float(np.bincount(judged.truth).max() / len(judged.truth))
    lost = accuracy["real"] - accuracy["generated"]
    interval = paired_interval(right["generated"], right["real"], level)
    taught = accuracy["real"] - chance
    share = lost / taught if taught > 0 else None
    single = loses_more_than(right["generated"], right["real"], TRAINING_NOISE)
    p_value, smallest = single, None
    if judged.parts[0]:
        p_value, smallest = exchanged(*judged.parts), _smallest(*judged.parts)
    scores = _scores(judged, manner, interval, lost, level)
    evidence = Evidence(
        diagnostic=manner.diagnostic,
        title=manner.title,
        failure=_FAILURE,
        severity=_severity(share),
        sentence="",
        p_value=p_value,
        effect=lost,
        effect_of="share of real test images told right that is lost by training on generated images",
        smallest_effect=smallest,
        details={
            "trained_on": judged.trained_on,
            "tested_on": len(judged.truth),
            "chance": chance,
            "share_of_what_real_images_teach_lost": share,
            "lost_interval": {"low": interval[0], "high": interval[1], "level": level},
            "mcnemar_p": mcnemar(right["generated"], right["real"]),
            "p_of_losing_more_than_training_noise": single,
            "accuracies_of_parts": {"generated": list(judged.parts[0]), "real": list(judged.parts[1])},
            "part_size": judged.part_size,
            "classes": _by_class(judged, level),
        },
    )
    if share is None or wilson(int(right["real"].sum()), len(judged.truth), level)[0] <= chance:
        # Even with real images next to nothing is learnt, so that there is nothing to lose.
        reason = (
            f"{manner.classifier} trained on {counted(judged.trained_on, 'real image')} is right about "
            f"{_percent(accuracy['real'])} of {counted(judged.truth.size, 'real test image')}, and always naming the "
            f"most frequent class about {_percent(chance)}: next to nothing of these labels was learnt"
        )
        unknown = replace(evidence, severity="unknown", sentence=reason, reason=reason, p_value=None)
        return Examined(unknown, scores)
    parts = _parts(judged, level)
    worst = tuple(part for part in parts if part.real > part.generated)
    sentence = _sentence(judged, manner, accuracy, worst)
    evidence = replace(
        evidence,
        sentence=sentence,
        parts=worst,
        parts_of="accuracy on real test images after training on each",
        histograms=(_histogram(parts, level),),
        matrices=(_confusions(judged, [part.name for part in parts]),),
    )
    return Examined(evidence, scores)


def _severity(share: float | None) -> Severity:
    if share is None:
        return "unknown"
    return "severe" if share >= SEVERE else "partial" if share >= PARTIAL else "none"


def _smallest(generated: Sequence[float], real: Sequence[float]) -> float | None:
    """Lost accuracy that the test of exchange at 5 % sees with 80 % power, from how much parts of a side vary.

    By Student's t, with which a test of exchange agrees but for terms of order 1/K (Hoeffding 1952).
    """
    from scipy.stats import t

    count = len(generated)
    if count < 2:
        return None
    deviation = np.sqrt((np.var(generated, ddof=1) + np.var(real, ddof=1)) / 2)
    freedom = 2 * count - 2
    return float((t.ppf(0.95, freedom) + t.ppf(0.8, freedom)) * deviation * np.sqrt(2 / count))


def _scores(
    judged: Judged, manner: Manner, interval: tuple[float, float], lost: float, level: float
) -> dict[str, Score]:
    tops = {"top1": 1} | ({"top5": TOP} if len(judged.classes) > TOP else {})
    answers = {"": judged.generated, "real_": judged.real} | ({} if judged.both is None else {"both_": judged.both})
    method = "of this classifier's accuracy on further test images (Wilson 1927); other trainings may give another"
    scores: dict[str, Score] = {}

    def add(base: str, value: float, ends: tuple[float, float], method: str, *, higher: bool) -> None:
        name = f"{manner.stem}_{base}{manner.suffix}"
        scores[name] = Score(
            name=name,
            value=value,
            n_real=len(judged.truth),
            n_generated=judged.trained_on,
            higher_is_better=higher,
            interval=Interval(*ends, level, method),
            parameters=dict(manner.parameters),
        )

    for side, found in answers.items():
        for what, top in tops.items():
            count = int(found.right(top).sum())
            low, high = wilson(count, len(judged.truth), level)
            add(f"{side}{what}", count / len(judged.truth), (float(low), float(high)), method, higher=True)
    paired = "of the difference of these two classifiers on further test images (Tango 1998)"
    add("lost_top1", lost, interval, paired, higher=False)
    return scores


def _by_class(judged: Judged, level: float) -> dict[str, dict[str, Any]]:
    """Class to test images and accuracies with their Wilson intervals."""
    size = len(judged.classes)
    counts = np.bincount(judged.truth, minlength=size)
    answers = {"generated": judged.generated, "real": judged.real} | (
        {} if judged.both is None else {"both": judged.both}
    )
    found: dict[str, dict[str, Any]] = {name: {"n": int(n)} for name, n in zip(judged.classes, counts, strict=True)}
    for side, one in answers.items():
        right = np.bincount(judged.truth[one.right()], minlength=size)
        low, high = wilson(right, counts, level)
        for place, name in enumerate(judged.classes):
            share = float(right[place] / counts[place]) if counts[place] else None
            found[name][side] = {"accuracy": share, "low": float(low[place]), "high": float(high[place])}
    return found


def _parts(judged: Judged, level: float) -> list[Part]:
    """One for each class of the test set, those first that lose most."""
    parts = []
    first, second = judged.generated.right(), judged.real.right()
    order = np.argsort(judged.truth, kind="stable")
    edges = np.searchsorted(judged.truth[order], np.arange(len(judged.classes) + 1))
    for place, name in enumerate(judged.classes):
        own = order[edges[place] : edges[place + 1]]
        if not len(own):
            continue
        low, high = paired_interval(first[own], second[own], level)
        parts.append(
            Part(
                name,
                real=float(second[own].mean()),
                generated=float(first[own].mean()),
                low=-high,
                high=-low,
                p_value=mcnemar(first[own], second[own]),
            )
        )
    return sorted(parts, key=lambda part: part.generated - part.real)


def _sentence(judged: Judged, manner: Manner, accuracy: Mapping[str, float], worst: Sequence[Part]) -> str:
    said = (
        f"{manner.classifier} trained on {counted(judged.trained_on, 'generated image')} is right about "
        f"{_percent(accuracy['generated'])} of real test images, and one trained on as many real images about "
        f"{_percent(accuracy['real'])}"
    )
    if judged.both is not None:
        said += f" ({_percent(float(judged.both.right().mean()))} with both together)"
    clear = [part for part in worst if part.high is not None and part.high < 0]
    if clear:
        named = (
            f"{part.name} ({_percent(part.generated)} instead of {_percent(part.real)})" for part in clear[:_NAMED]
        )
        said += f"; {'one class loses' if len(clear) == 1 else 'the classes that lose most'}: {', '.join(named)}"
    return said


def _histogram(parts: Sequence[Part], level: float) -> Histogram:
    shown = parts if len(parts) <= _SHOWN else parts[:_WORST]
    which = "" if len(parts) <= _SHOWN else f" The {_WORST} of {len(parts):,} classes that lose most."
    return Histogram(
        "Accuracy by class",
        f"Share of each class's real test images that are told right, after training on real and on generated images; "
        f"the class that loses most comes first.{which}",
        tuple(part.name for part in shown),
        {"real": tuple(part.real for part in shown), "generated": tuple(part.generated for part in shown)},
    )


def _confusions(judged: Judged, by_loss: Sequence[str]) -> Matrix:
    """Counts of true (row) against told (column) classes; of many classes the worst, and one for all others."""
    size = len(judged.classes)
    sentence = (
        "What the classifier that was trained on generated images says (columns) of the real test images of each class "
        "(rows)."
    )
    if size <= _SHOWN:
        table = np.bincount(judged.truth * size + judged.generated.predicted, minlength=size * size)
        rows = table.reshape(size, size)
        return Matrix("Confusions", sentence, judged.classes, tuple(tuple(map(int, row)) for row in rows))
    names = (*by_loss[:_WORST], "others")
    number = {name: place for place, name in enumerate(names)}
    place_of = np.asarray([number.get(name, _WORST) for name in judged.classes])
    told, truth = place_of[judged.generated.predicted], place_of[judged.truth]
    rows = np.bincount(truth * len(names) + told, minlength=len(names) ** 2).reshape(len(names), -1)
    return Matrix(
        "Confusions",
        f"{sentence} The {_WORST} classes that lose most; a confusion of two others counts as none.",
        names,
        tuple(tuple(map(int, row)) for row in rows),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
