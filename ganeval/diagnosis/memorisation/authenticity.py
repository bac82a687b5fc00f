"""Whether samples crowd training images, nearer than any other real image, more than they crowd held-out ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.memorisation.exchange import exchange_test, nearest_of_both, smallest_excess
from ganeval.diagnosis.memorisation.nearest_images import nearest_images, nearest_training_images
from ganeval.features.features import Features
from ganeval.metrics.authenticity import METRIC, Authenticity, authenticity_from_nearest, authpct_score
from ganeval.metrics.naming import score_name
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Severity

#: Share of the samples that crowd a training image, beyond those that would if nothing were copied. A generator that
#: copies a share f of its samples and is else honest reaches f: at one in twenty a screenful of samples holds copies,
#: and of one in four nobody would say that they are its own.
PARTIAL, SEVERE = 0.05, 0.25


def _examine(subject: Subject) -> Examined:
    ours = _authenticity(subject, subject.generated, subject.real)
    close = int((~ours.authentic).sum())
    n_real, n = len(subject.real), len(ours.authentic)
    scores = {_name(subject, "authpct"): authpct_score(ours, n_real=n_real, level=subject.level)}
    details = {"authpct": 100 * (1 - close / n), "not_authentic": close}
    nearer = f"{100 * close / n:.1f} % of the samples are nearer to a training image than any other training image is"
    if subject.held_out is None:
        sentence = (
            f"{nearer}: whether they are copied, or only typical, can't be told without real images that the generator "
            "wasn't trained on (--held-out)"
        )
        evidence = Evidence(DIAGNOSTIC.name, DIAGNOSTIC.title, DIAGNOSTIC.failure, "none", sentence, details=details)
        return Examined(evidence, _renamed(scores))
    theirs = _authenticity(subject, subject.held_out, subject.real)
    scores[_name(subject, "authpct_held_out")] = authpct_score(theirs, n_real=n_real, level=subject.level)
    m = len(theirs.authentic)
    crowded = _crowded(subject, ours, theirs)
    found = exchange_test(crowded, n_real, m, level=subject.level, seed=subject.seed)
    # Of all samples, not only of those that crowd an image.
    scale = len(crowded) / n
    effect, low, high = (value * scale for value in (found.excess, *found.interval))
    severity: Severity = "severe" if effect >= SEVERE else "partial" if effect >= PARTIAL else "none"
    close_too = int((~theirs.authentic).sum())
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        f"{nearer}, and {100 * close_too / m:.1f} % of the held-out images; "
        + (
            f"of the samples that crowd a real image {100 * found.share:.1f} % crowd a training image, where chance "
            f"gives {100 * found.expected:.1f} %"
            if len(crowded)
            else "no sample crowds a real image"
        ),
        p_value=found.p_value,
        effect=max(effect, 0.0),
        effect_of="share of the samples that crowd a training image, beyond what typical samples that copy nothing do",
        smallest_effect=smallest_excess(found.spread * scale) if len(crowded) else None,
        details=details
        | {
            "authpct_held_out": 100 * (1 - close_too / m),
            "not_authentic_held_out": close_too,
            "crowding": len(crowded),
            "crowding_training_images": round(found.share * len(crowded)),
            "expected_share": found.expected,
            "excess": effect,
            "interval": [low, high],
            "level": subject.level,
        },
    )
    return Examined(evidence, _renamed(scores))


def _crowded(subject: Subject, ours: Authenticity, theirs: Authenticity) -> npt.NDArray[np.int64]:
    """The real image, training images first, that each sample crowds which is nearer to it than other real ones are."""
    assert subject.held_out is not None
    nearest = nearest_of_both(subject)
    n_real = len(subject.real)
    trained = nearest.image < n_real
    own = np.empty(len(trained))
    own[trained] = np.minimum(
        np.sqrt(ours.squared_real[trained]), _to(subject, nearest.image[trained], subject.held_out)
    )
    rows = nearest.image[~trained] - n_real
    among = _authenticity(subject, subject.generated, subject.held_out)
    own[~trained] = np.minimum(np.sqrt(among.squared_real[~trained]), np.sqrt(theirs.squared)[rows])
    return nearest.image[nearest.distance <= own]


def _to(subject: Subject, rows: npt.NDArray[np.int64], others: Features) -> npt.NDArray[np.float64]:
    """Distance of each of these training images to the nearest of other images."""
    if not len(rows):
        return np.empty(0)
    wanted, back = np.unique(rows, return_inverse=True)
    found = nearest_images(subject.real.pooled[wanted], others.pooled, block_bytes=subject.block_bytes)
    return found.distances[:, 0][back]


def _authenticity(subject: Subject, side: Features, real: Features) -> Authenticity:
    found = nearest_training_images(side, real, block_bytes=subject.block_bytes, progress=subject.progress)
    return authenticity_from_nearest(real.pooled, found.rows[:, 0].copy(), found.distances[:, 0] ** 2)


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
