"""Shows MiFID beside the Fréchet distance: by how much closeness to the training images discounts it."""

from __future__ import annotations

from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.metrics.memorisation_informed_distance import (
    METRIC,
    THRESHOLD,
    memorisation_distances,
    memorisation_informed_distance,
)
from ganeval.metrics.naming import score_name
from ganeval.report.diagnosis import Evidence, Examined


def _examine(subject: Subject) -> Examined:
    real, generated = subject.real.pooled, subject.generated.pooled
    score = memorisation_informed_distance(real, generated, block_bytes=subject.block_bytes)
    distance, fd = score.details["memorisation_distance"], score.details["frechet_distance"]
    details = dict(score.details)
    beside = ""
    if subject.held_out is not None:
        of_held_out = memorisation_distances(real, subject.held_out.pooled, block_bytes=subject.block_bytes)
        details["memorisation_distance_held_out"] = of_held_out.generated
        beside = f" (held-out images: {details['memorisation_distance_held_out']:.3f})"
    what = (
        f"the Fréchet distance of {fd:.4g} becomes {score.value:.4g}"
        if score.details["penalised"]
        else f"the Fréchet distance of {fd:.4g} isn't penalised"
    )
    extractor = subject.generated.extractor
    name = "mifd" if extractor is None else score_name("mifd", METRIC, extractor.name)
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        "none",
        f"samples lie {distance:.3f} from their nearest training images in angle, on average{beside}, where less than "
        f"{THRESHOLD} counts as copying: {what}",
        details=details,
    )
    return Examined(evidence, {name: score.renamed(name)})


DIAGNOSTIC = Diagnostic(
    name="mifid",
    title=METRIC.title,
    paper=METRIC.paper,
    failure="memorisation",
    examine=_examine,
)
