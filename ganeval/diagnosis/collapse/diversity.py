"""How diverse the samples are, against equally many fresh real images: Vendi score, recall and coverage."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ganeval.diagnosis.collapse.diversity_permutation import LostDiversity, lost_diversity
from ganeval.diagnosis.collapse.equal_parts import EqualParts, equal_parts
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.score_names import name_on_features
from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.density_coverage import METRIC as DENSITY_COVERAGE
from ganeval.metrics.options import require_count
from ganeval.metrics.precision_recall import METRIC as PRECISION_RECALL
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.vendi_score import METRIC as VENDI
from ganeval.report.diagnosis import Evidence, Examined, Severity
from ganeval.uncertainty.differences import Estimate, difference
from ganeval.uncertainty.interval import critical_value

#: Share of the diversity of fresh real images that the samples lack. A tenth, by coverage or by Vendi score, is what
#: dropping one class of ten costs. Severe is half by both: coverage alone falls also where samples have all the variety
#: of real images, but lie beside them.
PARTIAL, SEVERE = 0.1, 0.5
#: Images of each part at most: enough to see a hundredth of the data go, in a quarter of the time of twice as many.
MOST_IMAGES = 5_000


@dataclass(frozen=True)
class Pair:
    """One measure of diversity, higher is more diverse, of the samples and of as many fresh real images."""

    generated: Score
    fresh: Score
    same_real: bool

    @property
    def lost(self) -> float:
        """Share of the fresh images' diversity that the samples lack, 0 where they have more."""
        return max(0.0, 1 - self.generated.value / self.fresh.value) if self.fresh.value > 0 else 0.0

    def interval(self, level: float) -> tuple[float, float] | None:
        """Of the samples' less the fresh images' diversity; None where a side's error isn't known."""
        first, second = (Estimate(s.value, s.standard_error, s.influence) for s in (self.generated, self.fresh))
        found = difference(first, second, same_real=self.same_real)
        return None if found is None else found.ends(critical_value(level))


def examine(subject: Subject, *, images: int) -> Examined:
    """Vendi score, recall and coverage of the samples, each against those of equally many fresh real images.

    Recall and coverage are those of one set of fixed real images by either side, so that what the numbers of images do
    to them they do to both. The p-value is that of `lost_diversity`, a permutation test.

    Parameters
    ----------
    subject
        What is examined.
    images
        Images of each part at most.

    Raises
    ------
    NotEnoughImagesError
        If there are too few images.
    """
    parts = equal_parts(subject, most=require_count("images", images, minimum=2))
    pairs = measured(parts, subject)
    test = lost_diversity(
        parts.generated.vectors, parts.fresh.vectors, parts.fixed.vectors, seed=subject.seed,
        block_bytes=min(subject.block_bytes, 32 * 2**20),
    )  # fmt: skip
    losses = {name: pairs[name].lost for name in ("coverage", "vendi") if name in pairs}
    effect = max(losses.values(), default=max(0.0, 1 - test.spread / test.fresh_spread) if test.fresh_spread else 0.0)
    least = min(losses.values(), default=effect)
    severity: Severity = "severe" if least >= SEVERE else "partial" if effect >= PARTIAL else "none"
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        _sentence(pairs, test),
        p_value=test.p_value,
        effect=effect,
        effect_of="share of the diversity of fresh real images that the samples lack, by coverage or Vendi score",
        details=_details(pairs, test, parts, subject.level),
    )
    return Examined(evidence, _scores(pairs, subject))


def measured(parts: EqualParts, subject: Subject) -> Mapping[str, Pair]:
    """Each measure by its base name; one that can't be computed with these images is left out."""
    sides = [Features(side.vectors.numpy()) for side in (parts.generated, parts.fresh)]
    fixed, seed, level = Features(parts.fixed.vectors.numpy()), subject.seed, subject.level
    # One side after the other: recall and coverage of the same pair share their distances.
    found = [_of_side(fixed, side, seed, level) for side in sides]
    return {
        name: Pair(found[0][name], found[1][name], same_real=name != "vendi") for name in found[0] if name in found[1]
    }


def _of_side(fixed: Features, side: Features, seed: int, level: float) -> dict[str, Score]:
    found: dict[str, Score] = {}
    # A dead row has no direction; the others don't need one.
    with contextlib.suppress(MetricError):
        found["vendi"] = VENDI(None, side, seed=seed, level=level)[0]
    found["recall"] = PRECISION_RECALL(fixed, side, seed=seed, level=level)[1]
    # Real images that all have copies have no neighbourhoods.
    with contextlib.suppress(MetricError):
        found["coverage"] = DENSITY_COVERAGE(fixed, side, seed=seed, level=level)[1]
    return found


def _sentence(pairs: Mapping[str, Pair], test: LostDiversity) -> str:
    said = []
    if "coverage" in pairs:
        one = pairs["coverage"]
        said.append(
            f"samples reach {one.generated.value:.1%} of the neighbourhoods of real images, as many fresh real images "
            f"{one.fresh.value:.1%}"
        )
    if "vendi" in pairs:
        one = pairs["vendi"]
        said.append(
            f"their variety is that of {one.generated.value:.3g} entirely different images, instead of "
            f"{one.fresh.value:.3g}"
        )
    said.append(
        f"{test.missed:.1%} of real images have no sample among their nearest, and {test.fresh_missed:.1%} no fresh "
        "real image"
    )
    return "; ".join(said).replace("%", " %")


def _details(pairs: Mapping[str, Pair], test: LostDiversity, parts: EqualParts, level: float) -> dict[str, Any]:
    return {
        "images": len(parts),
        "fresh": parts.fresh.side,
        "test": dict(vars(test)),
        **{
            name: {
                "generated": pair.generated.value,
                "real": pair.fresh.value,
                "lost": pair.lost,
                "difference_interval": pair.interval(level),
            }
            for name, pair in pairs.items()
        },
    }


def _scores(pairs: Mapping[str, Pair], subject: Subject) -> dict[str, Score]:
    found = {}
    for base, pair in pairs.items():
        name = name_on_features(base, subject.generated)
        score = replace(pair.generated.renamed(name), influence=None)
        found[name] = replace(score, details={**score.details, "real": pair.fresh.value})
    return found


DIAGNOSTIC = Diagnostic(
    name="diversity",
    title="Diversity",
    paper="Friedman & Dieng 2023, The Vendi Score; Kynkäänniemi et al. 2019, Improved Precision and Recall Metric; "
    "Naeem et al. 2020, Reliable Fidelity and Diversity Metrics",
    failure="mode-collapse",
    examine=examine,
    minimum=20,
    parameters=(Parameter("images", MOST_IMAGES, int, "most images a side"),),
)
