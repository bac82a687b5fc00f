"""Rényi kernel entropy: how many modes the generated images have, as a Gaussian kernel sees them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from ganeval.errors import OptionError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_vectors
from ganeval.metrics.distances import DEFAULT_BLOCK_BYTES, Tiles, block_rows, my_pairs, sides_of
from ganeval.metrics.division import division
from ganeval.metrics.frechet_influence import variance_of_few
from ganeval.metrics.options import parse_boolean, require_number
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.unit_rows import UnitRows
from ganeval.uncertainty.influence import Influence, Values
from ganeval.uncertainty.interval import DEFAULT_LEVEL, NOTHING_VARIES, require_level

DEFAULT_BANDWIDTH = 0.3
#: Relative standard error of the mean squared kernel value beyond which its inverse is far from normal.
_MOST_UNCERTAIN = 0.25
#: Relative standard error of it that is nothing but rounding.
_ROUNDING = 1e-10
#: Fewest images for the correction and the interval: with fewer, simulated intervals miss kinds of images of which a
#: set of this size often has none.
FEWEST_FOR_INTERVAL = 40
_METHOD = "normal, by the influence on the mean squared kernel value of pairs of different images"


def renyi_kernel_entropy(
    generated: Array,
    *,
    bandwidth: float = DEFAULT_BANDWIDTH,
    normalise: bool = True,
    level: float | None = DEFAULT_LEVEL,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> Score:
    """Exponential of the Rényi kernel entropy of order 2 (Jalali et al. 2023, RKE-MC, section 4).

    1/‖K/N‖² with the Frobenius norm, K the values exp(−d²/(2σ²)) of all pairs: the inverse of their mean square. m
    modes of one size, each narrow against σ and far from the others, count as m. In float64, a block at a time.

    The pairs of an image with itself hold the value below that of infinitely many images, and always below N;
    ``corrected`` leaves them out. It and the interval take 40 images: with fewer, kinds of images that are rare may be
    missing altogether, and simulated intervals missed the truth in up to a sixth of the repetitions. Where every image
    is alike to all others by the same (all the same, or copies in equal numbers), nothing tells chance, and neither is
    offered.

    Parameters
    ----------
    generated
        [N, D].
    bandwidth
        σ, in the unit of the features, or of their directions with `normalise`. Scores of different bandwidths can't be
        compared; a smaller one tells more apart.
    normalise
        Whether rows are taken at length 1, so that one bandwidth suits any extractor: distances are then between 0 and
        2. The paper takes features as they are and chooses σ for each data set.
    level
        Of the interval, between 0 and 1; None for none.
    block_bytes
        Bound on temporary arrays.

    Returns
    -------
    Score
        ``"rke"``, from 1 (all alike) to N, higher is more diverse.

    Raises
    ------
    MetricError
        If `generated` isn't a finite matrix, or a row is zero where rows are normalised.
    NotEnoughImagesError
        If there are fewer than two images.
    OptionError
        If a parameter can't be used.
    """
    wanted = require_level(level)
    sigma = require_number("bandwidth", bandwidth, positive=True)
    if not isinstance(normalise, bool):
        raise OptionError(f"normalise must be true or false, not {normalise!r}")
    vectors = as_vectors("generated", generated, minimum=2)
    count = len(vectors)
    tiles = _directions(vectors, block_bytes) if normalise else _distances(vectors, block_bytes)
    means = _mean_squares(tiles, count, sigma, vectors.device)
    unlike = float(means.mean())
    variance = 4 * float((means - unlike).square().sum()) / (count - 1) / count
    refusal = _refusal(count, unlike, variance)
    score = Score(
        name="rke",
        value=1 / (1 / count + (1 - 1 / count) * unlike),
        n_real=None,
        n_generated=count,
        higher_is_better=True,
        parameters={"bandwidth": sigma, "normalise": normalise},
        corrected=None if refusal is not None or wanted is None else (1 - variance / unlike**2) / unlike,
    )
    if wanted is None:
        return score
    if refusal is not None:
        return score.without_interval(refusal)
    influence: Values = (-2 / unlike**2 * (means - unlike)).cpu().numpy()
    known = Influence(None, influence, variance_of_few(influence))
    return score.with_influence(known, level=wanted, method=_METHOD, lowest=1.0)


def _refusal(count: int, unlike: float, variance: float) -> str | None:
    """Why there is neither correction nor interval, from the mean squared kernel value and its variance."""
    if count < FEWEST_FOR_INTERVAL:
        return f"fewer than {FEWEST_FOR_INTERVAL} images"
    if not unlike > 0 or math.sqrt(variance) > _MOST_UNCERTAIN * unlike:
        return (
            "hardly any two images are alike at this bandwidth, so that few pairs decide; a larger one would tell more"
        )
    if math.sqrt(variance) < _ROUNDING * unlike:
        return NOTHING_VARIES
    return None


def _mean_squares(
    tiles: Iterator[tuple[slice, slice, torch.Tensor]], count: int, sigma: float, device: torch.device
) -> torch.Tensor:
    """Mean squared kernel value of each image with all others, float64 [N], from the squared distances of all pairs."""
    sums = torch.zeros(count, dtype=torch.float64, device=device)
    for rows, columns, squared in tiles:
        # The kernel's square, exp(−d²/σ²).
        tile = squared.clamp_(min=0.0).mul_(-1 / sigma**2).exp_()
        if rows == columns:
            tile.fill_diagonal_(0.0)
        else:
            sums[columns] += tile.sum(dim=0)
        sums[rows] += tile.sum(dim=1)
    return division().summed(sums) / (count - 1)


def _distances(vectors: torch.Tensor, block_bytes: int) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """Squared distances of all pairs of blocks, each once."""
    side, _ = sides_of(vectors, vectors)
    tiles = Tiles(side, side, dtype=torch.float64, block_bytes=block_bytes)
    for rows, x, columns in my_pairs(tiles):
        yield rows, columns, tiles.squared(x, rows, columns)


def _directions(vectors: torch.Tensor, block_bytes: int) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """As `_distances`, of the rows at length 1."""
    units = UnitRows(vectors)
    step = block_rows(vectors.shape[1], block_bytes, itemsize=8)
    parts = [slice(start, min(start + step, len(units))) for start in range(0, len(units), step)]
    for rows, columns in division().mine([(rows, columns) for i, rows in enumerate(parts) for columns in parts[i:]]):
        x = units.block(rows)
        y = x if columns == rows else units.block(columns)
        yield rows, columns, (x @ y.T).mul_(-2.0).add_(2.0)


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, bandwidth: float, normalise: bool
) -> tuple[Score, ...]:
    return (renyi_kernel_entropy(generated.pooled, bandwidth=bandwidth, normalise=normalise, level=level),)


def _fewest(chosen: Mapping[str, Any]) -> int:
    require_number("bandwidth", chosen["bandwidth"], positive=True)
    return 2


METRIC = Metric(
    name="rke",
    scores=("rke",),
    title="Rényi kernel entropy",
    paper="Jalali et al. 2023, An Information-Theoretic Evaluation of Generative Models in Learning Multi-modal "
    "Distributions",
    formula="1/‖K/N‖², K the values exp(−d²/(2σ²)) of all pairs of normalised features",
    higher_is_better=(True,),
    compute=_compute,
    has_interval=True,
    needs_real=False,
    minimum_for=_fewest,
    groups=("diversity",),
    parameters=(
        Parameter("bandwidth", DEFAULT_BANDWIDTH, float, "σ of the Gaussian kernel"),
        Parameter("normalise", True, parse_boolean, "whether features are taken at length 1"),
    ),
)
