"""MiFID: the Fréchet distance, made worse where generated images lie on real ones in the angle of their features."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch

from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.distances import DEFAULT_BLOCK_BYTES, block_rows
from ganeval.metrics.frechet_distance import frechet_distance
from ganeval.metrics.options import require_number
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score

#: The competition's threshold: from it on the sets count as unlike, and nothing is penalised.
THRESHOLD = 0.1
#: Added to the memorisation distance, so that copies of everything don't divide by zero; as the competition has it.
_EPSILON = 1e-14
#: Fréchet distances below are those of equal sets, which stay 0 whatever they are divided by.
_NOTHING = 1e-8
_OVER = ("generated", "real")
_NO_INTERVAL = "no valid interval is known for a distance divided by a mean of smallest distances"


class MemorisationDistances(NamedTuple):
    """Means of the smallest 1 − |cos| over the generated images (to any real one), and over the real ones."""

    generated: float
    real: float


def memorisation_distances(
    real: Array, generated: Array, *, block_bytes: int = DEFAULT_BLOCK_BYTES
) -> MemorisationDistances:
    """Mean smallest 1 − |cos| between the sides' features, from either side (Bai et al. 2021, section 4.1).

    Parameters
    ----------
    real, generated
        [N, D] and [M, D]. Rows that are all zero have no direction and are left out.
    block_bytes
        Bound on temporary arrays; no matrix of all angles is built.

    Returns
    -------
    MemorisationDistances
        Each in 0..1: 0 where every image of that side points exactly where one of the other does.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the two have different numbers of columns, or a side is all zero.
    """
    sides = [_directions(name, side) for name, side in zip(_OVER[::-1], as_pair(real, generated), strict=True)]
    step = block_rows(sides[0].shape[1], block_bytes)
    largest = [torch.full((len(side),), -1.0, device=side.device) for side in sides]
    where = [torch.zeros(len(side), dtype=torch.int64, device=side.device) for side in sides]
    for i in range(0, len(sides[0]), step):
        x = _unit(sides[0][i : i + step]).float()
        for j in range(0, len(sides[1]), step):
            cosines = (x @ _unit(sides[1][j : j + step]).float().T).abs_()
            for side, start, dim, offset in ((0, i, 1, j), (1, j, 0, i)):
                best = cosines.max(dim=dim)
                part = slice(start, start + len(best.values))
                closer = best.values > largest[side][part]
                largest[side][part] = torch.where(closer, best.values, largest[side][part])
                where[side][part] = torch.where(closer, best.indices + offset, where[side][part])
    # Products in float32 choose the nearest; how near it is, float64 says.
    means = [_mean_distance(sides[k], sides[1 - k], where[k], step) for k in (0, 1)]
    return MemorisationDistances(generated=means[1], real=means[0])


def memorisation_informed_distance(
    real: Array,
    generated: Array,
    *,
    threshold: float = THRESHOLD,
    over: str = "generated",
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> Score:
    """Fréchet distance divided by the memorisation distance where that is below `threshold` (Bai et al. 2021).

    Parameters
    ----------
    real, generated
        [N, D] and [M, D]; `real` is the training set.
    threshold
        Above 0, at most 1. 0.1 is the competition's, for Inception-v3's features; on others nearest images may all lie
        below or above it.
    over
        ``"generated"``: the mean goes over generated images, each to its nearest real one, as in the paper;
        ``"real"``: over the real ones, as torchmetrics does it.
    block_bytes
        Bound on temporary arrays.

    Returns
    -------
    Score
        ``"mifd"``, lower is better. ``details`` has ``frechet_distance``, ``memorisation_distance`` and ``penalised``.

    Raises
    ------
    MetricError, NotEnoughImagesError
        As `memorisation_distances` and `ganeval.metrics.frechet_distance`.
    OptionError
        For a `threshold` or `over` that can't be used.
    """
    threshold = require_number("threshold", threshold, positive=True)
    if threshold > 1:
        raise OptionError(f"threshold must be at most 1, not {threshold!r}", hint=f"The paper's is {THRESHOLD}.")
    if over not in _OVER:
        raise OptionError(f"over must be one of {', '.join(_OVER)}, not {over!r}")
    fd = frechet_distance(real, generated, level=None)
    distances = memorisation_distances(real, generated, block_bytes=block_bytes)
    distance = distances.generated if over == "generated" else distances.real
    penalised = distance < threshold
    value = 0.0 if fd.value <= _NOTHING else fd.value / (distance + _EPSILON if penalised else 1.0)
    details = {"frechet_distance": fd.value, "memorisation_distance": distance, "penalised": penalised}
    parameters = {"threshold": threshold, "over": over}
    score = replace(fd, name="mifd", value=value, details=details, parameters=parameters)
    return score.without_interval(_NO_INTERVAL)


def _unit(rows: torch.Tensor) -> torch.Tensor:
    """Rows at length 1, in float64."""
    wide = rows.double()
    wide = wide / wide.abs().amax(dim=1, keepdim=True)
    return wide.div_(wide.norm(dim=1, keepdim=True))


def _mean_distance(side: torch.Tensor, other: torch.Tensor, nearest: torch.Tensor, step: int) -> float:
    total = 0.0
    for start in range(0, len(side), step):
        x, y = _unit(side[start : start + step]), _unit(other[nearest[start : start + step]])
        # 1 − |cos| of nearly equal directions from their difference, which loses no digits.
        total += float(torch.minimum((x - y).square().sum(dim=1), (x + y).square().sum(dim=1)).sum()) / 2
    return total / len(side)


def _directions(name: str, vectors: torch.Tensor) -> torch.Tensor:
    """The rows that aren't all zero."""
    directed = (vectors != 0).any(dim=1)
    if not bool(directed.any()):
        raise MetricError(
            f"all rows of {name} are zero, so that they have no direction to compare",
            hint="Look for a network that went dead.",
        )
    return vectors if bool(directed.all()) else vectors[directed]


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, threshold: float, over: str
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("MiFID needs real images", hint="Pass the training images with --real (real=).")
    return (memorisation_informed_distance(real.pooled, generated.pooled, threshold=threshold, over=over),)


METRIC = Metric(
    name="mifd",
    scores=("mifd",),
    title="Memorisation-informed Fréchet distance",
    paper="Bai et al. 2021, On Training Sample Memorization: Lessons from Benchmarking Generative Modeling with a "
    "Large-scale Competition, section 4.1",
    formula="FD / s where s < threshold, else FD; s = mean over generated of min over real of 1 − |cos|",
    higher_is_better=(False,),
    compute=_compute,
    aliases=("mifid", "mifd"),
    inception_names={"mifd": "mifid"},
    parameters=(
        Parameter("threshold", THRESHOLD, float, "memorisation distance from which nothing is penalised"),
        Parameter(
            "over", "generated", str, "whose nearest images are averaged: generated (paper) or real (torchmetrics)"
        ),
    ),
)
