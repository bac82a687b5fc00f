"""The Fréchet distance extrapolated to infinitely many generated images: FID∞ on Inception features, else FD∞."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, float64_mean
from ganeval.metrics.covariance_factor import factor_of_rows, factor_of_sample, nuclear_norm_of_product
from ganeval.metrics.frechet_distance import checked_sides
from ganeval.metrics.moments import Moments
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

#: Sizes through which the line goes, and the smallest of them where there are at least twice as many images.
POINTS = 15
SMALLEST = 5000
#: Fewest generated images: the smallest size is half of them.
FEWEST = 50

_REASON = (
    "the line bends until there are several times as many images as dimensions, and no interval around its end was "
    "validated; the Fréchet distance's corrected value estimates the same and has one"
)


def fd_infinity(
    real: Array | Moments,
    generated: Array,
    *,
    points: int = POINTS,
    level: float | None = DEFAULT_LEVEL,
    seed: int = 2020,
) -> Score:
    """Fréchet distance at 1/M → 0 of a line through `points` sizes M (FID∞ of Chong & Forsyth 2020).

    The generated images are shuffled once; the distance of the first M of them to all real ones is computed for sizes M
    evenly spaced from min(5000, half of all) to all, and fitted by least squares on 1/M. The paper draws each size
    anew; nested sizes let the moments be carried along. The real side isn't extrapolated: its own finite-sample bias
    stays in the value, as in the paper, where the real statistics are those of a whole training set. Below M of several
    times D the distance is no line in 1/M, and the value is biased upwards; `ganeval.metrics.frechet_distance` corrects
    both sides and needs no line.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D]; N ≥ 2, M ≥ 50. `real` may be the moments of a set instead.
    points
        Number of sizes, at least 2.
    level
        No interval is offered; None leaves the reason out, too.
    seed
        Of the shuffling.

    Returns
    -------
    Score
        ``"fd_infinity"``, lower is better, in squared units of the features. ``details`` has the ``sizes``, the
        ``values`` there and the ``slope`` of the line in 1/M.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the two have different numbers of columns, or the distance overflows.
    NotEnoughImagesError
        If a side has too few images.
    OptionError
        If `points` isn't a whole number of at least 2, or `level` doesn't lie between 0 and 1.
    """
    require_level(level)
    require_count("points", points, minimum=2)
    first, second = checked_sides(real, generated, minimum_generated=FEWEST)
    order = torch.from_numpy(np.random.RandomState(seed).permutation(len(second))).to(second.device)
    sizes = _sizes(len(second), points)
    mean = first.mean if isinstance(first, Moments) else float64_mean(first)
    factor = first.factor() if isinstance(first, Moments) else factor_of_sample(first)
    trace = float(factor.square().sum())
    values = []
    for mean_g, factor_g in _prefixes(second, order, sizes):
        overlap = nuclear_norm_of_product(factor, factor_g)
        covariance_term = max(trace + float(factor_g.square().sum()) - 2 * overlap, 0.0)
        values.append(float((mean - mean_g).square().sum()) + covariance_term)
    if not np.isfinite(values).all():
        raise MetricError(
            "the features are so large that the Fréchet distance overflows", hint="Scale both sides down alike."
        )
    slope, value = np.polyfit(1 / np.asarray(sizes, dtype=np.float64), values, 1)
    score = Score(
        name="fd_infinity",
        value=float(value),
        n_real=first.count if isinstance(first, Moments) else len(first),
        n_generated=len(second),
        higher_is_better=False,
        parameters={"points": points, "seed": seed},
        details={"sizes": sizes, "values": values, "slope": float(slope)},
    )
    return score if level is None else score.without_interval(_REASON)


def _sizes(count: int, points: int) -> list[int]:
    # Few images have no room for as many sizes as were asked for.
    return sorted({round(float(size)) for size in np.linspace(min(SMALLEST, count // 2), count, points)})


def _prefixes(
    rows: torch.Tensor, order: torch.Tensor, sizes: Sequence[int]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Mean and covariance factor of the first M rows in `order` for each M of `sizes`, ascending.

    Moments are carried from one size to the next (Chan, Golub & LeVeque 1979): each row is squared once.
    """
    dimension = rows.shape[1]
    moments = Moments.none(dimension, rows.device)
    for size in sizes:
        if size - 1 <= dimension:
            chosen = rows[order[:size]]
            yield float64_mean(chosen), factor_of_rows(chosen)
            continue
        moments = moments.updated(rows[order[moments.count : size]])
        yield moments.mean, moments.factor()


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, points: int
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("the Fréchet distance needs real images", hint="Pass them with --real (real=).")
    if real.moments is not None:
        score = fd_infinity(real.moments, generated.pooled, points=points, level=level, seed=seed)
        return (replace(score, n_real=real.moments_count),)
    return (fd_infinity(real.pooled, generated.pooled, points=points, level=level, seed=seed),)


METRIC = Metric(
    name="fd_infinity",
    scores=("fd_infinity",),
    covariances="sides",
    title="Fréchet distance, extrapolated",
    paper="Chong & Forsyth 2020, Effectively Unbiased FID and Inception Score and Where to Find Them",
    formula="intercept of the least-squares line of FD_M on 1/M",
    higher_is_better=(False,),
    compute=_compute,
    minimum=FEWEST,
    real_by_moments=True,
    inception_names={"fd_infinity": "fid_infinity"},
    parameters=(Parameter("points", POINTS, int, "Sizes through which the line goes."),),
    groups=(),
)
