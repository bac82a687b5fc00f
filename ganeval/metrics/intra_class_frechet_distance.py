"""The Fréchet distance within each class and its mean: intra-class FID on Inception features, else intra-class FD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.frechet_distance import frechet_distance
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level
from ganeval.wording import counted

#: Fewest images of a class on each side with which it counts.
FEWEST = 10

_METHOD = (
    "leave-one-out influence of each image within its class, around the mean over these classes that infinitely many "
    "images of each would have"
)


def intra_class_frechet_distance(
    real: Array,
    generated: Array,
    real_labels: Sequence[Any],
    generated_labels: Sequence[Any],
    *,
    fewest: int = FEWEST,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Mean over classes of the Fréchet distance between the real and generated images of the class.

    Intra-FID of Miyato & Koyama 2018 (cGANs with Projection Discriminator, section 4.1): it sees a conditional
    generator whose images are good but of the wrong class, or all alike within a class. The interval follows from the
    influence of each image within its class (see `ganeval.metrics.frechet_distance`).

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    real_labels, generated_labels
        [N] and [M], the class of each image, anything that can be compared for equality; None for no class: such
        images are left out.
    fewest
        Fewest images of a class on each side, at least 2; classes with fewer on a side are left out.
    level
        Of the interval; None computes none.

    Returns
    -------
    Score
        ``"intra_fd"``, lower is better. `corrected` is there where each class has it (50 images a side, see
        `frechet_distance`). ``details`` has ``classes``: label to ``value``, ``corrected``, ``n_real`` and
        ``n_generated``; and ``left_out``: label to the two counts, for classes with too few images on a side.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, columns or numbers of labels don't fit, or no class is on both sides.
    NotEnoughImagesError
        If there are classes on both sides, but none with enough images.
    OptionError
        If `fewest` isn't a whole number of at least 2, or `level` doesn't lie between 0 and 1.
    """
    require_level(level)
    require_count("fewest", fewest, minimum=2)
    first, second = as_pair(real, generated)
    rows_real = _rows_by_class("real", real_labels, len(first))
    rows_generated = _rows_by_class("generated", generated_labels, len(second))
    names = sorted({*rows_real, *rows_generated})
    counts = {name: (len(rows_real.get(name, ())), len(rows_generated.get(name, ()))) for name in names}
    kept = [name for name in names if min(counts[name]) >= fewest]
    if not kept:
        raise _nothing_left(counts, fewest)
    scores: dict[str, Score] = {}
    for name in kept:
        sides = _chosen(first, rows_real[name]), _chosen(second, rows_generated[name])
        scores[name] = frechet_distance(*sides, level=level)
    score = Score(
        name="intra_fd",
        value=float(np.mean([one.value for one in scores.values()])),
        n_real=sum(counts[name][0] for name in kept),
        n_generated=sum(counts[name][1] for name in kept),
        higher_is_better=False,
        parameters={"fewest": fewest},
        details={
            "classes": {name: _described(one) for name, one in scores.items()},
            "left_out": {
                name: {"n_real": counts[name][0], "n_generated": counts[name][1]} for name in names if name not in kept
            },
        },
    )
    if level is None:
        return score
    without = next((name for name, one in scores.items() if one.influence is None or one.interval is None), None)
    if without is not None:
        return score.without_interval(f"the class {without} has none: {scores[without].no_interval_reason}")
    influence = Influence(
        _joined([one.influence.real for one in scores.values() if one.influence], rows_real, kept, len(first)),
        _joined(
            [one.influence.generated for one in scores.values() if one.influence], rows_generated, kept, len(second)
        ),
        sum(one.influence.other_variance for one in scores.values() if one.influence) / len(kept) ** 2,
    )
    corrected = float(np.mean([one.estimate for one in scores.values()]))
    return replace(score, corrected=corrected).with_influence(influence, level=level, method=_METHOD, lowest=0.0)


def _rows_by_class(side: str, labels: Sequence[Any], count: int) -> dict[str, list[int]]:
    if len(labels) != count:
        raise MetricError(f"{side}_labels must have one entry an image, {count}, not {len(labels)}")
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        if label is not None:
            rows.setdefault(str(label), []).append(row)
    return rows


def _chosen(rows: torch.Tensor, indices: Sequence[int]) -> torch.Tensor:
    return rows[torch.tensor(indices, device=rows.device)]


def _nothing_left(counts: dict[str, tuple[int, int]], fewest: int) -> MetricError:
    shared = {name: pair for name, pair in counts.items() if min(pair) > 0}
    if not shared:
        return MetricError("no class has images on both sides", hint="Label both sides with the same names of classes.")
    best, pair = max(shared.items(), key=lambda item: min(item[1]))
    return NotEnoughImagesError(
        f"no class has {counted(fewest, 'image')} on both sides; {best} has the most, {pair[0]} real and {pair[1]} "
        "generated",
        hint="Add images, or lower the option fewest.",
    )


def _described(score: Score) -> dict[str, Any]:
    return {
        "value": score.value,
        "corrected": score.corrected,
        "n_real": score.n_real,
        "n_generated": score.n_generated,
    }


def _joined(
    parts: Sequence[np.ndarray[Any, np.dtype[np.float64]] | None],
    rows: dict[str, list[int]],
    kept: Sequence[str],
    count: int,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Influence of all images of a side on the mean over classes, 0 for those left out."""
    joined = np.zeros(count)
    for name, part in zip(kept, parts, strict=True):
        if part is not None:
            joined[rows[name]] = part * (count / (len(rows[name]) * len(kept)))
    return joined


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, fewest: int
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("the intra-class Fréchet distance needs real images", hint="Pass them with --real (real=).")
    for side, features in (("real", real), ("generated", generated)):
        if features.labels is None:
            raise MetricError(
                f"the intra-class Fréchet distance needs class labels, and the {side} images have none",
                hint="Take them from sub-folders with --labels folders, or use a labelled source.",
            )
    assert real.labels is not None
    assert generated.labels is not None
    score = intra_class_frechet_distance(
        real.pooled, generated.pooled, real.labels, generated.labels, fewest=fewest, level=level
    )
    return (score,)


METRIC = Metric(
    name="intra_fd",
    scores=("intra_fd",),
    covariances="classes",
    title="Intra-class Fréchet distance",
    paper="Miyato & Koyama 2018, cGANs with Projection Discriminator",
    formula="mean over classes c of FD(real images of c, generated images of c)",
    higher_is_better=(False,),
    compute=_compute,
    has_interval=True,
    needs="labels",
    aliases=("intra_fid",),
    inception_names={"intra_fd": "intra_fid"},
    parameters=(Parameter("fewest", FEWEST, int, "Fewest images of a class on each side."),),
)
