"""Whether samples lie nearer to training images than to held-out ones, which typical samples that copy nothing don't.

A sample's distance to the training images says little by itself: samples that are more typical than the data, as those
of a truncated generator, are near to everything. But typical or not, for a generator that copies nothing it is chance
which of the real images were trained on: given the samples, training and held-out images can be exchanged. So whether
the nearest of all real images is a training image is as often true as their share of the images, and a test that
deals out the names "training" and "held-out" anew is exact, however many samples crowd the same image.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.stats import norm

from ganeval.diagnosis.diagnostic import Subject
from ganeval.diagnosis.memorisation.nearest_images import nearest_training_images
from ganeval.diagnosis.memorisation.shares import SINGLE_LEVEL
from ganeval.errors import MetricError

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

DEALS = 4999
_BYTES = 64 * 2**20
#: Relative difference up to which two distances are one, so that rounding breaks no tie.
_SAME = 1e-9


class Nearest(NamedTuple):
    """Of each sample, among training and held-out images together.

    Parameters
    ----------
    image
        int64 [n]: row of the nearest image; held-out images are counted on behind the training images.
    distance
        float64 [n].
    """

    image: Rows
    distance: Values


class Exchange(NamedTuple):
    """Result of `exchange_test`.

    Parameters
    ----------
    share
        Share of the votes that training images have.
    expected
        Their share of the real images, which exchangeable ones would have on average.
    excess
        (share − expected) / (1 − expected): 1 if all votes are for training images, 0 on average if nothing is copied.
    spread
        Standard deviation of `excess` over all deals; allows for images that have many votes.
    interval
        Of the excess: normal, each image with all its votes taken as one draw.
    p_value
        That dealing out the names anew puts so many votes on training images, in the group that stands out most.
    votes
        int64 [k]: of each group.
    excesses, z
        Of each group; NaN and −inf for those that don't count.
    p_values
        Of each group, corrected for looking at all of them (1 for those that don't count).
    """

    share: float
    expected: float
    excess: float
    spread: float
    interval: tuple[float, float]
    p_value: float
    votes: Rows
    excesses: Values
    z: Values
    p_values: Values


def nearest_of_both(subject: Subject) -> Nearest:
    """The nearest real image of each sample, of training and held-out images; of two as near, the held-out one.

    Raises
    ------
    MetricError
        If there are no held-out images.
    """
    if subject.held_out is None:
        raise MetricError(
            "it needs real images that the generator wasn't trained on", hint="Pass them with --held-out."
        )
    here, there = (
        nearest_training_images(subject.generated, side, block_bytes=subject.block_bytes, progress=subject.progress)
        for side in (subject.real, subject.held_out)
    )
    first, second = here.distances[:, 0], there.distances[:, 0]
    trained = first < second * (1 - _SAME)
    image = np.where(trained, here.rows[:, 0], len(subject.real) + there.rows[:, 0])
    return Nearest(image, np.where(trained, first, second))


def exchange_test(
    image: Rows,
    n_training: int,
    n_held_out: int,
    groups: Rows | None = None,
    *,
    fewest: int = 1,
    level: float = 0.95,
    deals: int = DEALS,
    seed: int = 2020,
) -> Exchange:
    """Whether more votes are for training images than if the name were dealt out anew among all real images.

    A permutation test, exact for any numbers: the statistic is the largest standardised number of votes for training
    images, over all votes together and over each group.

    Parameters
    ----------
    image
        int64 [n]: the real image for which each sample votes, training images first. Which samples vote, for which
        image and in which group mustn't depend on which images are training images.
    n_training, n_held_out
        How many there are of each.
    groups
        int64 [n] from 0: of each vote; None for no groups.
    fewest
        Votes that a group must have to count.
    level
        Of the interval.
    deals
        How often the names are dealt out: the p-value is at least 1 / (1 + deals).
    seed
        Of the deals.
    """
    total = n_training + n_held_out
    expected = n_training / total
    n = len(image)
    groups = np.zeros(n, dtype=np.int64) if groups is None else groups
    k = int(groups.max()) + 1 if n else 1
    hit, place = np.unique(image, return_inverse=True)
    # Votes of each group, and in the last column all, for each image.
    columns = np.concatenate([groups, np.full(n, k)])
    both = np.concatenate([place, place])
    votes_for = csr_matrix((np.ones(2 * n), (both, columns)), shape=(len(hit), k + 1))
    votes = np.asarray(votes_for.sum(axis=0)).ravel()
    squares = np.asarray(votes_for.power(2).sum(axis=0)).ravel()
    variance = expected * (1 - expected) * total / max(total - 1, 1) * (squares - votes**2 / total)
    counts = (votes >= fewest) & (variance > 1e-9)
    scale = np.sqrt(np.where(counts, variance, 1.0))

    def standardised(for_training: Values) -> Values:
        return np.where(counts[:, None], (for_training - expected * votes[:, None]) / scale[:, None], -np.inf)

    is_training = hit < n_training
    observed = votes_for.T @ is_training.astype(np.float64)
    z = standardised(observed[:, None])[:, 0]
    drawn = np.concatenate(
        [standardised(some).max(axis=0) for some in _deals(votes_for, n_training, total, deals, seed)]
    )
    at_least = (drawn[None, :] >= z[:, None] - 1e-9).sum(axis=1)
    p_values = np.where(counts, (1 + at_least) / (1 + deals), 1.0)
    unit = max(1 - expected, 1e-12) * max(n, 1)
    excess = float((observed[-1] - expected * n) / unit)
    return Exchange(
        share=float(observed[-1] / n) if n else expected,
        expected=expected,
        excess=excess,
        spread=math.sqrt(max(variance[-1], 0.0)) / unit,
        interval=_interval(excess, float(observed[-1]), n, float(squares[-1]), unit, level),
        p_value=float(p_values.min()),
        votes=votes[:-1].astype(np.int64),
        excesses=np.divide(
            observed - expected * votes, votes * (1 - expected), out=np.full(k + 1, np.nan), where=counts
        )[:-1],
        z=z[:-1],
        p_values=p_values[:-1],
    )


def smallest_excess(spread: float) -> float:
    """The excess that a test sees in four of five cases, from the spread that it has where nothing is copied."""
    return min(1.0, float(norm.isf(SINGLE_LEVEL) + norm.isf(0.2)) * spread)


def _deals(votes_for: csr_matrix, n_training: int, total: int, deals: int, seed: int) -> list[Values]:
    """Votes for training images [k + 1, some] in each deal."""
    random = np.random.default_rng([seed, 0xE8])
    hit = votes_for.shape[0]
    transposed = votes_for.T.tocsr()
    # Names of images without votes don't matter, but for how many names are left.
    trained = random.hypergeometric(n_training, total - n_training, hit, deals) if hit else np.zeros(deals)
    step = max(1, _BYTES // (9 * max(hit, 1)))
    found = []
    for start in range(0, deals, step):
        some = trained[start : start + step]
        names = (np.arange(hit)[None, :] < some[:, None]).astype(np.uint8)
        names = random.permuted(names, axis=1, out=names)
        found.append(np.asarray(transposed @ names.T.astype(np.float64)))
    return found


def _interval(
    excess: float, for_training: float, n: int, squares: float, unit: float, level: float
) -> tuple[float, float]:
    # As if two more votes had gone each way (Agresti & Coull 1998): that all agree isn't certainty.
    share = (for_training + 2) / (n + 4)
    half = float(norm.isf((1 - level) / 2)) * math.sqrt(max(squares, 1.0) * share * (1 - share)) / unit
    return max(excess - half, -1.0), min(excess + half, 1.0)
