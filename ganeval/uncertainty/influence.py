"""How much each single image moves a score, and the standard error that follows from it.

A score θ̂ of N real and M generated images that is smooth in both empirical distributions satisfies, to first order,
θ̂ − θ ≈ mean of u(real images) + mean of v(generated images), with influence functions u and v of mean zero (Hampel
1974). Hence its variance is Var(u)/N + Var(v)/M without any resampling; the difference of two scores on the same real
images has the influences' difference as its own; and the largest influences are the images that drive the score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StandardError:
    """Standard deviation of an estimate over repetitions, in parts that add up in squares.

    Parameters
    ----------
    real
        Due to which real images happened to be drawn.
    generated
        Due to which images happened to be generated.
    other
        Beyond the influence functions: second-order terms, which matter where the two sides are nearly alike, and
        the randomness of the method itself.
    """

    real: float
    generated: float
    other: float = 0.0

    @property
    def total(self) -> float:
        """Of the estimate."""
        return math.sqrt(self.real**2 + self.generated**2 + self.other**2)


@dataclass(frozen=True)
class Influence:
    """Influence of each image on an estimate, in the score's unit, one entry an image in source order.

    Adding an image like image i to a large set of N moves the score by about its influence divided by N.

    Parameters
    ----------
    real, generated
        float64 [N] and [M], each of mean zero; None for a side that plays no part.
    other_variance
        Variance of the estimate beyond the first order, see `StandardError.other`.
    """

    real: Values | None
    generated: Values | None
    other_variance: float = 0.0

    def standard_error(self) -> StandardError:
        """The standard error for independent images on each side."""
        return StandardError(
            math.sqrt(variance_of_mean(self.real)),
            math.sqrt(variance_of_mean(self.generated)),
            math.sqrt(max(self.other_variance, 0.0)),
        )


def variance_of_mean(influence: Values | None) -> float:
    """Variance of the mean of independent values [N] (ddof=1), 0 for None; infinite for a single one."""
    if influence is None:
        return 0.0
    if len(influence) < 2:
        return math.inf
    return float(np.var(influence, ddof=1)) / len(influence)


def variance_of_grouped_mean(influence: Values | None, groups: Sequence[str]) -> float:
    """As `variance_of_mean` where images of one group (frames of a clip) depend on each other: sums over groups.

    Parameters
    ----------
    influence
        [N], of mean zero.
    groups
        [N], the name of each image's group.
    """
    if influence is None:
        return 0.0
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(index, weights=influence - influence.mean())
    count = len(sums)
    if count < 2:
        return math.inf
    return float((sums**2).sum()) * count / (count - 1) / len(influence) ** 2
