"""AuthPct: the percentage of generated images that aren't nearer to a real image than all other real ones are to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.distances import DEFAULT_BLOCK_BYTES
from ganeval.metrics.nearest_across import nearest_across
from ganeval.metrics.neighbours import require_neighbours
from ganeval.metrics.registry import Metric
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence, variance_of_mean
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

_METHOD = "normal, from each generated image's share; for these real images, and fresh generated ones"


class Authenticity(NamedTuple):
    """Of each generated image.

    Parameters
    ----------
    authentic
        bool [M]: whether it is farther from its nearest real image than that is from its own nearest other one.
    nearest
        int64 [M]: that real image's row.
    squared
        float64 [M]: the squared distance to it.
    squared_real
        float64 [M]: its own squared distance to its nearest other real image.
    """

    authentic: npt.NDArray[np.bool_]
    nearest: npt.NDArray[np.int64]
    squared: npt.NDArray[np.float64]
    squared_real: npt.NDArray[np.float64]


def authenticity_of_each(real: Array, generated: Array, *, block_bytes: int = DEFAULT_BLOCK_BYTES) -> Authenticity:
    """Which generated images are authentic (Alaa et al. 2022, section 3.3 and appendix, the classifier A).

    A generated image g with the nearest real image r is authentic if d(g, r) > d(r, nearest other real): a copy isn't,
    also where the real images themselves hold r twice.

    Parameters
    ----------
    real, generated
        [N, D], N ≥ 2, and [M, D].
    block_bytes
        Bound on temporary arrays; no matrix of all distances is built.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If there are fewer than two real images, or no generated one.
    """
    first, second = as_pair(real, generated)
    require_neighbours(len(first), 1)
    found = nearest_across(second, first, block_bytes=block_bytes)
    squared, rows = found.squared[:, 0], found.rows[:, 0]
    return _authenticity(first, rows, squared, block_bytes)


def authenticity_from_nearest(
    real: Array,
    nearest: npt.NDArray[np.int64],
    squared: npt.NDArray[np.float64],
    *,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> Authenticity:
    """As `authenticity_of_each` where each generated image's nearest real one is known already.

    Parameters
    ----------
    real
        [N, D].
    nearest, squared
        int64 [M] and float64 [M]: its row, and the squared distance to it.
    """
    vectors, _ = as_pair(real, real)
    require_neighbours(len(vectors), 1)
    device = vectors.device
    return _authenticity(
        vectors, torch.from_numpy(nearest).to(device), torch.from_numpy(squared).to(device), block_bytes
    )


def authpct(
    real: Array, generated: Array, *, level: float | None = DEFAULT_LEVEL, block_bytes: int = DEFAULT_BLOCK_BYTES
) -> Score:
    """Percentage of authentic generated images, see `authenticity_of_each`.

    Fresh real images don't reach 100: around half of them happen to be nearer to their nearest training image than
    that is to the others. Read it beside that of held-out real images.

    Parameters
    ----------
    real, generated, block_bytes
        As in `authenticity_of_each`; `real` is the training set.
    level
        Of the interval, between 0 and 1; None for none. The real images are taken as given, as what was or wasn't
        copied is these.

    Returns
    -------
    Score
        ``"authpct"``, 0 to 100, higher is better. ``details`` has ``not_authentic``, the number of the others.

    Raises
    ------
    MetricError, NotEnoughImagesError
        As `authenticity_of_each`.
    OptionError
        If `level` isn't between 0 and 1.
    """
    require_level(level)
    found = authenticity_of_each(real, generated, block_bytes=block_bytes)
    return authpct_score(found, n_real=len(real), level=level)


def authpct_score(found: Authenticity, *, n_real: int, level: float | None) -> Score:
    """The score that `authpct` gives, from what is known of each image."""
    share = found.authentic.astype(np.float64)
    count = len(share)
    score = Score(
        name="authpct",
        value=100 * float(share.mean()),
        n_real=n_real,
        n_generated=count,
        higher_is_better=True,
        details={"not_authentic": int(count - share.sum())},
    )
    if level is None:
        return score
    influence = 100 * (share - share.mean())
    # As if two more images were authentic and two weren't (Agresti & Coull 1998): that all are alike isn't certainty.
    adjusted = (share.sum() + 2) / (count + 4)
    further = 1e4 * adjusted * (1 - adjusted) / (count + 4) - variance_of_mean(influence) if count > 1 else 0.0
    return score.with_influence(
        Influence(None, influence, max(further, 0.0)), level=level, method=_METHOD, lowest=0.0, highest=100.0
    )


def _authenticity(real: torch.Tensor, rows: torch.Tensor, squared: torch.Tensor, block_bytes: int) -> Authenticity:
    # Only those real images count that are nearest to some generated one.
    wanted, back = torch.unique(rows, return_inverse=True)
    own = nearest_across(real[wanted], real, own_rows=wanted, block_bytes=block_bytes).squared[:, 0][back]
    authentic = squared > own
    return Authenticity(*(values.cpu().numpy() for values in (authentic, rows, squared, own)))


def _compute(real: Features | None, generated: Features, *, seed: int, level: float | None) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("AuthPct needs real images", hint="Pass the training images with --real (real=).")
    return (authpct(real.pooled, generated.pooled, level=level),)


METRIC = Metric(
    name="authpct",
    scores=("authpct",),
    title="AuthPct",
    paper="Alaa et al. 2022, How Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and Auditing "
    "Generative Models, section 3.3",
    formula="100 · mean over generated g of 1[d(g, nearest real r) > d(r, nearest other real)]",
    higher_is_better=(True,),
    compute=_compute,
    any_count=True,
    has_interval=True,
    aliases=("authenticity",),
)
