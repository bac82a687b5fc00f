"""MIND, the Monge inception distance: the squared Wasserstein distance of the features, averaged over directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair, float64_mean
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.sliced_transport import FEWEST_FOR_INTERVAL, SlicedTransport
from ganeval.metrics.squared_distance import (
    Squares,
    centred_square_across,
    centred_square_within,
    squared_distance,
    with_squared_distance,
)
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

DEFAULT_PROJECTIONS = 1000
_BLOCK_BYTES = 192 * 2**20
_BLOCK_ROWS = 4096

Values = npt.NDArray[np.float64]


def monge_inception_distance(
    real: Array,
    generated: Array,
    *,
    projections: int = DEFAULT_PROJECTIONS,
    seed: int = 2020,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """MIND: 3·D times the sliced squared Wasserstein-2 distance of the features (Berthet et al. 2026), in float64.

    The features are projected onto random directions, uniform on the sphere, and sorted; the mean squared difference
    of the sorted numbers is averaged over the directions. Sides of different sizes are matched exactly. Where one side
    is the other moved by a vector Δ, MIND is 3‖Δ‖².

    The interval is for the two distributions and the mean over all directions. It lies around `corrected`, in which

    - the part due to the means, 3‖μr − μg‖², is exact and unbiased, whatever the directions;
    - the rest, the transport between the centred sides, is taken between the mean quantile functions of random
      parts of both sides, less the noise that the parts' differences show; the noise of the directions is counted.

    The images' influence is that of the Kantorovich potentials, averaged over the directions.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    projections
        How many random directions.
    seed
        Of the directions and the parts.
    level
        Of the interval; None computes none.

    Returns
    -------
    Score
        ``"mind"``, lower is better, at least 0, in squared units of the features. ``details["mean_term"]`` is
        3‖μr − μg‖² of the sample means.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the two have different numbers of columns, or the numbers overflow.
    NotEnoughImagesError
        If a side has fewer than two images.
    OptionError
        If a parameter can't be used.
    """
    level = require_level(level)
    projections = require_count("projections", projections)
    first, second = as_pair(real, generated, minimum_real=2, minimum_generated=2)
    means = float64_mean(first), float64_mean(second)
    shift = means[0] - means[1]
    dimension, fewest = first.shape[1], min(len(first), len(second))
    with_interval = level is not None and fewest >= FEWEST_FOR_INTERVAL
    lines = SlicedTransport(len(first), len(second), seed=seed, with_uncertainty=with_interval)
    directions = _directions(projections, dimension, seed)
    shifts = np.empty(projections)
    step = max(1, _BLOCK_BYTES // (8 * (len(first) + len(second)) * (4 if with_interval else 1)))
    # Features that are too large are refused below.
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, projections, step):
            chosen = directions[start : start + step].to(first.device)
            shifts[start : start + step] = (chosen @ shift).cpu().numpy()
            lines.add(_project(first, means[0], chosen), _project(second, means[1], chosen))
        value = 3.0 * dimension * float(np.mean(np.asarray(lines.plug_in) + np.square(shifts)))
    mean_term = 3.0 * float(shift.square().sum())
    if not np.isfinite([value, mean_term]).all():
        raise MetricError(
            "the features are so large that squared distances overflow", hint="Scale both sides down alike."
        )
    score = Score(
        name="mind",
        value=value,
        n_real=len(first),
        n_generated=len(second),
        higher_is_better=False,
        parameters={"projections": projections, "seed": seed},
        details={"mean_term": mean_term},
    )
    if level is None:
        return score
    if not with_interval:
        return score.without_interval(f"a side has fewer than {FEWEST_FOR_INTERVAL} images")
    return _with_interval(score, lines, _MeanTerm.of(first, second, shift, lines.members), dimension, level)


@dataclass(frozen=True)
class _MeanTerm:
    """‖μr − μg‖²: the estimate with its noise taken off, the images' influences, the means of groups of images."""

    plug_in: float
    unbiased: float
    influences: tuple[Values, Values]
    groups: tuple[Values, Values]

    @classmethod
    def of(
        cls,
        real: torch.Tensor,
        generated: torch.Tensor,
        shift: torch.Tensor,
        members: Sequence[npt.NDArray[np.int64]],
    ) -> _MeanTerm:
        noise, influences, groups = 0.0, [], []
        for side, sign, rows in ((real, 2.0, members[0]), (generated, -2.0, members[1])):
            mean = float64_mean(side)
            along, squares = np.empty(len(side)), 0.0
            for start in range(0, len(side), _BLOCK_ROWS):
                centred = side[start : start + _BLOCK_ROWS].double() - mean
                along[start : start + _BLOCK_ROWS] = (centred @ shift).cpu().numpy()
                squares += float(centred.square().sum())
            noise += squares / (len(side) - 1) / len(side)
            influences.append(sign * along)
            chosen = [side[torch.from_numpy(group).to(side.device)] for group in rows]
            groups.append(np.stack([(float64_mean(group) - mean).cpu().numpy() for group in chosen]))
        plug_in = float(shift.square().sum())
        return cls(plug_in, plug_in - noise, (influences[0], influences[1]), (groups[0], groups[1]))


def _with_interval(score: Score, lines: SlicedTransport, mean: _MeanTerm, dimension: int, level: float) -> Score:
    corrected = np.asarray(lines.corrected)
    count = len(corrected)
    estimate = 3 * mean.unbiased + 3 * dimension * float(corrected.mean())
    plug_in = 3 * mean.plug_in + 3 * dimension * float(np.mean(lines.plug_in))
    influences = [
        3 * of_mean + 3 * dimension * of_lines / count
        for of_mean, of_lines in zip(mean.influences, lines.influences, strict=True)
    ]
    of_lines = _squares([3 * dimension * gram for gram in lines.noise()], lines.members)
    of_means = [3 * mean.groups[a] @ mean.groups[b].T for a, b in ((0, 0), (1, 1), (0, 1))]
    squares = _squares(
        [3 * dimension * gram + other for gram, other in zip(lines.noise(), of_means, strict=True)], lines.members
    )
    # Random directions, of which there are only so many; and the noise of the noise that was taken off.
    directions = (3 * dimension) ** 2 * float(corrected.var(ddof=1)) / count if count > 1 else 0.0
    parts = sum(
        2 * square / len(side) ** 2 / (count - 1)
        for square, side, count in zip((of_lines.real, of_lines.generated), influences, lines.parts, strict=True)
    )
    distance = squared_distance(
        estimate, plug_in, influences[0], influences[1], squares, other_variance=directions + parts
    )
    slope = max(distance.slope, _slope_of_means(mean, _squares(of_means, lines.members)))
    return with_squared_distance(
        replace(score, corrected=estimate),
        replace(distance, slope=slope),
        level=level,
        method=(
            "transport potentials as influence, bias taken off by random parts, noise at equality from groups of "
            "images; for the two distributions and all directions"
        ),
    )


def _slope_of_means(mean: _MeanTerm, squares: Squares) -> float:
    """Least rate at which the variance grows with the distance, from the means alone.

    The quantiles' noise lies in no direction in which the sides may differ, and would make the rate look smaller.
    """
    n, m = (len(influence) for influence in mean.influences)
    at_equality = (
        2 * squares.real / (n * (n - 1)) + 2 * squares.generated / (m * (m - 1)) + 4 * squares.across / (n * m)
    )
    noise = mean.plug_in - mean.unbiased
    return 2 * at_equality / (3 * noise) if noise > 0 else 0.0


def _squares(grams: Sequence[Values], members: Sequence[npt.NDArray[np.int64]]) -> Squares:
    """From inner products of groups' embeddings [K, K] within the sides and across to those of single images."""
    sizes = [group.shape[1] for group in members]
    real, generated = (gram - np.diag(np.diagonal(gram)) for gram in grams[:2])
    across = grams[2]
    return Squares(
        sizes[0] ** 2 * centred_square_within(real.sum(axis=1), float(np.square(real).sum())),
        sizes[1] ** 2 * centred_square_within(generated.sum(axis=1), float(np.square(generated).sum())),
        sizes[0]
        * sizes[1]
        * centred_square_across(across.sum(axis=1), across.sum(axis=0), float(np.square(across).sum())),
    )


def _directions(count: int, dimension: int, seed: int) -> torch.Tensor:
    """float64 [count, dimension], independent and uniform on the sphere."""
    normal = torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    directions: torch.Tensor = normal / normal.square().sum(dim=1, keepdim=True).sqrt()
    return directions


def _project(side: torch.Tensor, mean: torch.Tensor, directions: torch.Tensor) -> Values:
    """The centred images' coordinates [l, N] along each direction."""
    lines = np.empty((len(directions), len(side)))
    for start in range(0, len(side), _BLOCK_ROWS):
        rows = side[start : start + _BLOCK_ROWS].double() - mean
        lines[:, start : start + _BLOCK_ROWS] = (directions @ rows.T).cpu().numpy()
    return lines


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, projections: int
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("MIND needs real images", hint="Pass them with --real (real=).")
    return (monge_inception_distance(real.pooled, generated.pooled, projections=projections, seed=seed, level=level),)


def _fewest(chosen: Mapping[str, Any]) -> int:
    require_count("projections", chosen["projections"])
    return 2


METRIC = Metric(
    name="mind",
    scores=("mind",),
    title="Monge inception distance",
    paper="Berthet et al. 2026, MIND: Monge Inception Distance for Generative Models Evaluation",
    formula="3·D · mean over 1000 directions of the squared Wasserstein-2 distance of the projected features",
    higher_is_better=(False,),
    compute=_compute,
    has_interval=True,
    minimum_for=_fewest,
    parameters=(Parameter("projections", DEFAULT_PROJECTIONS, int, "how many random directions"),),
)
