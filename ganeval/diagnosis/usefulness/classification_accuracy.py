"""Classification accuracy score with a linear classifier of features in the place of a network trained from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.linear_probe import LinearProbe, choose_strength
from ganeval.diagnosis.usefulness.judging import Judged, Manner, examine_usefulness
from ganeval.diagnosis.usefulness.labelled_sets import (
    Classes,
    Matched,
    common_classes,
    labels_of,
    matched,
    overlap,
    split_off,
)
from ganeval.diagnosis.usefulness.paired_accuracy import Answers
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import as_pair, as_vectors
from ganeval.metrics.options import parse_optional, require_count
from ganeval.metrics.registry import Parameter
from ganeval.progress import Progress, SilentProgress
from ganeval.report.diagnosis import Evidence, Examined
from ganeval.wording import counted

NAME, TITLE = "accuracy", "Classification accuracy score"
#: Disjoint parts of each side to train on for the test: 12,870 exchanges of them, a p-value of 8e-5 at best.
PARTS = 8
#: Of fewer the exchanges are too few for a p-value that could ever count.
FEWEST_PARTS = 4
#: Images a side above which further ones hardly move the accuracy of a linear classifier.
MOST_IMAGES = 20_000
#: Share of the real images that are tested on where there are none held out, and their largest number.
TEST_SHARE = 0.25
MOST_TESTED = 10_000

Rows = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Probed:
    """What linear classifiers answered, and how they were fitted.

    Parameters
    ----------
    judged
        Their answers.
    strength
        Of all of them.
    unfinished
        How many fits didn't converge.
    """

    judged: Judged
    strength: float
    unfinished: int


def probe_accuracy(
    generated: Rows,
    real: Rows,
    test: Rows,
    classes: Classes,
    *,
    parts: int = PARTS,
    strength: float | None = None,
    most: int | None = MOST_IMAGES,
    seed: int = 2020,
    progress: Progress | None = None,
) -> Probed:
    """Linear classifiers fitted to generated images, to as many real ones of each class and to both, on test images.

    Fitted with one strength, which is chosen on both sides together, so that none is favoured. Others are fitted to
    `parts` disjoint random parts of each side, all with the same number of images of each class: what they answer is
    exchangeable if generated images are as real ones.

    Parameters
    ----------
    generated, real, test
        [N, D], [M, D] and [T, D].
    classes
        Of all three.
    parts
        How many; fewer, down to `FEWEST_PARTS`, where classes are too small for so many. Classes that are too small
        even then are in no part.
    strength
        See `LinearProbe.fit`; None chooses.
    most
        Bound on the images a side; None sets none.
    seed
        Of everything random.
    progress
        Told how far the work is.

    Raises
    ------
    MetricError
        If features aren't finite numbers of one width.
    NotEnoughImagesError
        If there are too few images for `FEWEST_PARTS` parts of two classes.
    OptionError
        If a parameter is out of its range.
    """
    parts = require_count("parts", parts, minimum=FEWEST_PARTS)
    as_pair(real, generated)
    as_pair(real, test)
    chosen = matched(classes.generated, classes.real, seed=seed, most=most)
    divided = _divided(chosen, parts, classes.names)
    features = {"generated": generated[chosen.generated], "real": real[chosen.real]}
    targets = chosen.targets
    both, both_targets = np.concatenate([*features.values()]), np.concatenate([targets, targets])
    task = (progress or SilentProgress()).start("classifiers", 3 + 2 * len(divided), unit="classifiers")
    if strength is None:
        strength = choose_strength(both, both_targets.tolist(), seed=seed)
    unfinished = 0

    def answers(rows: Rows, labels: npt.NDArray[np.int64]) -> Answers:
        nonlocal unfinished
        probe = LinearProbe.fit(rows, labels.tolist(), strength=strength)
        unfinished += not probe.converged
        task.advance(1)
        return Answers.of(_scores(probe, test, len(classes.names)), classes.test)

    try:
        judged = Judged(
            classes.names,
            classes.test,
            generated=answers(features["generated"], targets),
            real=answers(features["real"], targets),
            both=answers(both, both_targets),
            trained_on=len(targets),
        )
        accuracies = [
            tuple(float(answers(source[getattr(part, side)], part.targets).right().mean()) for part in divided)
            for side, source in (("generated", generated), ("real", real))
        ]
    finally:
        task.finish()
    judged = replace(judged, parts=(accuracies[0], accuracies[1]), part_size=len(divided[0].targets))
    return Probed(judged, strength, unfinished)


def _divided(chosen: Matched, parts: int, names: Sequence[str]) -> list[Matched]:
    """As many parts as the classes allow, of two classes or more."""
    counts = np.bincount(chosen.targets, minlength=len(names))
    # Most classes should be in the test; a few small ones mustn't make the parts few for all.
    typical = int(np.sort(counts)[len(counts) // 10])
    parts = max(FEWEST_PARTS, min(parts, typical))
    if (counts >= parts).sum() < 2:
        raise NotEnoughImagesError(
            f"the classes have at most {counted(int(counts.max()), 'image')} on both sides, too few to test whether "
            "generated images are worth as much as real ones",
            hint=f"Give at least {FEWEST_PARTS} images of two classes, better {PARTS} or more of each.",
        )
    return chosen.parts(parts)


def _scores(probe: LinearProbe, test: Rows, classes: int) -> npt.NDArray[np.float64]:
    """[T, classes]; classes that it wasn't fitted to come last."""
    scores = np.full((len(test), classes), -np.inf)
    scores[:, list(probe.classes)] = probe.logits(test)
    return scores


def probe_manner(features: Features, parameters: dict[str, Any]) -> Manner:
    """How evidence and scores of linear classifiers of these features are called."""
    # The network's name in any case, Inception's too: nobody may take these for the accuracies of whole networks.
    name = None if features.extractor is None else features.extractor.name
    words = "a linear classifier of features" if name is None else f"a linear classifier of {name} features"
    return Manner(NAME, TITLE, words, "cas_probe", "" if name is None else f"_{name}", parameters)


def examine_probe(
    generated: Features,
    real: Features,
    test: Features,
    *,
    parts: int = PARTS,
    strength: float | None = None,
    most: int | None = MOST_IMAGES,
    seed: int = 2020,
    level: float = 0.95,
    progress: Progress | None = None,
) -> Examined:
    """Evidence and scores of linear classifiers, tested on `test` less what is also in a set to train on.

    Raises
    ------
    MetricError
        As `probe_accuracy` and `common_classes` (in `ganeval.diagnosis.usefulness.labelled_sets`), and if every test
        image is also there to train on.
    """
    for side, features in (("generated", generated), ("real", real), ("test", test)):
        as_vectors(side, features.pooled)
    shared = overlap(test, {"real": real, "generated": generated})
    kept = np.setdiff1d(np.arange(len(test)), shared.rows)
    if not len(kept):
        raise MetricError(
            f"nothing is left to test on: {shared.sentence}",
            hint="Test on real images that are not among those to train on.",
        )
    classes = common_classes(labels_of(generated), labels_of(real), labels_of(test, kept))
    probed = probe_accuracy(
        generated.pooled,
        real.pooled,
        test.pooled[kept],
        classes,
        parts=parts,
        strength=strength,
        most=most,
        seed=seed,
        progress=progress,
    )
    parameters = {"mode": "probe", "strength": probed.strength, "parts": len(probed.judged.parts[0]), "seed": seed}
    examined = examine_usefulness(probed.judged, probe_manner(real, parameters), level=level)
    details = {
        **examined.evidence.details,
        "mode": "probe",
        "strength": probed.strength,
        "unfinished_fits": probed.unfinished,
        "overlap": shared.sentence,
        "left_out_of_test": len(shared.rows),
    }
    return replace(examined, evidence=_with(examined.evidence, details))


def _with(evidence: Evidence, details: dict[str, Any]) -> Evidence:
    return replace(evidence, details=details)


def _examine(subject: Subject, *, parts: int, strength: float | None, most: int | None, test_share: float) -> Examined:
    real, test = subject.real, subject.held_out
    if test is None or labels_of(test) is None:
        real, test = _split(subject.real, test_share, subject.seed)
    return examine_probe(
        subject.generated,
        real,
        test,
        parts=parts,
        strength=strength,
        most=most,
        seed=subject.seed,
        level=subject.level,
        progress=subject.progress,
    )


def _split(real: Features, share: float, seed: int) -> tuple[Features, Features]:
    if not 0 < share < 1:
        raise MetricError(f"test_share is {share}", hint="It lies between 0 and 1, such as 0.25.")
    labels = labels_of(real)
    classes = common_classes(labels, labels, labels)
    train, test = split_off(classes.real, classes.names, share=share, most=MOST_TESTED, seed=seed)
    return _chosen(real, train), _chosen(real, test)


def _chosen(features: Features, rows: npt.NDArray[np.int64]) -> Features:
    """Some images of a set, with what classifiers ask for."""

    def some(values: Sequence[Any] | None) -> tuple[Any, ...]:
        return tuple(values[int(row)] for row in rows) if values else ()

    return Features(
        features.pooled[rows],
        ids=some(features.ids),
        labels=some(features.labels),
        images=some(features.images),
        extractor=features.extractor,
    )


DIAGNOSTIC = Diagnostic(
    name=NAME,
    title=TITLE,
    paper="Ravuri & Vinyals 2019, Classification Accuracy Score for Conditional Generative Models",
    failure="usefulness",
    examine=_examine,
    needs=("labels",),
    minimum=8,
    parameters=(
        Parameter("parts", PARTS, int, "disjoint parts of each side on which classifiers are fitted for the test"),
        Parameter("strength", None, parse_optional(float), "inverse penalty of the classifiers; none: chosen"),
        Parameter("most", MOST_IMAGES, parse_optional(int), "images a side to train on; none: all"),
        Parameter("test_share", TEST_SHARE, float, "share of the real images tested on where none are held out"),
    ),
)
