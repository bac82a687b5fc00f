"""Intervals for squared distances ‖μ_P − μ_Q‖² between means, which lose their first-order term where P equals Q.

A squared MMD is one, with μ the mean embedding; a squared Wasserstein distance on a line is one, with μ the quantile
function. The unbiased estimate's error is, by Hoeffding's decomposition,

    mean of u(xᵢ) + mean of v(yⱼ) + a second-order part,

where u and v are proportional to μ_P − μ_Q, and the second-order part's variance is
2 tr C² / N² + 2 tr D² / M² + 4 tr CD / NM with the covariances C of one real and D of one generated image's embedding
(for a kernel: tr C² = E k̃(x, x′)² of the doubly centred kernel). It is all there is where both sides follow one
distribution. Compare Bounliphone et al. 2016 and Sutherland et al. 2017, for MMDs with equal sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence, variance_of_mean
from ganeval.uncertainty.interval import Interval, critical_value

#: Fewest images a side for which an interval is offered.
FEWEST_FOR_INTERVAL = 10
#: Where the first-order part can't be told from noise, the influences keep this share, so that they still rank images.
_LEAST_SHARE = 0.01

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Squares:
    """tr C², tr D² and tr CD: means of the squared doubly centred kernel over pairs of images of a side, and across."""

    real: float
    generated: float
    across: float


@dataclass(frozen=True)
class SquaredDistance:
    """How sure an unbiased estimate of a squared distance is.

    Parameters
    ----------
    influence
        Of the images; `other_variance` is the variance where the distance is 0.
    slope
        By how much the estimate's variance grows with the distance.
    """

    influence: Influence
    slope: float

    def scaled(self, factor: float) -> SquaredDistance:
        """Of `factor` times the distance."""
        real, generated = self.influence.real, self.influence.generated
        return SquaredDistance(
            Influence(
                None if real is None else factor * real,
                None if generated is None else factor * generated,
                factor**2 * self.influence.other_variance,
            ),
            factor * self.slope,
        )


def squared_distance(
    estimate: float, plug_in: float, real: Values, generated: Values, squares: Squares, *, other_variance: float = 0.0
) -> SquaredDistance:
    """From influences as estimated on the same images to what is known of the unbiased estimate.

    Parameters
    ----------
    estimate
        Unbiased.
    plug_in
        The squared distance of the two empirical means, which is larger by their noise.
    real, generated
        Influences [N] and [M], N, M ≥ 3, in which the population's means are replaced by the images' own.
    squares
        See `Squares`.
    other_variance
        Further variance of the estimate, such as that of random projections.
    """
    n, m = len(real), len(generated)
    at_equality = other_variance + (
        2 * squares.real / (n * (n - 1)) + 2 * squares.generated / (m * (m - 1)) + 4 * squares.across / (n * m)
    )
    influence = Influence(
        without_noise(real, 4 * (squares.real * (n - 2) / (n - 1) ** 2 + squares.across / m)),
        without_noise(generated, 4 * (squares.generated * (m - 2) / (m - 1) ** 2 + squares.across / n)),
        at_equality,
    )
    return SquaredDistance(influence, _slope(estimate, plug_in, (real, generated), influence))


def with_squared_distance(
    score: Score, distance: SquaredDistance, *, level: float, method: str, size: float = 0.0
) -> Score:
    """`score`, whose `estimate` is the unbiased one, with the interval for the distributions' own squared distance.

    Sides of which all images are alike leave none: `Score.with_interval`, there `size` too.
    """
    interval = interval_of_square(score.estimate, distance, level=level, method=method)
    return score.with_interval(interval, distance.influence.standard_error(), distance.influence, size=size)


def interval_of_square(estimate: float, distance: SquaredDistance, *, level: float, method: str) -> Interval:
    """All squared distances θ with (estimate − θ)² ≤ z² (variance at equality + slope·θ), the variance there is at θ.

    Around small values the variance at the estimate would be too small where it lies below the truth, and too large
    above it. The two differ little once the estimate is many standard errors above 0.
    """
    z, at_equality, slope = critical_value(level), distance.influence.other_variance, distance.slope
    centre = max(estimate, -math.sqrt(at_equality))
    middle = centre + z**2 * slope / 2
    reach = z * math.sqrt(max(at_equality + slope * centre + (z * slope / 2) ** 2, 0.0))
    return Interval(max(middle - reach, 0.0), max(middle + reach, 0.0), level, method)


def mean_of_blocks(
    blocks: Sequence[SquaredDistance], rows: Sequence[Sequence[npt.NDArray[np.int64]]]
) -> SquaredDistance:
    """Of the mean of estimates from disjoint blocks of the images.

    Parameters
    ----------
    blocks
        One an estimate.
    rows
        Which real, and which generated images are in each block; each image in one.
    """
    count = len(blocks)
    sides = []
    for side, chosen in zip(("real", "generated"), rows, strict=True):
        values = np.empty(sum(map(len, chosen)))
        for block, members in zip(blocks, chosen, strict=True):
            # Blocks count alike, also where their sizes differ by one.
            values[members] = getattr(block.influence, side) * (len(values) / count / len(members))
        sides.append(values)
    other = sum(block.influence.other_variance for block in blocks) / count**2
    return SquaredDistance(Influence(sides[0], sides[1], other), sum(block.slope for block in blocks) / count**2)


def centred_square_within(row_sums: Values, squares: float) -> float:
    """Unbiased estimate of E k̃(x, x′)² from a symmetric matrix of kernel values without its diagonal.

    By U-centring (Székely & Rizzo 2014, section 2.2), from the sums of its N ≥ 4 rows and of its squares.
    """
    n = len(row_sums)
    total = float(row_sums.sum())
    rest = squares - 2 * float(row_sums @ row_sums) / (n - 2) + total**2 / ((n - 1) * (n - 2))
    return max(rest / (n * (n - 3)), 0.0)


def centred_square_across(row_sums: Values, column_sums: Values, squares: float) -> float:
    """Unbiased estimate of E k̃(x, y)²: the residual mean square of a two-way analysis of variance."""
    n, m = len(row_sums), len(column_sums)
    total = float(row_sums.sum())
    rest = squares - float(row_sums @ row_sums) / m - float(column_sums @ column_sums) / n + total**2 / (n * m)
    return max(rest / ((n - 1) * (m - 1)), 0.0)


def without_noise(estimated: Values, noise: float) -> Values:
    """Estimated influences, centred and drawn together until their variance is that of the true ones.

    Parameters
    ----------
    estimated
        [N], in which the population is replaced by the images' own averages.
    noise
        What these averages add to the values' variance. Left in, it would count the second-order part of the whole
        three times over (jackknife estimates of variance count it twice).
    """
    centred = estimated - estimated.mean()
    variance = float(centred.var(ddof=1))
    if not variance > 0:
        return np.zeros_like(centred)
    share = max(1 - noise / variance, _LEAST_SHARE**2)
    return np.asarray(centred * math.sqrt(share), dtype=np.float64)


def _slope(estimate: float, plug_in: float, noisy: Sequence[Values], influence: Influence) -> float:
    """First-order variance per unit of the squared distance, to which it is proportional for a difference of one kind.

    With d the difference of the empirical means, the plug-in is ‖d‖² and the variance of the noisy influences
    4⟨d, (C/N + D/M) d⟩: their ratio is a mean of that matrix's eigenvalues, whether d is a difference or all noise.
    Where the difference stands out, its own ratio is at hand. It is never taken to be below that of pure noise,
    4 tr V²/tr V with V = C/N + D/M: a difference along V's leading directions that chance has hidden leaves a d of
    the others' small ratio, and intervals that end below the truth.
    """
    slope = sum(map(variance_of_mean, noisy)) / plug_in if plug_in > 0 else 0.0
    if plug_in > estimate:
        slope = max(slope, 2 * influence.other_variance / (plug_in - estimate))
    if estimate > math.sqrt(influence.other_variance):
        first_order = variance_of_mean(influence.real) + variance_of_mean(influence.generated)
        slope = max(slope, first_order / estimate)
    return slope
