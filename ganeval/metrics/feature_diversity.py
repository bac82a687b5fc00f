"""The mean distance between the features of two generated images: how different the network finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_vectors
from ganeval.metrics.frechet_influence import variance_of_few
from ganeval.metrics.options import require_count
from ganeval.metrics.random_pairs import reals_in_details
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.unit_rows import UnitRows
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL

DISTANCES = ("cosine", "euclidean")
#: Images among which all Euclidean distances are computed; the cosine needs no such bound.
DEFAULT_IMAGES = 5_000
#: Fewest images for the interval: below, simulated ones miss too often, where kinds are rare or tails heavy.
FEWEST_FOR_INTERVAL = 50
_METHOD = "normal, U-statistic over all pairs of images"
_BLOCK = 1024

Values = npt.NDArray[np.float64]


def feature_diversity(
    features: Array,
    *,
    distance: str = "cosine",
    images: int = DEFAULT_IMAGES,
    level: float | None = DEFAULT_LEVEL,
    seed: int = 2020,
) -> Score:
    """Mean distance between the features of two different images, over all pairs.

    A U-statistic of order two (Hoeffding 1948): unbiased, and twice the deviation of an image's mean distance from
    all others is that image's influence. For the cosine the mean over all pairs follows from the sum of the
    normalised features, whatever their number; Euclidean distances are computed block by block. The interval takes 50
    images; what its variance lacks for coming from few, or heavy-tailed, values is added to it.

    Parameters
    ----------
    features
        [N, D].
    distance
        ``"cosine"`` (1 − cos, in 0..2) or ``"euclidean"`` (in the features' unit).
    images
        For the Euclidean distance, most images; of more, so many are drawn at random.
    level
        Of the interval; None leaves it out.
    seed
        Of that draw.

    Returns
    -------
    Score
        ``"feature_diversity"``, higher is better: more diverse.

    Raises
    ------
    MetricError
        If `features` isn't a finite matrix, or has a row of zeros, which has no direction, with the cosine.
    NotEnoughImagesError
        If there are fewer than two images.
    OptionError
        For parameters out of range.
    """
    vectors = as_vectors("features", features, minimum=2)
    images = require_count("images", images, minimum=2)
    if distance not in DISTANCES:
        raise OptionError(f"distance is {distance!r}", hint=f"Choose of: {', '.join(DISTANCES)}.")
    rows: npt.NDArray[np.intp] | None = None
    if distance == "cosine":
        means = _mean_cosine_distances(vectors)
    else:
        if len(vectors) > images:
            rows = np.sort(np.random.default_rng(seed).choice(len(vectors), images, replace=False))
            vectors = vectors[torch.from_numpy(rows).to(vectors.device)]
        means = _mean_euclidean_distances(vectors)
    parameters: dict[str, Any] = {"distance": distance}
    if distance == "euclidean":
        parameters["images"] = images
    score = Score(
        name="feature_diversity",
        value=float(means.mean()),
        n_real=None,
        n_generated=len(features),
        higher_is_better=True,
        parameters=parameters,
    )
    if level is None:
        return score
    influence = 2 * (means - means.mean())
    if rows is not None:
        whole = np.zeros(len(features))
        whole[rows] = influence * (len(features) / len(rows))
        influence = whole
    highest = 2.0 if distance == "cosine" else np.inf
    if len(means) < FEWEST_FOR_INTERVAL:
        reason = f"fewer than {FEWEST_FOR_INTERVAL} images"
        return replace(score.without_interval(reason), influence=Influence(None, influence))
    # Of the images drawn, which are those that vary.
    few = variance_of_few(2 * (means - means.mean()))
    return score.with_influence(
        Influence(None, influence, few), level=level, method=_METHOD, lowest=0.0, highest=highest, size=1.0
    )


def _mean_cosine_distances(vectors: torch.Tensor) -> Values:
    """1 − the mean cosine between each row and all others, [N]."""
    count = len(vectors)
    units = UnitRows(vectors)
    total = torch.zeros(vectors.shape[1], dtype=torch.float64, device=vectors.device)
    for start in range(0, count, _BLOCK):
        total += units.block(slice(start, start + _BLOCK)).sum(dim=0)
    means = torch.empty(count, dtype=torch.float64)
    for start in range(0, count, _BLOCK):
        block = units.block(slice(start, start + _BLOCK))
        cosines = (block @ total - block.square().sum(dim=1)) / (count - 1)
        # Between equal images the cosine is 1 but for rounding.
        means[start : start + _BLOCK] = (1 - cosines).clamp(min=0, max=2).cpu()
    return means.numpy()


def _mean_euclidean_distances(vectors: torch.Tensor) -> Values:
    """The mean distance between each row and all others, [N]."""
    count = len(vectors)
    centred = vectors.double()
    # Near the origin the squares, of whose differences distances are made, lose the least.
    centred = centred - centred.mean(dim=0)
    if not bool(torch.isfinite(centred.square().sum())):
        raise MetricError("the features are so large that their squares overflow", hint="Scale them down.")
    squares = centred.square().sum(dim=1)
    sums = torch.empty(count, dtype=torch.float64)
    for start in range(0, count, _BLOCK):
        block = centred[start : start + _BLOCK]
        squared = squares[start : start + _BLOCK, None] + squares - 2 * (block @ centred.T)
        distances = squared.clamp_(min=0).sqrt_()
        # An image's distance from itself is 0, which rounding doesn't know.
        own = torch.arange(len(block), device=block.device)
        distances[own, own + start] = 0
        sums[start : start + _BLOCK] = distances.sum(dim=1).cpu()
    return (sums / (count - 1)).numpy()


def _minimum_for(chosen: Mapping[str, Any]) -> int:
    require_count("images", chosen["images"], minimum=2)
    if chosen["distance"] not in DISTANCES:
        raise OptionError(f"distance is {chosen['distance']!r}", hint=f"Choose of: {', '.join(DISTANCES)}.")
    return 2


def _parse_distance(text: str) -> str:
    if text not in DISTANCES:
        raise ValueError(f"choose of {', '.join(DISTANCES)}")
    return text


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, distance: str, images: int
) -> tuple[Score, ...]:
    def diversity(side: Features) -> Score:
        return feature_diversity(side.pooled, distance=distance, images=images, level=level, seed=seed)

    score = diversity(generated)
    if real is None:
        return (score,)
    of = real
    return (reals_in_details(score, lambda: diversity(of)),)


METRIC = Metric(
    name="feature_diversity",
    any_count=True,
    scores=("feature_diversity",),
    title="Feature diversity",
    paper="as LPIPS between samples, Zhu et al. 2017, Toward Multimodal Image-to-Image Translation, with the "
    "extractor's features in the place of LPIPS",
    formula="mean over pairs of generated images of 1 − cos(f(x), f(x′)), or of ‖f(x) − f(x′)‖",
    higher_is_better=(True,),
    compute=_compute,
    has_interval=True,
    needs_real=False,
    groups=("diversity",),
    minimum_for=_minimum_for,
    parameters=(
        Parameter("distance", "cosine", _parse_distance, "cosine or euclidean"),
        Parameter("images", DEFAULT_IMAGES, int, "most images among which Euclidean distances are computed"),
    ),
)
