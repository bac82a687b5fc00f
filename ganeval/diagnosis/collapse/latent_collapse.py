"""Whether a generator turns different latent vectors into the same image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.collapse.latent_response import Embedding, LatentPairs, latent_pairs, local_dimensions
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.score_names import name_on_features
from ganeval.diagnosis.small_pictures import small_pictures
from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.images.source import Label, LatentSampler
from ganeval.metrics.mean_of_values import with_mean_interval
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Severity

#: Share of far-apart latent vectors whose images are nearly the same. Of pairs of real images (of one class, where
#: there are labels) one in a thousand are; with up to ten classes, none of them known, one in a hundred. At a
#: twentieth the latent space is no longer used as it should be, at a half most of it isn't used at all.
PARTIAL, SEVERE = 0.05, 0.5
#: Quantile of the distances between two real images below which two images are nearly the same.
NEARLY_SAME = 0.001
DEFAULT_PAIRS = 250
_PLACES, _DIRECTIONS = 16, 16
_REAL_PAIRS, _REAL_PICTURES = 20_000, 1_000

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RealPairs:
    """Distances of random pairs of different real images, float64 [P], in one space; `within` tells if of one class."""

    distances: Values
    space: str
    within: bool

    @property
    def nearly_same(self) -> float:
        """Distance up to which two images are nearly the same."""
        return float(np.quantile(self.distances, NEARLY_SAME, method="lower"))


def examine(subject: Subject, *, pairs: int) -> Examined:
    """Distance of images per distance of latent vectors, pairs that fall together, and the dimension of small changes.

    Information with a documented threshold: there is no null hypothesis, and so no p-value. A generator that ignores
    its latent vector, or parts of it, as GANs and conditional ones in particular do when they collapse (Mao et al.
    2019), gives nearly the same image for vectors that are far apart.

    Parameters
    ----------
    subject
        What is examined; its generated side has a sampler.
    pairs
        Pairs of latent vectors, at least 10.

    Raises
    ------
    MetricError
        If there is no generator, or its images aren't finite.
    """
    sampler = subject.generated.sampler
    if sampler is None:
        raise MetricError(
            "the samples don't come from a generator that can be asked for images of chosen latent vectors",
            hint="Examine the generator itself, such as generator:dcgan.",
        )
    found = latent_pairs(
        sampler, pairs=require_count("pairs", pairs, minimum=10), seed=subject.seed, embed=_embedding(subject.generated)
    )
    dimensions = local_dimensions(sampler, places=_PLACES, directions=_DIRECTIONS, seed=subject.seed)
    real = _real_pairs(subject, found)
    moving = bool(found.image.any())
    distances = None if real is None else found.features if real.space == "features" else found.pictures
    same: npt.NDArray[np.bool_] = found.image[found.far] == 0
    if real is not None and distances is not None:
        same = distances[found.far] <= real.nearly_same
    share = float(same.mean())
    severity: Severity = "severe" if share >= SEVERE else "partial" if share >= PARTIAL else "none"
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        _sentence(share, real, dimensions, moving, sampler),
        effect=share,
        effect_of="share of far-apart latent vectors whose images are nearly the same",
        details=_details(found, real, distances, dimensions, sampler),
    )
    return Examined(evidence, _scores(found, same, dimensions, subject))


def _embedding(generated: Features) -> Embedding | None:
    """The extractor, unless it takes uint8 alone."""
    rounded = generated.extractor is not None and generated.extractor.preprocessing == "native"
    return None if rounded else generated.embed


def _real_pairs(subject: Subject, found: LatentPairs) -> RealPairs | None:
    """Random pairs of real images in the space that the generator's are seen in; None where there's none for both."""
    real = subject.real
    random = np.random.default_rng(subject.seed)
    if found.features is not None and real.pooled.shape[1] == subject.generated.pooled.shape[1]:
        first, second, within = _pairs_of(random, len(real), real.labels)
        distances = [
            np.linalg.norm(real.pooled[a].astype(np.float64) - real.pooled[b], axis=1)
            for a, b in zip(np.array_split(first, 50), np.array_split(second, 50), strict=True)
        ]
        return RealPairs(np.concatenate(distances), "features", within)
    if real.reader is None:
        return None
    rows = np.sort(random.permutation(len(real))[:_REAL_PICTURES]).astype(np.int64)
    pictures = small_pictures(real, "real", [int(row) for row in rows])
    labels = None if real.labels is None else [real.labels[row] for row in rows]
    first, second, within = _pairs_of(random, len(rows), labels)
    return RealPairs(_picture_distances(pictures, first, second), "pixels", within)


def _picture_distances(pictures: torch.Tensor, first: Any, second: Any) -> Values:
    parts = [
        (pictures[a] - pictures[b]).square_().mean(dim=1).sqrt().double().numpy()
        for a, b in zip(np.array_split(first, 100), np.array_split(second, 100), strict=True)
    ]
    return np.concatenate(parts)


def _pairs_of(
    random: np.random.Generator, count: int, labels: Any
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], bool]:
    """Random pairs of different images, of one class where all have labels: a generator asked with one latent vector
    after another holds everything else, such as the class, fixed."""
    first = random.integers(0, count, _REAL_PAIRS)
    second = (first + random.integers(1, count, _REAL_PAIRS)) % count
    if labels is None or any(label is None for label in labels):
        return first, second, False
    classes: dict[Label, list[int]] = {}
    for row, label in enumerate(labels):
        classes.setdefault(label, []).append(row)
    groups = [np.asarray(rows, dtype=np.int64) for rows in classes.values() if len(rows) > 1]
    if not groups:
        return first, second, False
    sizes = np.asarray([len(group) for group in groups])
    each = random.multinomial(_REAL_PAIRS, sizes / sizes.sum())
    pairs = []
    for group, size in zip(groups, each, strict=True):
        one = random.integers(0, len(group), size)
        other = (one + random.integers(1, len(group), size)) % len(group)
        pairs.append((group[one], group[other]))
    joined = [np.concatenate(parts) for parts in zip(*pairs, strict=True)]
    return joined[0], joined[1], True


def _sentence(share: float, real: RealPairs | None, dimensions: Values, moving: bool, sampler: LatentSampler) -> str:
    if not moving:
        return "the generator gives the same image whatever its latent vector is"
    size = _latent_size(sampler)
    changes = f"near a latent vector, images change in about {np.median(dimensions):.0f} of {size:,} directions"
    if real is None:
        return f"{share:.1%} of far-apart latent vectors give the very same image; {changes}".replace("%", " %")
    kind = " of one class" if real.within else ""
    return (
        f"{share:.1%} of far-apart latent vectors give nearly the same image, as {NEARLY_SAME:.1%} of pairs of real "
        f"images{kind} are; {changes}"
    ).replace("%", " %")


def _latent_size(sampler: LatentSampler) -> int:
    return int(sampler.draw(1, 0)[0].numel())


def _details(
    found: LatentPairs, real: RealPairs | None, distances: Values | None, dimensions: Values, sampler: LatentSampler
) -> dict[str, Any]:
    details: dict[str, Any] = {
        "latent_size": _latent_size(sampler),
        "pairs": len(found.latent),
        "mean_latent_distance": float(found.latent.mean()),
        "mean_image_distance": float(found.image.mean()),
        "local_dimension": {
            "median": float(np.median(dimensions)),
            "lowest": float(dimensions.min()),
            "highest": float(dimensions.max()),
        },
    }
    if real is not None and distances is not None:
        mean = float(real.distances.mean())
        details |= {
            "space": real.space,
            "nearly_same_distance": real.nearly_same,
            "real_pairs_of_one_class": real.within,
            # As far apart as two real images are: 1; nearer: less.
            "distance_of_real_pairs": float(distances.mean()) / mean if mean > 0 else None,
        }
    return details


def _scores(
    found: LatentPairs, same: npt.NDArray[np.bool_], dimensions: Values, subject: Subject
) -> Mapping[str, Score]:
    # Where latent vectors are discrete two may be one and the same.
    apart = found.latent > 0
    of: dict[str, tuple[Values, bool, str]] = {
        "latent_image_ratio": (found.image[apart] / found.latent[apart], True, "pairs of latent vectors"),
        "latent_same_share": (same.astype(np.float64), False, "pairs of latent vectors"),
        "latent_dimension": (dimensions, True, "latent vectors"),
    }
    if found.features is not None:
        ratio = found.features[apart] / found.latent[apart]
        of[name_on_features("latent_feature_ratio", subject.generated)] = (ratio, True, "pairs of latent vectors")
    scores = {}
    for name, (values, higher, what) in of.items():
        if not len(values):
            continue
        score = Score(
            name=name,
            value=float(values.mean()),
            n_real=None,
            n_generated=2 * len(found.latent),
            higher_is_better=higher,
            parameters={"pairs": len(found.latent)},
            details={"median": float(np.median(values))},
        )
        scores[name] = with_mean_interval(score, values, level=subject.level, what=what, lowest=0.0)
    return scores


DIAGNOSTIC = Diagnostic(
    name="latent-collapse",
    title="Latent collapse",
    paper="Mao et al. 2019, Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis",
    failure="mode-collapse",
    examine=examine,
    needs=("generator",),
    minimum=2,
    parameters=(Parameter("pairs", DEFAULT_PAIRS, int, "how many pairs of latent vectors"),),
)
