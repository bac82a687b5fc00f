"""Clusters of near-duplicates among the samples: the same picture over and over, give or take some noise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganeval.diagnosis.collapse.close_pairs import DEFAULT_SHARE, Numbers, clusters, smallest_excess
from ganeval.diagnosis.collapse.duplicate_search import MOST_PICTURES, DuplicateSearch, duplicate_searches
from ganeval.diagnosis.collapse.equal_parts import MOST_IMAGES
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.pictures import pictures
from ganeval.features.features import Features
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Exhibit, Severity
from ganeval.uncertainty.influence import Influence
from ganeval.wording import counted

#: Share of the samples that are near-duplicates beyond what it is among real images: one in fifty shows on any page of
#: thumbnails; of every fifth, a fifth of all that is made with the samples is spent on repeats.
PARTIAL, SEVERE = 0.02, 0.20
_CLUSTERS_SHOWN, _MEMBERS_SHOWN = 6, 8


def examine(subject: Subject, *, images: int, pixel_images: int, share: float) -> Examined:
    """Share of the samples in clusters of near-duplicates, against that of as many fresh real images.

    Two images are near-duplicates if they are at most as far apart as only a `share` of real images are from their
    nearest; clusters are the connected components of such pairs (single linkage; DBSCAN's clusters with two images to
    a core). The p-value is exact: Fisher's test of how many samples, and how many real images, have a near-duplicate
    in the pool of both. Features and, where pictures can be read again, pixels are looked at, corrected for being two.

    Parameters
    ----------
    subject
        What is examined.
    images, pixel_images
        Images of each part at most in feature and in pixel space.
    share
        Of real images that shall have a near-duplicate.

    Raises
    ------
    NotEnoughImagesError
        If there are too few images.
    OptionError
        If a parameter is out of range.
    """
    images = require_count("images", images, minimum=2)
    pixel_images = require_count("pixel_images", pixel_images, minimum=0)
    searches = duplicate_searches(subject, share=share, images=images, pixel_images=pixel_images)
    p_values = [search.images_p_value() for search in searches]
    chosen = searches[p_values.index(min(p_values))]
    groups = clusters(chosen.generated)
    excess = chosen.generated_share - chosen.fresh_share
    severity: Severity = "severe" if excess >= SEVERE else "partial" if excess >= PARTIAL else "none"
    copies = exact_copies(subject.generated)
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        _sentence(chosen, groups, copies),
        p_value=min(1.0, len(searches) * min(p_values)),
        effect=excess,
        effect_of="share of the samples that are near-duplicates, less that of real images",
        smallest_effect=smallest_excess(chosen.fresh_share, len(chosen.parts)),
        exhibits=_exhibits(chosen, groups, subject.generated, copies),
        details={
            "spaces": {
                search.space: _described(search, p_value) for search, p_value in zip(searches, p_values, strict=True)
            },
            "exact_copies": None if copies is None else sum(len(rows) - 1 for rows in copies),
        },
    )
    return Examined(evidence, dict(_score(search, subject) for search in searches))


def exact_copies(features: Features) -> list[list[int]] | None:
    """Groups of rows whose images have the same pixels, largest first; None where digests of the pixels aren't known.

    Looks at the digests that were made while decoding, of all images of the set.
    """
    if len(features.images) != len(features) or not all(info.digest for info in features.images):
        return None
    rows: dict[bytes, list[int]] = defaultdict(list)
    for row, info in enumerate(features.images):
        rows[info.digest].append(row)
    return sorted((group for group in rows.values() if len(group) > 1), key=lambda group: (-len(group), group[0]))


def _sentence(search: DuplicateSearch, groups: Sequence[Numbers], copies: Sequence[Sequence[int]] | None) -> str:
    of_real = f"{search.fresh_share:.1%} of as many real images"
    sentence = f"{search.generated_share:.1%} of the samples are near-duplicates of another sample, and {of_real} are"
    if groups:
        sentence += f"; they form {counted(groups, 'cluster')}, the largest of {counted(len(groups[0]), 'sample')}"
    repeats = sum(len(rows) - 1 for rows in copies or ())
    if repeats:
        sentence += f"; {counted(repeats, 'sample')} {'repeats' if repeats == 1 else 'repeat'} another to the pixel"
    return sentence.replace("%", " %")


def _described(search: DuplicateSearch, p_value: float) -> dict[str, Any]:
    groups = clusters(search.generated)
    return {
        "images": len(search.parts),
        "threshold": search.threshold,
        "p_value": p_value,
        "generated_share": search.generated_share,
        "real_share": search.fresh_share,
        "clusters": len(groups),
        "largest_clusters": [len(group) for group in groups[:10]],
        # What would be left if of each cluster one sample were kept.
        "distinct_share": 1 - sum(len(group) - 1 for group in groups) / len(search.parts),
    }


def _score(search: DuplicateSearch, subject: Subject) -> tuple[str, Score]:
    degrees = search.generated.first_degrees
    score = Score(
        name=search.score_name("near_duplicates"),
        value=search.generated_share,
        n_real=len(search.parts),
        n_generated=len(search.parts),
        higher_is_better=False,
        parameters={"threshold": search.threshold},
        details={"real": search.fresh_share},
    )
    # Without an image, those whose only near-duplicate it is are none any more.
    moved = (degrees > 0).astype(np.float64)
    pairs = search.generated
    for row, other in ((pairs.first, pairs.second), (pairs.second, pairs.first)):
        moved += np.bincount(row[degrees[other] == 1], minlength=len(moved))
    return score.name, score.with_influence(
        Influence(None, moved - moved.mean()),
        level=subject.level,
        method="normal, from leaving out each image; for the mean over repetitions with as many images",
        lowest=0.0,
        highest=1.0,
    )


def _exhibits(
    search: DuplicateSearch, groups: Sequence[Numbers], generated: Features, copies: Sequence[Sequence[int]] | None
) -> tuple[Exhibit, ...]:
    found = []
    if groups:
        rows = [[search.row(image) for image in group[:_MEMBERS_SHOWN]] for group in groups[:_CLUSTERS_SHOWN]]
        found.append(
            Exhibit(
                "Largest clusters of near-duplicates",
                f"Each row is one cluster of samples that are near-duplicates in {_space(search)}; up to "
                f"{_MEMBERS_SHOWN} of its members are shown.",
                _rows(generated, rows, [len(group) for group in groups]),
            )
        )
    if copies:
        found.append(
            Exhibit(
                "Samples that are the same to the pixel",
                "Each row is one picture and its exact copies.",
                _rows(
                    generated,
                    [list(rows[:_MEMBERS_SHOWN]) for rows in copies[:_CLUSTERS_SHOWN]],
                    list(map(len, copies)),
                ),
            )
        )
    return tuple(found)


def _space(search: DuplicateSearch) -> str:
    return "pixels" if search.space == "pixels" else "features"


def _rows(generated: Features, rows: Sequence[Sequence[int]], sizes: Sequence[int]) -> tuple[Any, ...]:
    # All are read in one pass over the set.
    shown = iter(pictures(generated, [row for group in rows for row in group], "generated"))
    return tuple(
        (counted(size, "sample"), tuple(next(shown) for _ in group)) for group, size in zip(rows, sizes, strict=False)
    )


DIAGNOSTIC = Diagnostic(
    name="near-duplicates",
    title="Clusters of near-duplicates",
    paper="Ester et al. 1996, A density-based algorithm for discovering clusters (DBSCAN), with the threshold made of "
    "real images",
    failure="mode-collapse",
    examine=examine,
    minimum=20,
    parameters=(
        Parameter("images", MOST_IMAGES, int, "most images a side among which near-duplicates are searched"),
        Parameter("pixel_images", MOST_PICTURES, int, "most pictures a side that are read again for pixel space"),
        Parameter("share", DEFAULT_SHARE, float, "share of real images that count as having a near-duplicate"),
    ),
)
