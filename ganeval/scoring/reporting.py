"""From what an evaluation found to the report of one generated set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from ganeval.features.extending import default_batch_size
from ganeval.features.features import ExtractorInfo, Features
from ganeval.metrics.naming import metrics_by_score
from ganeval.report.report import Report, Run
from ganeval.scoring.class_counts import notices_of_classes
from ganeval.scoring.comparability import comparable_with
from ganeval.scoring.evaluation import Evaluation, ExtractedSet, Scored
from ganeval.scoring.gallery import make_gallery
from ganeval.scoring.pairing import notices_of_pairs
from ganeval.scoring.provenance import platform_in_words, versions
from ganeval.scoring.sides import describe_side, notices_of_sides
from ganeval.scoring.suitability import sample_size_notices


def make_report(
    evaluation: Evaluation,
    scored: Scored,
    real: ExtractedSet | None,
    generated: ExtractedSet,
    *,
    command: str,
    started: str,
    seconds: Callable[[], float],
) -> Report:
    """The report of `generated` against `real`.

    Parameters
    ----------
    command
        How the run is described.
    started
        ISO 8601 time with offset.
    seconds
        Gives the wall time when it is asked, last of all.
    """
    network = evaluation.network
    real_features = None if real is None else real.features
    notices = [
        *evaluation.notices,
        *scored.notices,
        *notices_of_sides(None if real is None else real.extraction, generated.extraction),
        *notices_of_pairs(scored.scores.values()),
        *notices_of_classes(scored.scores.values()),
        *sample_size_notices(
            scored.scores.values(),
            generated.features.pooled.shape[1],
            metrics_by_score((one.metric for one in scored.selection), network.info.name),
        ),
    ]
    shown = real_features if real_features is not None and len(real_features) else None
    gallery = make_gallery(shown, generated.features, class_names=network.class_names)
    return Report(
        scores=scored.scores,
        extractor=as_it_turned_out(network.info, generated.features),
        generated=describe_side(generated.source, generated.extraction),
        real=None if real is None else describe_side(real.source, real.extraction),
        run=make_run(evaluation, scored, command=command, started=started, seconds=seconds()),
        comparable=comparable_with(network.info, real_features, generated.features),
        notices=tuple(notices),
        requested=scored.requested,
        gallery=gallery,
    )


def make_run(evaluation: Evaluation, scored: Scored, *, command: str, started: str, seconds: float) -> Run:
    """How the report came about."""
    settings = evaluation.settings
    return Run(
        command=command,
        seed=settings.seed,
        started=started,
        seconds=seconds,
        device=str(evaluation.device),
        batch_size=settings.batch_size or default_batch_size(evaluation.network, evaluation.device),
        versions=versions(),
        platform=platform_in_words(),
        options={
            "metrics": list(scored.scores),
            "metric_options": evaluation.choice.options,
            "weights": None if evaluation.weights is None else str(evaluation.weights),
            "on_error": settings.on_error,
            "level": evaluation.level,
            **{name: value for name, value in asdict(settings.opening()).items() if name != "seed"},
        },
    )


def as_it_turned_out(extractor: ExtractorInfo, features: Features) -> ExtractorInfo:
    """What is known of the extractor, with the numbers of features and classes, which may show only in the run."""
    classes = None if features.logits is None else features.logits.shape[1]
    return replace(extractor, feature_dim=features.pooled.shape[1], class_count=classes)
