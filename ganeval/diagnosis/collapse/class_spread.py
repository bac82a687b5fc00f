"""How much images vary within each class, on two sides, with a permutation test over all classes together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.collapse.diversity_permutation import larger_of_standardised, squared_distances_to_mean
from ganeval.diagnosis.collapse.permuted_labels import permuted_labels
from ganeval.uncertainty.interval import critical_value

PERMUTATIONS = 4_999

Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassSpread:
    """Mean squared distance between two images of a class, on either side.

    Parameters
    ----------
    name
        Of the class.
    generated, fresh
        The two numbers.
    low, high
        Ends of the interval of `generated` less `fresh`.
    n_generated, n_fresh
        Images of the class.
    p_value
        Of less variation among the generated images, of this class alone.
    adjusted
        The same, corrected for the number of classes.
    """

    name: str
    generated: float
    fresh: float
    low: float
    high: float
    n_generated: int
    n_fresh: int
    p_value: float
    adjusted: float

    @property
    def lost(self) -> float:
        """Share of the fresh images' variation that the generated ones lack, 0 where they have more."""
        return max(0.0, 1 - self.generated / self.fresh) if self.fresh > 0 else 0.0


def class_spreads(
    generated: torch.Tensor,
    fresh: torch.Tensor,
    rows: Mapping[str, tuple[Numbers, Numbers]],
    *,
    seed: int,
    level: float = 0.95,
    permutations: int = PERMUTATIONS,
) -> tuple[Sequence[ClassSpread], float]:
    """The spread of each class, and one p-value for all of them.

    The mean squared distance between two of N images is twice the trace of their covariance, 2 Σ‖x − x̄‖²/(N − 1): a
    U-statistic with the influence 2‖x − x̄‖² less its mean. The test permutes labels of sides within each class, on as
    many images of either side; around the mean of both the difference of the two spreads is that of two sums of squared
    distances, so that no distance is computed again. One p-value is that of the largest of all classes' standardised
    differences and of their sum, standardised too (Westfall & Young 1993: all in the same permutations): it sees one
    class that lost much as well as all classes that lost a little.

    Parameters
    ----------
    generated, fresh
        [N, D] and [M, D].
    rows
        Class to its rows on either side, two or more each.
    seed
        Of the permutations, and of which images of the larger side are left out of the test.
    level
        Of the intervals.
    """
    random = np.random.default_rng(seed)
    sums = np.empty((permutations + 1, len(rows)))
    spreads = []
    for place, (own, other) in enumerate(rows.values()):
        spreads.append((_spread(generated[torch.from_numpy(own)]), _spread(fresh[torch.from_numpy(other)])))
        size = min(len(own), len(other))
        chosen = [at if len(at) == size else random.permutation(at)[:size] for at in (own, other)]
        pool = torch.cat([side[torch.from_numpy(at)] for side, at in zip((generated, fresh), chosen, strict=True)])
        distances = squared_distances_to_mean(pool)
        # Permutations keep the sum of all: less for the generated images is more for the others.
        sums[0, place] = -((np.arange(2 * size) < size).astype(np.float64) @ distances)
        done = 1
        for labels in permuted_labels(random, size, 2 * size, permutations):
            sums[done : done + len(labels), place] = -(labels.astype(np.float64) @ distances)
            done += len(labels)
    standard = _standardised(sums)
    together = np.concatenate([standard, standard.sum(axis=1, keepdims=True)], axis=1)
    largest = standard.max(axis=1)
    found = [
        ClassSpread(
            name,
            spreads[place][0].value,
            spreads[place][1].value,
            *_difference(*spreads[place], level=level),
            len(rows[name][0]),
            len(rows[name][1]),
            float((standard[:, place] >= standard[0, place] - 1e-9).mean()),
            float((largest >= standard[0, place] - 1e-9).mean()),
        )
        for place, name in enumerate(rows)
    ]
    return found, larger_of_standardised(together[0], together[1:])


@dataclass(frozen=True)
class _Spread:
    value: float
    variance: float


def _spread(vectors: torch.Tensor) -> _Spread:
    squares = squared_distances_to_mean(vectors)
    count = len(squares)
    return _Spread(2 * float(squares.sum()) / (count - 1), 4 * float(squares.var(ddof=1)) / count)


def _difference(generated: _Spread, fresh: _Spread, *, level: float) -> tuple[float, float]:
    middle = generated.value - fresh.value
    reach = critical_value(level) * math.sqrt(generated.variance + fresh.variance)
    return middle - reach, middle + reach


def _standardised(sums: Values) -> Values:
    """Each column less its mean, over its standard deviation; 0 where it doesn't vary."""
    scale = sums.std(axis=0)
    varies = scale > 1e-12 * np.abs(sums).max(axis=0)
    return np.asarray(np.where(varies, (sums - sums.mean(axis=0)) / np.where(varies, scale, 1.0), 0.0))
