"""Compares how many samples are authentic, rather than next to a single training image, with held-out real images."""

from __future__ import annotations

from scipy.stats import hypergeom

from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.memorisation.nearest_images import nearest_training_images
from ganeval.diagnosis.memorisation.shares import clopper_pearson, difference_of_shares, smallest_difference
from ganeval.features.features import Features
from ganeval.metrics.authenticity import METRIC, Authenticity, authenticity_from_nearest, authpct_score
from ganeval.metrics.naming import score_name
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Severity

#: Excess share of samples that crowd a training image. A generator that copies a share f of its samples and is else
#: honest loses about two thirds of f, as the others are authentic in so many cases; smooth images lose a few per cent.
PARTIAL, SEVERE = 0.05, 0.25


def _examine(subject: Subject) -> Examined:
    ours = _authenticity(subject, subject.generated)
    n, close = len(ours.authentic), int((~ours.authentic).sum())
    share = close / n
    n_real = len(subject.real)
    scores = {_name(subject, "authpct"): authpct_score(ours, n_real=n_real, level=subject.level)}
    details = {"authpct": 100 * (1 - share), "not_authentic": close}
    if subject.held_out is None:
        sentence = (
            f"{100 * share:.1f} % of the samples are nearer to a training image than any other training image is; "
            "what fresh real images would show isn't known without held-out ones"
        )
        evidence = Evidence(DIAGNOSTIC.name, DIAGNOSTIC.title, DIAGNOSTIC.failure, "none", sentence, details=details)
        return Examined(evidence, _renamed(scores))
    theirs = _authenticity(subject, subject.held_out)
    m, close_too = len(theirs.authentic), int((~theirs.authentic).sum())
    expected = close_too / m
    low, high = difference_of_shares(
        share,
        clopper_pearson(close, n, subject.level),
        expected,
        clopper_pearson(close_too, m, subject.level),
    )
    effect = share - expected
    severity: Severity = "severe" if effect >= SEVERE else "partial" if effect >= PARTIAL else "none"
    held_out = authpct_score(theirs, n_real=n_real, level=subject.level)
    scores[_name(subject, "authpct_held_out")] = held_out
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        f"{100 * share:.1f} % of the samples are nearer to a training image than any other training image is, and "
        f"{100 * expected:.1f} % of the held-out images",
        # Given both together, fresh images would fall on the samples' side by chance (Fisher's exact test).
        p_value=float(hypergeom.sf(close - 1, n + m, close + close_too, n)),
        effect=max(effect, 0.0),
        effect_of="share of the samples that lie too near to a training image, beyond that of held-out images",
        smallest_effect=smallest_difference(expected, n, m),
        details=details
        | {
            "authpct_held_out": 100 * (1 - expected),
            "not_authentic_held_out": close_too,
            "difference": effect,
            "interval": [low, high],
            "level": subject.level,
        },
    )
    return Examined(evidence, _renamed(scores))


def _authenticity(subject: Subject, side: Features) -> Authenticity:
    found = nearest_training_images(side, subject.real, block_bytes=subject.block_bytes, progress=subject.progress)
    return authenticity_from_nearest(subject.real.pooled, found.rows[:, 0].copy(), found.distances[:, 0] ** 2)


def _name(subject: Subject, base: str) -> str:
    extractor = subject.generated.extractor
    return base if extractor is None else score_name(base, METRIC, extractor.name)


def _renamed(scores: dict[str, Score]) -> dict[str, Score]:
    return {name: score.renamed(name) for name, score in scores.items()}


DIAGNOSTIC = Diagnostic(
    name="authenticity",
    title="Authenticity",
    paper=METRIC.paper,
    failure="memorisation",
    examine=_examine,
)
