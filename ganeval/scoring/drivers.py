"""What drives the scores: the influence of each image and class, realism, and real images that nothing covers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import GanevalError, OptionError
from ganeval.features.features import Features, Preview
from ganeval.features.previews import make_preview
from ganeval.metrics.neighbourhoods import (
    DENSITY_COVERAGE_K,
    PRECISION_RECALL_K,
    Question,
    neighbourhoods_of,
)
from ganeval.metrics.realism import realism_of
from ganeval.metrics.score import Score
from ganeval.report.drivers import ClassRecord, Drivers, ImageRecord, SideName

Values = npt.NDArray[np.float64]

#: How many images are listed of each kind unless somebody says so.
DEFAULT_TOP = 50

_BLOCK_BYTES = 64 * 2**20


def check_top(top: int) -> None:
    """Raise `OptionError` unless `top` is a whole number of at least 1."""
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise OptionError(f"top must be a whole number of at least 1, not {top!r}", hint="For example 50.")


def find_drivers(
    scores: Mapping[str, Score],
    real: Features | None,
    generated: Features,
    *,
    leading: Sequence[str] = (),
    top: int = DEFAULT_TOP,
    class_names: Sequence[str] | None = None,
) -> Drivers:
    """Which images and classes drive the scores.

    Parameters
    ----------
    scores
        By full name; those with an `influence` count.
    real, generated
        The features from which the scores were computed; without `real` only influences are known.
    leading
        Full names of scores by which the images are ordered: the first of them that has an influence for each image,
        else any.
    top
        How many images to list of each kind.
    class_names
        Of the logits.

    Raises
    ------
    OptionError
        If `top` isn't at least 1.
    """
    check_top(top)
    unknown: list[str] = []
    sides: dict[SideName, Features] = (
        {"generated": generated} if real is None else {"generated": generated, "real": real}
    )
    influences = {side: _influences(scores, side, len(features)) for side, features in sides.items()}
    by = next((name for name in (*leading, *scores) if name in influences["generated"]), None)
    if by is None:
        unknown.append("influence: no score offers one (intervals are needed for it, see --metrics and --level)")
    realism, inside, distance = _neighbourhoods(real, generated, unknown)
    records = {
        side: _records(
            side,
            features,
            class_names,
            influences[side],
            realism if side == "generated" else None,
            inside.get(side),
            distance if side == "real" else None,
        )
        for side, features in sides.items()
    }
    order = _worst_first(None if by is None else scores[by], influences["generated"], realism)
    ordered = [records["generated"][row] for row in order]
    uncovered = sorted(
        (record for record in records.get("real", ()) if record.inside is False),
        key=lambda record: (-(record.distance or 0.0), record.row),
    )
    worst, best = tuple(ordered[:top]), tuple(ordered[::-1][:top])
    chosen = (*worst, *best, *uncovered[:top])
    classes_by, classes = _classes(records, None if by is None else scores[by])
    previews = _previews(sides, chosen, unknown)
    return Drivers(
        score=by,
        classes_by=classes_by,
        worst=worst,
        best=best,
        uncovered=tuple(uncovered[:top]),
        uncovered_count=len(uncovered) if inside.get("real") is not None else None,
        classes=classes,
        unknown=tuple(unknown),
        images=tuple(record for side in records.values() for record in side),
        previews=previews,
    )


def _influences(scores: Mapping[str, Score], side: SideName, count: int) -> dict[str, Values]:
    """By full name, of the scores that have one for each image of the side."""
    table = {}
    for name, score in scores.items():
        values = None if score.influence is None else getattr(score.influence, side)
        if values is not None and len(values) == count and np.isfinite(values).all():
            table[name] = np.asarray(values, dtype=np.float64)
    return table


def _worst_first(score: Score | None, influences: Mapping[str, Values], realism: Values | None) -> list[int]:
    """Rows of the generated images, those that spoil the score most first; by realism where nothing has influence."""
    if score is not None:
        harm = influences[score.name] if not score.higher_is_better else -influences[score.name]
        return [int(row) for row in np.argsort(-harm, kind="stable")]
    if realism is not None:
        return [int(row) for row in np.argsort(realism, kind="stable")]
    return []


def _neighbourhoods(
    real: Features | None, generated: Features, unknown: list[str]
) -> tuple[Values | None, dict[SideName, npt.NDArray[np.bool_]], Values | None]:
    """Realism of the generated images; which lie inside or are covered, on each side; how far off the uncovered are."""
    if real is None:
        unknown.append("realism and coverage: there are no real images")
        return None, {}, None
    realism = _realism(real, generated, unknown)
    inside: dict[SideName, npt.NDArray[np.bool_]] = {}
    try:
        balls = neighbourhoods_of(real, generated, shells=False)
        (precise,) = balls.answer([Question("real", PRECISION_RECALL_K, True)])
        inside["generated"] = (precise.counts.per_point > 0).cpu().numpy()
        (covering,) = balls.answer([Question("real", DENSITY_COVERAGE_K, False)])
        inside["real"] = (covering.counts.per_centre > 0).cpu().numpy()
    except GanevalError as error:
        unknown.append(f"coverage: {error.message}")
        return realism, inside, None
    furthest = covering.neighbours[:, -1].cpu().numpy()
    return realism, inside, _distances(real.pooled, generated.pooled, ~inside["real"], furthest)


def _realism(real: Features, generated: Features, unknown: list[str]) -> Values | None:
    try:
        return realism_of(real, generated)
    except GanevalError as error:
        unknown.append(f"realism: {error.message}")
        return None


def _distances(
    real: npt.NDArray[np.float32],
    generated: npt.NDArray[np.float32],
    wanted: npt.NDArray[np.bool_],
    furthest: npt.NDArray[np.int64],
) -> Values:
    """Distance of the `wanted` real rows to the nearest generated one, NaN for the others.

    In radii of their neighbourhoods, which end at the real rows `furthest`.
    """
    result = np.full(len(real), np.nan)
    others = torch.from_numpy(generated).double()
    norms = others.square().sum(1)
    rows = np.flatnonzero(wanted)
    size = max(1, _BLOCK_BYTES // (8 * max(others.shape)))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        points = torch.from_numpy(real[block]).double()
        nearest = others[(norms[None, :] - 2 * points @ others.T).argmin(1)]
        # From the differences, which don't cancel as the products do.
        distance = (points - nearest).square().sum(1).sqrt().numpy()
        radius = (points - torch.from_numpy(real[furthest[block]]).double()).square().sum(1).sqrt().numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            result[block] = np.where(radius > 0, distance / radius, np.inf)
    return result


def _records(
    side: SideName,
    features: Features,
    class_names: Sequence[str] | None,
    influences: Mapping[str, Values],
    realism: Values | None,
    inside: npt.NDArray[np.bool_] | None,
    distance: Values | None,
) -> list[ImageRecord]:
    predicted = _predicted(features, class_names)
    labels = features.labels or (None,) * len(features)
    ids = features.ids or tuple(f"{side}[{row}]" for row in range(len(features)))
    return [
        ImageRecord(
            side=side,
            row=row,
            id=ids[row],
            label=None if labels[row] is None else str(labels[row]),
            predicted=predicted[row],
            influence={name: float(values[row]) for name, values in influences.items()},
            realism=None if realism is None else float(realism[row]),
            inside=None if inside is None else bool(inside[row]),
            distance=None if distance is None or math.isnan(distance[row]) else float(distance[row]),
        )
        for row in range(len(features))
    ]


def _predicted(features: Features, class_names: Sequence[str] | None) -> list[str | None]:
    if features.logits is None:
        return [None] * len(features)
    names = class_names if class_names is not None and len(class_names) == features.logits.shape[1] else None
    return [f"class {index}" if names is None else names[index] for index in features.logits.argmax(1).tolist()]


def _classes(
    records: Mapping[SideName, Sequence[ImageRecord]], score: Score | None
) -> tuple[str | None, tuple[ClassRecord, ...]]:
    """What the classes rest on, labels where the sides have them, and each side's classes, the worst first."""
    known = {
        by: [any(getattr(one, by) is not None for one in side) for side in records.values()]
        for by in ("label", "predicted")
    }
    # Labels that one side alone has would hide the classes of the other.
    by = next((by for test in (all, any) for by, sides in known.items() if test(sides)), None)
    if by is None:
        return None, ()
    classes = []
    for side, images in records.items():
        groups: dict[str, list[ImageRecord]] = {}
        for image in images:
            name = getattr(image, by)
            if name is not None:
                groups.setdefault(name, []).append(image)
        classes += [_class(side, name, group, len(images), score) for name, group in groups.items()]
    sign = -1 if score is not None and score.higher_is_better else 1
    return by, tuple(
        sorted(classes, key=lambda one: (-sign * (one.contribution or 0.0), -(one.outside or 0.0), one.side, one.name))
    )


def _class(side: SideName, name: str, group: Sequence[ImageRecord], total: int, score: Score | None) -> ClassRecord:
    influences = [one.influence[score.name] for one in group if score is not None and score.name in one.influence]
    known = [one.inside for one in group if one.inside is not None]
    return ClassRecord(
        side=side,
        name=name,
        count=len(group),
        contribution=math.fsum(influences) / total if influences else None,
        outside=known.count(False) / len(known) if known else None,
    )


def _previews(
    sides: Mapping[SideName, Features], chosen: Sequence[ImageRecord], unknown: list[str]
) -> dict[tuple[str, int], Preview]:
    """Small pictures of the chosen images, read again from their sources."""
    previews: dict[tuple[str, int], Preview] = {}
    for side, features in sides.items():
        ids = {record.row: record.id for record in chosen if record.side == side}
        if not ids:
            continue
        if features.reader is None:
            unknown.append(f"pictures of the {side} images: they can be read only once")
            continue
        try:
            for row, pixels in features.reader.rows(ids):
                previews[side, row] = make_preview(ids[row], pixels)
        except GanevalError as error:
            unknown.append(f"pictures of the {side} images: {error.message}")
    return previews
