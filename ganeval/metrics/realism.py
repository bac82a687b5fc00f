"""Realism: how far inside the real manifold each single generated image lies, and the median over all of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.balls import BallCounts
from ganeval.metrics.distances import (
    DEFAULT_BLOCK_BYTES,
    Side,
    Tiles,
    exact_pairs,
    float32_is_safe,
    sides_of,
)
from ganeval.metrics.division import division
from ganeval.metrics.leave_one_out import influence_on_covered_points
from ganeval.metrics.neighbourhoods import PRECISION_RECALL_K, Answer, neighbourhoods_of
from ganeval.metrics.neighbours import Nearest, Neighbours, nearest_neighbours, require_neighbours
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

#: Balls remembered for each generated image, those in which it lies deepest.
_REMEMBERED = 4
_METHOD = (
    "normal, from the leave-one-out jackknife over the images of both sides at the median; for the mean over "
    "repetitions with as many images"
)


def realism_scores(
    real: Array, generated: Array, k: int = PRECISION_RECALL_K, *, block_bytes: int = DEFAULT_BLOCK_BYTES
) -> npt.NDArray[np.float64]:
    """Realism of each generated image (Kynkäänniemi et al. 2019, equation 3).

    The largest ratio of a real image's radius (the distance to its k-th nearest other real image) to its distance from
    the generated image, over the real images whose radius is at most the median one: the larger half, where real images
    are sparse, says little. At 1 and above the image lies in one of these balls.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    k
        Which nearest neighbour gives the radius.
    block_bytes
        Bound on temporary arrays; no matrix of all distances is built.

    Returns
    -------
    numpy.ndarray
        float64 [M], at least 0; infinite for an image equal to a real one (of those whose radius counts).

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If the real side has not more than `k` images, or the generated side none.
    OptionError
        If `k` isn't a positive whole number.

    Notes
    -----
    The authors' program divides squared distances and adds a small constant to them; this is the paper's formula.
    """
    k = require_count("k", k)
    first, second = as_pair(real, generated)
    require_neighbours(len(first), k)
    neighbours = nearest_neighbours(first, count=k, block_bytes=block_bytes)
    return _deepest(first, second, neighbours, k, shells=False, block_bytes=block_bytes).realism


def realism_of(real: Features, generated: Features, k: int = PRECISION_RECALL_K) -> npt.NDArray[np.float64]:
    """As `realism_scores`, with the real images' neighbours where another metric has just found them."""
    return _deepest_of(real, generated, require_count("k", k), shells=False).realism


def realism(
    real: Array,
    generated: Array,
    *,
    k: int = PRECISION_RECALL_K,
    level: float | None = DEFAULT_LEVEL,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> Score:
    """Median of the realism of the generated images, see `realism_scores`.

    The median, since single images' realism has no upper bound, and is infinite for copies of real images.

    Parameters
    ----------
    real, generated, k, block_bytes
        As in `realism_scores`.
    level
        Of the interval, between 0 and 1; None for none. It is for the mean over repetitions with as many images.

    Returns
    -------
    Score
        ``"realism"``, higher is better, infinite if half of the generated images are copies. ``details`` has
        ``inside``, the fraction of images with a realism of at least 1, and ``equal_to_real``, how many have an
        infinite one.

    Raises
    ------
    MetricError, NotEnoughImagesError, OptionError
        As `realism_scores`.
    """
    k = require_count("k", k)
    shells = require_level(level) is not None
    first, second = as_pair(real, generated)
    require_neighbours(len(first), k)
    neighbours = nearest_neighbours(first, count=k + shells, block_bytes=block_bytes)
    return _score(_deepest(first, second, neighbours, k, shells=shells, block_bytes=block_bytes), k, level)


class _Deepest(NamedTuple):
    """Realism [M], and for each generated image the balls in which it lies deepest.

    Squared ratios of distance to radius float64 [M, kept] and real rows int64 [M, kept]; likewise with the radii that
    the balls grow to without one neighbour (None without shells). `neighbours` are the k nearest of each real image.
    """

    realism: npt.NDArray[np.float64]
    ratios: torch.Tensor
    rows: torch.Tensor
    grown_ratios: torch.Tensor | None
    grown_rows: torch.Tensor | None
    neighbours: torch.Tensor


def _deepest_of(real: Features, generated: Features, k: int, *, shells: bool) -> _Deepest:
    neighbours = neighbourhoods_of(real, generated, shells=shells).nearest("real", k)
    first, second = as_pair(real.pooled, generated.pooled)
    return _deepest(first, second, neighbours, k, shells=shells, block_bytes=DEFAULT_BLOCK_BYTES)


def _deepest(
    real: torch.Tensor, generated: torch.Tensor, neighbours: Neighbours, k: int, *, shells: bool, block_bytes: int
) -> _Deepest:
    radii = neighbours.squared[:, k - 1]
    # The lower median: of an even number the larger half goes.
    kept = torch.nonzero(radii <= radii.median())[:, 0]
    first, second = sides_of(real, generated)
    some = Side(real[kept], first.centre)
    dtype = torch.float32 if float32_is_safe(real) else torch.float64
    tiles = Tiles(some, second, dtype=dtype, block_bytes=block_bytes)
    grown = neighbours.squared[:, min(k, neighbours.squared.shape[1] - 1)] if shells else None
    weights = [_weights(r[kept]) for r in ([radii] if grown is None else [radii, grown])]
    found = [Nearest(len(second), min(_REMEMBERED, len(kept)), dtype, real.device) for _ in weights]
    for part in division().mine(tiles.row_parts):
        x = tiles.rows(part)
        for columns in tiles.column_parts:
            tile = tiles.squared(x, part, columns).clamp_(min=0.0)
            for nearest, weight in zip(found, weights, strict=True):
                nearest.offer_columns(columns, tile * weight[part, None].to(dtype), part.start)
    found = [nearest.together() for nearest in found]
    exact = [
        _ratios(first, second, kept[nearest.places], r)
        for nearest, r in zip(found, [radii] if grown is None else [radii, grown], strict=True)
    ]
    realism = exact[0].amin(dim=1).clamp(min=0.0).rsqrt().cpu().numpy()
    return _Deepest(
        realism,
        exact[0],
        kept[found[0].places],
        exact[1] if shells else None,
        kept[found[1].places] if shells else None,
        neighbours.rows[:, :k],
    )


def _weights(radii: torch.Tensor) -> torch.Tensor:
    """1/r² up to a common factor near 1/median; a ball of radius 0 holds next to nothing, but copies."""
    positive = radii[radii > 0]
    if not len(positive):
        return torch.ones_like(radii)
    typical = positive.median()
    return typical / radii.clamp(min=float(positive.min()) * 1e-6)


def _ratios(first: Side, second: Side, rows: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:
    """Exact squared distances over squared radii [M, kept]: 0 for copies, whatever the radius."""
    columns = torch.arange(len(rows), device=rows.device)[:, None].expand_as(rows)
    squared = exact_pairs(first, rows.flatten(), second, columns.flatten()).reshape(rows.shape)
    return torch.where(squared == 0, 0.0, squared / radii[rows])


def _score(deepest: _Deepest, k: int, level: float | None) -> Score:
    values = deepest.realism
    median = float(np.median(values)) if np.isfinite(values).any() else math.inf
    score = Score(
        name="realism",
        value=median,
        n_real=len(deepest.neighbours),
        n_generated=len(values),
        higher_is_better=True,
        parameters={"k": k},
        details={"inside": float((values >= 1).mean()), "equal_to_real": int(np.isinf(values).sum())},
    )
    if level is None:
        return score
    slope = _slope_at_median(values)
    if slope is None or not 0 < median < math.inf:
        return score.without_interval(
            "the median image is a copy of a real one, or too many images have one realism, or there are too few"
        )
    centres, points = influence_on_covered_points(_at(deepest, median))
    influence = Influence(centres * slope, points * slope)
    return score.with_influence(influence, level=level, method=_METHOD, lowest=0.0)


def _slope_at_median(values: npt.NDArray[np.float64]) -> float | None:
    """How much the median rises per fraction of images raised above it: 1/density (Bofinger 1975's spacing)."""
    reach = 0.648 * len(values) ** -0.2
    if len(values) < 20:
        return None
    low, high = np.quantile(values, [0.5 - reach, 0.5 + reach], method="inverted_cdf")
    return float(high - low) / (2 * reach) if low < high < math.inf else None


def _at(deepest: _Deepest, threshold: float) -> Answer:
    """What balls shrunk by `threshold` hold: images of at least that realism. As far as it is remembered."""
    assert deepest.grown_ratios is not None
    assert deepest.grown_rows is not None
    limit = 1 / threshold**2
    inside = deepest.ratios <= limit
    per_point = inside.sum(dim=1)
    centre_sums = (deepest.rows * inside).sum(dim=1)
    shell = (deepest.grown_ratios <= limit) & (per_point <= 1)[:, None]
    point, place = torch.nonzero(shell, as_tuple=True)
    centre = deepest.grown_rows[point, place]
    # A ball that holds the image already has it in no shell.
    new = ~((per_point[point] == 1) & (centre == centre_sums[point]))
    none = torch.zeros(len(deepest.neighbours), dtype=torch.int64, device=point.device)
    counts = BallCounts(none, per_point, none, centre_sums, none, (centre[new], point[new]))
    return Answer(counts, deepest.neighbours)


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, k: int
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("realism needs real images", hint="Pass them with --real (real=).")
    k = require_count("k", k)
    return (_score(_deepest_of(real, generated, k, shells=level is not None), k, level),)


METRIC = Metric(
    name="realism",
    any_count=True,
    scores=("realism",),
    title="Realism",
    paper="Kynkäänniemi et al. 2019, Improved Precision and Recall Metric for Assessing Generative Models, equation 3",
    formula="median over generated images of max over real ones (radius at most the median) of radius / distance",
    higher_is_better=(True,),
    compute=_compute,
    has_interval=True,
    minimum=PRECISION_RECALL_K + 1,
    minimum_for=lambda chosen: require_count("k", chosen["k"]) + 1,
    groups=("fidelity",),
    parameters=(Parameter("k", PRECISION_RECALL_K, int, "which nearest neighbour gives the balls' radius"),),
)
