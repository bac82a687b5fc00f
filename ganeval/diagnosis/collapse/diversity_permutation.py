"""Is a set less diverse than fresh real images? A permutation test that looks at distances once and never again.

The test permutes the labels of generated and fresh images; everything else stays as it is. Two statistics, both large
where the generated images lack variety, are looked at in the same permutations:

- *missed*: of the fixed real images, how many have no generated image among their K nearest of the pool, less how many
  have no fresh one: parts of the data that are no longer made;
- *narrowed*: the mean squared distance between two fresh images less that between two generated ones. Around the pool's
  mean, this is the difference of two sums over images, so that permuting it takes no distance at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.collapse.permuted_labels import permuted_labels
from ganeval.metrics.arrays import float64_mean
from ganeval.metrics.distances import DEFAULT_BLOCK_BYTES, Tiles, sides_of
from ganeval.metrics.neighbours import Nearest

#: Pooled neighbours of each fixed image: all of them fresh with a chance of 1 in 32 where both sides are alike.
NEIGHBOURS = 5
PERMUTATIONS = 4_999

Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LostDiversity:
    """What the test found.

    Parameters
    ----------
    p_value
        That the larger of the two standardised statistics is so large, if both sides are exchangeable.
    missed, fresh_missed
        Share of the fixed images with no generated, and with no fresh image among their nearest.
    spread, fresh_spread
        Mean squared distance between two images of either side.
    """

    p_value: float
    missed: float
    fresh_missed: float
    spread: float
    fresh_spread: float


def lost_diversity(
    generated: torch.Tensor,
    fresh: torch.Tensor,
    fixed: torch.Tensor,
    *,
    seed: int,
    neighbours: int = NEIGHBOURS,
    permutations: int = PERMUTATIONS,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> LostDiversity:
    """One-sided permutation test that `generated` is less diverse than `fresh`, given `fixed`.

    Parameters
    ----------
    generated, fresh
        [N, D] each, of the same N ≥ 2.
    fixed
        [M, D], independent of which of the others are generated.
    seed
        Of the permutations, and of the order in which equally near images count.
    neighbours
        K.
    permutations
        How many; the p-value is (1 + those at least as extreme) / (1 + permutations).
    """
    count = len(generated)
    if len(fresh) != count:
        raise ValueError("both sides must have as many images")
    random = np.random.default_rng(seed)
    # In a random order, so that which of equally near images are the nearest has nothing to do with their labels.
    order = random.permutation(2 * count)
    pool = torch.cat([generated, fresh])[torch.from_numpy(order)]
    observed = order < count
    nearest = nearest_of_pool(fixed, pool, min(neighbours, 2 * count), block_bytes=block_bytes)
    distances = squared_distances_to_mean(pool)
    found = _statistics(observed[None, :], nearest, distances)[0]
    drawn = [
        _statistics(labels, nearest, distances) for labels in permuted_labels(random, count, 2 * count, permutations)
    ]
    missed = ~observed[nearest].any(axis=1), observed[nearest].all(axis=1)
    return LostDiversity(
        larger_of_standardised(found, np.concatenate(drawn)),
        float(missed[0].mean()),
        float(missed[1].mean()),
        *(spread(side) for side in (generated, fresh)),
    )


def larger_of_standardised(observed: Values, drawn: Values) -> float:
    """p-value of the largest of several standardised statistics among its permutations.

    Parameters
    ----------
    observed
        float64 [S].
    drawn
        float64 [permutations, S], the same statistics of permuted labels. Mean and standard deviation are those over
        all of them, the observed one included, so that every permutation is treated alike and the test stays exact.
    """
    everything = np.concatenate([observed[None, :], drawn])
    scale = everything.std(axis=0)
    # Where nothing can vary, nothing is seen. Rounding of equal sums isn't to decide.
    moved = scale > 1e-12 * np.abs(everything).max(axis=0)
    if not moved.any():
        return 1.0
    standard = ((everything - everything.mean(axis=0)) / np.where(moved, scale, 1.0))[:, moved]
    largest = standard.max(axis=1)
    return float((largest >= largest[0] - 1e-9).mean())


def spread(vectors: torch.Tensor) -> float:
    """Mean squared distance between two different rows of [N, D], N ≥ 2: twice the covariance's trace."""
    return float(2 * squared_distances_to_mean(vectors).sum() / (len(vectors) - 1))


def squared_distances_to_mean(vectors: torch.Tensor) -> Values:
    """Squared distance of each row of [N, D] from the mean of all, float64 [N]."""
    mean = float64_mean(vectors)
    parts = (vectors[start : start + 1024].double() - mean for start in range(0, len(vectors), 1024))
    return torch.cat([part.square_().sum(dim=1) for part in parts]).cpu().numpy()


def nearest_of_pool(fixed: torch.Tensor, pool: torch.Tensor, count: int, *, block_bytes: int) -> Numbers:
    """The `count` nearest rows of `pool` [P, D] to each row of `fixed` [M, D], int64 [M, count], in no fixed order.

    Rounding may decide between rows that are equally near up to float32's precision.
    """
    tiles = Tiles(*sides_of(fixed, pool), dtype=torch.float32, block_bytes=block_bytes)
    nearest = Nearest(len(fixed), count, tiles.dtype, fixed.device)
    for rows in tiles.row_parts:
        x = tiles.rows(rows)
        for columns in tiles.column_parts:
            nearest.offer_rows(rows, tiles.squared(x, rows, columns), columns.start)
    return nearest.places.cpu().numpy()


def _statistics(labels: npt.NDArray[np.bool_], nearest: Numbers, distances: Values) -> Values:
    """Both statistics, float64 [n, 2], for labels [n, P] of which image of the pool counts as generated."""
    of_image = np.ascontiguousarray(labels.T).view(np.int8)
    generated = np.zeros((len(nearest), len(labels)), dtype=np.int8)
    for place in range(nearest.shape[1]):
        generated += of_image[nearest[:, place]]
    missed = (generated == 0).sum(axis=0) - (generated == nearest.shape[1]).sum(axis=0)
    within = labels.astype(np.float64) @ distances
    return np.stack([missed.astype(np.float64), (distances.sum() - within) - within], axis=1)
