"""Which classes are made, and how often, in the eyes of a classifier that has no stake in it: is any class lost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.diagnosis.collapse.histogram_divergences import Placed, class_divergence
from ganeval.diagnosis.collapse.mode_counts import expected_modes_of_sample
from ganeval.diagnosis.collapse.part_counts import (
    NAMING_LEVEL,
    Homogeneity,
    described_parts,
    divided,
    homogeneity,
    lacking,
    share_lost,
    smallest_loss,
)
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.linear_probe import LinearProbe
from ganeval.diagnosis.score_names import name_on_features
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import as_pair
from ganeval.metrics.options import parse_optional, require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Histogram, Matrix, Part, Severity
from ganeval.uncertainty.interval import Interval
from ganeval.wording import counted

Classes = npt.NDArray[np.int64]

#: From here a loss is "partial": two images in a hundred are what a class of five in a hundred loses by being made
#: three fifths as often, and less than people notice.
PARTIAL = 0.02
#: Or where a whole class is lost that at least so large a share of the real images show.
PARTIAL_CLASS = 0.01
#: From here it is "severe": a quarter of the data is gone, such as three classes of ten.
SEVERE = 0.25
#: A class counts as lost if it is made at most so often as in the real images, relatively.
LOST_BELOW = 0.1
#: Real images to which the classifier is fitted at most: more hardly improve it, and they don't count in the test.
MOST_FITTED = 10_000
#: Fewest real images to fit to and to count.
FEWEST = 10

_NAMED = 4
_LISTED_CLASSES = 100
_MATRIX_CLASSES = 40
_BLOCK_ROWS = 4096
_SHARES = "share of the images that the classifier puts into the class"


@dataclass(frozen=True)
class Judged:
    """Which class each image of both sides shows.

    Parameters
    ----------
    names
        Of the C classes.
    real, generated
        Places in `names`; -1 for real images to which the classifier was fitted.
    judge
        What judged, in words.
    labels
        As the source has them, in the order of `names`; None where the classes aren't those of the labels.
    """

    names: tuple[str, ...]
    real: Classes
    generated: Classes
    judge: str
    labels: tuple[Any, ...] | None = None


def judged_by_probe(real: Features, generated: Features, *, most_fitted: int = MOST_FITTED, seed: int = 2020) -> Judged:
    """Classes in the eyes of a linear classifier of features, fitted to a random part of the real images.

    The other real images and all generated ones are new to it alike, so that its mistakes are the same on both sides
    where the images are.

    Parameters
    ----------
    real
        With labels; images without one (None) aren't fitted to, but are judged as all others.
    generated
        Of the same extractor.
    most_fitted
        Real images in the part, which holds no more than half of them.
    seed
        Of the choice.

    Raises
    ------
    MetricError
        If there are no labels, or only one class; if features aren't finite, or have other columns.
    NotEnoughImagesError
        If there are fewer than 2 x `FEWEST` real images.
    """
    if real.labels is None:
        raise MetricError(
            "the real images have no class labels", hint="Take them from sub-folders with --labels folders."
        )
    as_pair(real.pooled, generated.pooled)
    if len(real) < 2 * FEWEST:
        raise NotEnoughImagesError(
            f"a classifier needs {counted(2 * FEWEST, 'real image')} at least, and there are {len(real)}",
            hint="Add real images.",
        )
    fitted, others = divided(len(real), most_fitted, seed)
    labelled = [row for row in fitted.tolist() if real.labels[row] is not None]
    probe = LinearProbe.fit(real.pooled[labelled], [real.labels[row] for row in labelled], seed=seed)
    of_real = np.full(len(real), -1, dtype=np.int64)
    of_real[others] = _predicted(probe, real.pooled, others)
    of_generated = _predicted(probe, generated.pooled, np.arange(len(generated)))
    judge = f"a linear classifier fitted to {counted(labelled, 'real image')}"
    return Judged(tuple(map(_class_name, probe.classes)), of_real, of_generated, judge, probe.classes)


def judged_by_extractor(real: Features, generated: Features) -> Judged:
    """Classes of the extractor itself, such as ImageNet's: the largest of its logits.

    It was fitted to neither side, so that all real images count. They are other classes than the data's own, but one
    that is lost shows in them too.

    Raises
    ------
    MetricError
        If a side has no logits.
    """
    if real.logits is None or generated.logits is None:
        raise MetricError(
            "the real images have no class labels, and this extractor has no classes of its own",
            hint="Take labels from sub-folders with --labels folders, or choose an extractor with logits.",
        )
    as_pair(real.logits, generated.logits)
    names = tuple(f"class {place} of the extractor" for place in range(real.logits.shape[1]))
    of_real, of_generated = (
        np.asarray(side.argmax(axis=1), dtype=np.int64) for side in (real.logits, generated.logits)
    )
    return Judged(names, of_real, of_generated, "the extractor's own classes")


def lost_severity(test: Homogeneity, lost: Sequence[Part]) -> Severity:
    """How bad a loss of classes is, by its size alone.

    Parameters
    ----------
    test
        Of the two histograms.
    lost
        Classes of which too few are made beyond doubt.
    """
    share = share_lost(test, lost)
    if share >= SEVERE:
        return "severe"
    whole = any(part.real >= PARTIAL_CLASS and part.generated <= LOST_BELOW * part.real for part in lost)
    return "partial" if whole or share >= PARTIAL else "none"


def _examine(subject: Subject, *, most_fitted: int | None) -> Examined:
    real, generated = subject.real, subject.generated
    if real.labels is not None and any(label is not None for label in real.labels):
        most = MOST_FITTED if most_fitted is None else require_count("most_fitted", most_fitted, minimum=FEWEST)
        judged = judged_by_probe(real, generated, most_fitted=most, seed=subject.seed)
    else:
        judged = judged_by_extractor(real, generated)
    count = len(judged.names)
    sides = Placed(judged.real, count), Placed(judged.generated, count)
    test = homogeneity(sides[0].counts, sides[1].counts, seed=subject.seed)
    parts = described_parts(judged.names, sides[0].counts, sides[1].counts, level=subject.level)
    lost = lacking([part for part in parts if part.real > 0])
    divergence = class_divergence(name_on_features("class_kl", generated), *sides, level=subject.level)
    modes = _modes_captured(name_on_features("modes_captured", generated), *sides)
    agreement, matrix, agreement_details = _agreement(judged, subject)
    severity = lost_severity(test, lost)
    evidence = Evidence(
        diagnostic=DIAGNOSTIC.name,
        title=DIAGNOSTIC.title,
        failure=DIAGNOSTIC.failure,
        severity=severity,
        sentence=_sentence(severity, test, lost, modes),
        p_value=test.p_value,
        effect=share_lost(test, lost),
        effect_of="share of the real data that is lost",
        smallest_effect=smallest_loss(int(modes.n_real or 0), len(generated), test.degrees + 1),
        parts=lost[:_LISTED_CLASSES],
        parts_of=_SHARES,
        histograms=(_histogram(parts, judged),),
        matrices=matrix,
        details={
            "judge": judged.judge,
            "n_real_counted": modes.n_real,
            "chi_square": test.statistic,
            "degrees_of_freedom": test.degrees,
            "chi_square_p_value": test.asymptotic_p_value,
            "lost": test.lost,
            "lost_by_chance": test.lost_by_chance,
            "classes": [_described(part) for part in parts[:_LISTED_CLASSES]],
            **agreement_details,
        },
    )
    return Examined(evidence, {score.name: score for score in (modes, divergence, *agreement)})


def _modes_captured(name: str, real: Placed, generated: Placed) -> Score:
    """Number of the real images' classes with at least one generated image: Metz et al. 2017, section 3.3.1."""
    counts, counts_real = generated.counts, real.counts
    return Score(
        name=name,
        value=float(np.count_nonzero(counts[counts_real > 0])),
        n_real=int(counts_real.sum()),
        n_generated=int(counts.sum()),
        higher_is_better=True,
        parameters={"classes": int(np.count_nonzero(counts_real))},
        details={
            "expected_of_real": expected_modes_of_sample(counts_real, int(counts.sum())),
        },
        no_interval_reason="a count of classes that appear at all grows with the number of images",
    )


def _agreement(judged: Judged, subject: Subject) -> tuple[tuple[Score, ...], tuple[Matrix, ...], dict[str, Any]]:
    """How often the classifier sees the class for which an image was made, where that is known."""
    if judged.labels is None or subject.generated.labels is None or subject.real.labels is None:
        return (), (), {}
    # A folder's name and the same number are one class.
    place = {str(label): number for number, label in enumerate(judged.labels)}
    meant = np.asarray([place.get(str(label), -1) for label in subject.generated.labels])
    truth = np.asarray([place.get(str(label), -1) for label in subject.real.labels])
    known, counting = meant >= 0, (truth >= 0) & (judged.real >= 0)
    if not known.any() or not counting.any():
        return (), (), {}
    from scipy.stats import binomtest

    right = judged.generated[known] == meant[known]
    ends = binomtest(int(right.sum()), len(right)).proportion_ci(subject.level, method="wilson")
    score = Score(
        name=name_on_features("class_agreement", subject.generated),
        value=float(right.mean()),
        n_real=int(counting.sum()),
        n_generated=len(right),
        higher_is_better=True,
        interval=Interval(float(ends.low), float(ends.high), subject.level, "Wilson 1927, for this classifier"),
        details={"on_real": float((judged.real[counting] == truth[counting]).mean())},
    )
    by_class = [
        {
            "name": name,
            "generated": _share(judged.generated[meant == number] == number),
            "real": _share(judged.real[counting & (truth == number)] == number),
        }
        for number, name in enumerate(judged.names)
    ]
    matrices: tuple[Matrix, ...] = ()
    if len(judged.names) <= _MATRIX_CLASSES:
        cells = np.zeros((len(judged.names),) * 2, dtype=np.int64)
        np.add.at(cells, (meant[known], judged.generated[known]), 1)
        matrices = (
            Matrix(
                "Classes meant and classes seen",
                "Rows are the classes for which samples were made, columns those that the classifier sees in them.",
                judged.names,
                tuple(tuple(int(cell) for cell in row) for row in cells),
            ),
        )
    return (score,), matrices, {"agreement": by_class}


def _sentence(severity: Severity, test: Homogeneity, lost: Sequence[Part], modes: Score) -> str:
    total = int(modes.parameters["classes"])
    gone = f"{_percent(share_lost(test, lost))} of the real data is lost"
    if severity == "none":
        made = f"all {total:,}" if modes.value >= total else f"{modes.value:,.0f} of {total:,}"
        return f"{made} classes are made, in nearly the shares of the real images ({gone})"
    if not lost and test.p_value > NAMING_LEVEL:
        share = _percent(share_lost(test, lost))
        return f"the shares of the {total:,} classes differ by no more than chance may give ({share} of the real data)"
    if not lost:
        return f"the {total:,} classes are made in other shares than the real images have ({gone})"
    none = [part.name for part in lost if part.generated == 0]
    few = [
        f"{part.name} ({_percent(part.generated)} instead of {_percent(part.real)})"
        for part in lost
        if part.generated > 0
    ]
    phrases = [f"no images of {_listed(none)}"] if none else []
    if few:
        phrases.append(f"{'few' if none else 'few images'} of {_listed(few)}")
    return f"{' and '.join(phrases)} are made: {gone}"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED:,} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _histogram(parts: Sequence[Part], judged: Judged) -> Histogram:
    shown = sorted(parts, key=lambda part: -max(part.real, part.generated))[:_LISTED_CLASSES]
    kept = [part for part in parts if part in shown and (part.real > 0 or part.generated > 0)]
    few = "" if len(parts) <= _LISTED_CLASSES else f"; the {len(kept)} largest classes"
    return Histogram(
        "Classes",
        f"Share of the images that show each class, in the eyes of {judged.judge}{few}.",
        tuple(part.name for part in kept),
        {"real": tuple(part.real for part in kept), "generated": tuple(part.generated for part in kept)},
    )


def _described(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "real": part.real,
        "generated": part.generated,
        "low": part.low,
        "high": part.high,
        "p_value": part.p_value,
        "missing": part.real > 0 and part.generated <= LOST_BELOW * part.real,
    }


def _share(right: npt.NDArray[np.bool_]) -> float | None:
    return float(right.mean()) if len(right) else None


def _predicted(probe: LinearProbe, features: npt.NDArray[np.float32], rows: Classes) -> Classes:
    """As `LinearProbe.predict`, without a float64 copy of everything."""
    blocks = [probe.predict(features[rows[start : start + _BLOCK_ROWS]]) for start in range(0, len(rows), _BLOCK_ROWS)]
    return np.concatenate(blocks)


def _class_name(label: Any) -> str:
    return label if isinstance(label, str) and not label.isdecimal() else f"class {label}"


DIAGNOSTIC = Diagnostic(
    name="class-histogram",
    title="Class histogram",
    paper="Metz et al. 2017, Unrolled Generative Adversarial Networks",
    failure="mode-collapse",
    examine=_examine,
    minimum=FEWEST,
    parameters=(
        Parameter(
            "most_fitted",
            None,
            parse_optional(int),
            f"real images to which the classifier is fitted at most, {MOST_FITTED:,} by default",
        ),
    ),
)
