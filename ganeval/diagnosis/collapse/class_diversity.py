"""How much the samples of each class vary, against the real images of the class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.diagnosis.collapse.class_similarity import ClassSimilarity, class_similarity
from ganeval.diagnosis.collapse.class_spread import ClassSpread, class_spreads
from ganeval.diagnosis.collapse.equal_parts import MOST_IMAGES, EqualParts, Sample, equal_parts
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.linear_probe import LinearProbe
from ganeval.diagnosis.score_names import name_on_features
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Part, Severity
from ganeval.uncertainty.interval import Interval

#: Share of a class's variance that is missing: a tenth shows in numbers only, but is more than any choice of other real
#: images takes away; where half is missing, whole kinds of pictures of the class are.
PARTIAL, SEVERE = 0.1, 0.5
#: Level at which a class is said to lack variety, over all classes together.
LEVEL = 0.05
#: Fewest images of a class on either side with which it counts.
FEWEST = 10
#: Real images on which the classifier is fitted at most, where the samples have no labels.
MOST_FITTED = 3_000
DEFAULT_PAIRS = 200
_SHOWN = 10

Numbers = npt.NDArray[np.int64]


def examine(subject: Subject, *, images: int, pairs: int, fewest: int) -> Examined:
    """Mean squared feature distance and MS-SSIM between images of a class, of the samples and of fresh real images.

    Classes are the samples' own labels where both they and the fresh images have them. Else a linear classifier that is
    fitted on the fixed real images says the class of both: so both are sorted alike, and their images remain
    exchangeable within each class. The p-value is one permutation test over all classes, see `class_spreads`.

    Parameters
    ----------
    subject
        What is examined.
    images
        Images of each part at most.
    pairs
        Pairs a side whose MS-SSIM is computed at most (Odena et al. 2017), where pictures can be read; 0 for none.
    fewest
        Fewest images of a class on either side, at least 2.

    Raises
    ------
    NotEnoughImagesError
        If no class has enough images on both sides.
    MetricError
        If no class is on both sides.
    OptionError
        If a parameter is out of range.
    """
    pairs, fewest = require_count("pairs", pairs, minimum=0), require_count("fewest", fewest, minimum=2)
    parts = equal_parts(subject, most=require_count("images", images, minimum=2))
    generated, fresh, given = _classes(parts, subject)
    rows = _shared(generated, fresh, fewest)
    spreads, p_value = class_spreads(
        parts.generated.vectors, parts.fresh.vectors, rows, seed=subject.seed, level=subject.level
    )
    similar = None
    if pairs:
        own, other = ([name if name in rows else None for name in side] for side in (generated, fresh))
        similar = class_similarity(parts, own, other, pairs=pairs, seed=subject.seed, level=subject.level)
    narrowed = sorted((one for one in spreads if one.adjusted <= LEVEL), key=lambda one: one.lost, reverse=True)
    overall = 1 - _mean_ratio(spreads)
    effect = max(0.0, overall, *(one.lost for one in narrowed))
    severity: Severity = "severe" if effect >= SEVERE else "partial" if effect >= PARTIAL else "none"
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        _sentence(narrowed, spreads, overall),
        p_value=p_value,
        effect=effect,
        effect_of="share of the real images' variance within a class that the samples lack, in the worst class or all",
        parts=tuple(_part(one) for one in sorted(spreads, key=lambda one: (one.adjusted, -one.lost))[:_SHOWN]),
        parts_of="mean squared distance between two images of the class, in features",
        details={
            "labels": "given" if given else "predicted by a linear classifier of real images",
            "classes": {one.name: _described(one) for one in spreads},
            "left_out": sorted(({*generated, *fresh}) - set(rows)),
            "ms_ssim": None if similar is None else similar.details(),
        },
    )
    return Examined(evidence, _scores(spreads, similar, subject))


def _classes(parts: EqualParts, subject: Subject) -> tuple[list[str], list[str], bool]:
    """Class of each sample and of each fresh image, and whether they are their own labels."""
    own = [_labels(side) for side in (parts.generated, parts.fresh)]
    if own[0] is not None and own[1] is not None:
        return own[0], own[1], True
    known = _labels(parts.fixed)
    if known is None:
        raise MetricError("the real images have no class labels", hint="Take them from sub-folders: --labels folders.")
    fitted = parts.fixed.thinned(MOST_FITTED, subject.seed)
    labels = _labels(fitted)
    assert labels is not None
    probe = LinearProbe.fit(fitted.vectors.numpy(), labels, seed=subject.seed)
    found = [
        [str(probe.classes[place]) for place in probe.predict(side.vectors.numpy())]
        for side in (parts.generated, parts.fresh)
    ]
    return found[0], found[1], False


def _labels(sample: Sample) -> list[str] | None:
    """As text, or None unless every image has one."""
    labels = sample.features.labels
    if labels is None:
        return None
    found = [labels[row] for row in sample.rows]
    return None if any(label is None for label in found) else [str(label) for label in found]


def _shared(generated: Sequence[str], fresh: Sequence[str], fewest: int) -> dict[str, tuple[Numbers, Numbers]]:
    """Classes with enough images on both sides, to their rows on either."""
    sides = [np.asarray(side) for side in (generated, fresh)]
    both = sorted(set(generated) & set(fresh))
    if not both:
        raise MetricError("no class has images on both sides", hint="Label both sides with the same names of classes.")
    rows = {name: tuple(np.flatnonzero(side == name).astype(np.int64) for side in sides) for name in both}
    kept = {name: (at[0], at[1]) for name, at in rows.items() if min(map(len, at)) >= fewest}
    if not kept:
        raise NotEnoughImagesError(
            f"no class has {fewest} images on both sides, out of {len(generated):,} samples and as many real images",
            hint="Add images, or lower the option fewest.",
        )
    return kept


def _mean_ratio(spreads: Sequence[ClassSpread]) -> float:
    """Mean over classes of what is left of their spread; 1 where real images of a class are all alike."""
    return float(np.mean([one.generated / one.fresh if one.fresh > 0 else 1.0 for one in spreads]))


def _sentence(narrowed: Sequence[ClassSpread], spreads: Sequence[ClassSpread], overall: float) -> str:
    if narrowed:
        shown = ", ".join(f"{one.name} ({one.lost:.0%} less)" for one in narrowed[:3])
        more = f" and {len(narrowed) - 3:,} more" if len(narrowed) > 3 else ""
        sentence = f"samples vary less than real images in {len(narrowed):,} of {len(spreads):,} classes: {shown}{more}"
    elif overall > 0:
        sentence = f"samples of a class vary about as much as real images do ({overall:.0%} less on average)"
    else:
        sentence = f"samples of a class vary at least as much as real images do ({abs(overall):.0%} more on average)"
    return sentence.replace("%", " %")


def _part(one: ClassSpread) -> Part:
    return Part(one.name, one.fresh, one.generated, one.low, one.high, one.p_value)


def _described(one: ClassSpread) -> dict[str, Any]:
    return {key: value for key, value in vars(one).items() if key != "name"} | {"lost": one.lost}


def _scores(spreads: Sequence[ClassSpread], similar: ClassSimilarity | None, subject: Subject) -> Mapping[str, Score]:
    ratios = [one for one in spreads if one.fresh > 0]
    scores: dict[str, Score] = {}
    if ratios:
        # Fresh spreads as if known: what they vary by is in the error through the difference.
        errors = [((one.high - one.low) / 2 / one.fresh) ** 2 for one in ratios]
        value = _mean_ratio(ratios)
        reach = float(np.sqrt(np.sum(errors))) / len(ratios)
        name = name_on_features("class_diversity_ratio", subject.generated)
        scores[name] = Score(
            name=name,
            value=value,
            n_real=sum(one.n_fresh for one in spreads),
            n_generated=sum(one.n_generated for one in spreads),
            higher_is_better=True,
            interval=Interval(
                max(0.0, value - reach),
                value + reach,
                subject.level,
                "normal, from the influence of each image on its class's spread; for these classes",
            ),
            details={"classes": len(ratios)},
        )
    if similar is not None:
        scores["class_ms_ssim"] = similar.score()
    return scores


DIAGNOSTIC = Diagnostic(
    name="class-diversity",
    title="Diversity within classes",
    paper="Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs (MS-SSIM); Westfall & Young "
    "1993, Resampling-Based Multiple Testing",
    failure="mode-collapse",
    examine=examine,
    needs=("real labels",),
    minimum=20,
    parameters=(
        Parameter("images", MOST_IMAGES, int, "most images a side"),
        Parameter("pairs", DEFAULT_PAIRS, int, "most pairs of pictures a side that are compared; 0 for none"),
        Parameter("fewest", FEWEST, int, "fewest images of a class on each side"),
    ),
)
