"""IS∞: the Inception Score extrapolated to infinitely many images along a straight line in 1/N."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_vectors
from ganeval.metrics.class_entropy import FEWEST_IMAGES, PopulationScore, population_score
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

#: Sizes through which the line goes, and the smallest of them where there are at least twice as many images.
POINTS = 15
SMALLEST = 5000
#: As for the Inception Score itself, but lower: the line leaves more of the bias than the jackknife does.
_MOST_DOUBT = 0.03

Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def inception_score_infinity(
    logits: Array,
    *,
    points: int = POINTS,
    seed: int = 2020,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """IS∞ of generated images (Chong & Forsyth 2020).

    The Inception Scores of random subsets of `points` different sizes, evenly spaced from min(5000, half of all) to all
    images, each in a single split, are fitted by a line in 1/size (least squares); the value is the line at 0. Beyond
    what a score can be, 1 to the number of classes, it is cut off there, which the paper doesn't say: few images and
    sure answers lead the line there. ``details["intercept"]`` is the line at 0 in any case.

    The interval is for the score of infinitely many images. The fit is a weighted sum of scores of subsets that share
    images; an image's influence is that on each subset in which it lies, with the fit's weights.

    Parameters
    ----------
    logits
        [N, C], before the softmax.
    points
        Number of sizes, at least 2.
    seed
        Of the subsets.
    level
        Of the interval; None computes none.

    Returns
    -------
    Score
        ``"is_infinity"``, higher is better. ``details`` has the ``sizes``, the ``values`` there, and the ``slope`` and
        ``intercept`` of the line in 1/size.

    Raises
    ------
    MetricError
        If `logits` isn't a finite matrix.
    NotEnoughImagesError
        If there are fewer than 30 images.
    OptionError
        If `points` isn't a whole number of at least 2, or `level` doesn't lie between 0 and 1.
    """
    level = require_level(level)
    require_count("points", points, minimum=2)
    values = as_vectors("logits", logits, minimum=FEWEST_IMAGES)
    counts = _sizes(len(values), points)
    random = np.random.RandomState(seed)
    subsets = [random.permutation(len(values))[:count] for count in counts]
    scores = np.array([_score_of(values, rows) for rows in subsets])
    weights, slopes = _line(1.0 / counts)
    # A line has no ends; the score has.
    classes, intercept = float(values.shape[1]), float(weights @ scores)
    value = min(max(intercept, 1.0), classes)
    score = Score(
        name="is_infinity",
        value=value,
        n_real=None,
        n_generated=len(values),
        higher_is_better=True,
        parameters={"points": points, "seed": seed},
        details={
            "sizes": counts.tolist(),
            "values": scores.tolist(),
            "slope": float(slopes @ scores),
            "intercept": intercept,
        },
    )
    if level is None:
        return score
    population = population_score(values, seed=seed)
    refusal = population.refusal(_MOST_DOUBT)
    if refusal is not None:
        return score.without_interval(refusal)
    return score.with_influence(
        _influence(population, subsets, weights, scores),
        level=level,
        method="influence of each image through the subsets and the fitted line; for infinitely many images",
        lowest=1.0,
        highest=classes,
    )


def _score_of(logits: torch.Tensor, rows: Rows) -> float:
    """The score of the chosen rows in one split."""
    negative_entropy, total = 0.0, torch.zeros(logits.shape[1], dtype=torch.float64, device=logits.device)
    for start in range(0, len(rows), 4096):
        block = logits[torch.from_numpy(rows[start : start + 4096]).to(logits.device)]
        p = block.double().softmax(dim=1)
        negative_entropy += float(torch.xlogy(p, p).sum())
        total += p.sum(dim=0)
    mean = total / len(rows)
    return float(np.exp(negative_entropy / len(rows) - float(torch.xlogy(mean, mean).sum())))


def _sizes(count: int, points: int) -> Rows:
    # Few images have no room for as many sizes as were asked for.
    return np.unique(np.linspace(min(SMALLEST, count // 2), count, points).round().astype(np.int64))


def _line(x: Values) -> tuple[Values, Values]:
    """Weights of the values at `x` in the intercept and in the slope of their least-squares line."""
    centred = x - x.mean()
    slopes = centred / (centred @ centred)
    return 1 / len(x) - x.mean() * slopes, slopes


def _influence(population: PopulationScore, subsets: list[Rows], weights: Values, scores: Values) -> Influence:
    """The images' influence on Σ weight · score of subset, and the variance of its second-order part."""
    count = len(population.influence)
    shares = np.zeros(count)
    members = np.zeros((len(subsets), count))
    for member, rows, weight, score in zip(members, subsets, weights, scores, strict=True):
        member[rows] = 1.0
        shares[rows] += weight * score * count / len(rows)
    sizes = np.array([len(rows) for rows in subsets], dtype=np.float64)
    scaled = weights * scores / sizes**2
    shared = members @ members.T
    # Two subsets' second-order parts have the pairs of images in common that lie in both.
    second_order = population.kernel_square / 2 * float(scaled @ (shared * (shared - 1)) @ scaled)
    values = shares * population.influence
    doubt = (scores[-1] * population.doubt) ** 2
    return Influence(None, values - values.mean(), second_order + doubt)


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, points: int
) -> tuple[Score, ...]:
    if generated.logits is None:
        raise MetricError(
            "IS∞ needs class logits, and this extractor has none",
            hint="Choose an extractor with logits, such as inception-v3 or efficientnet-lite0.",
        )
    return (inception_score_infinity(generated.logits, points=points, seed=seed, level=level),)


def _fewest(chosen: Mapping[str, Any]) -> int:
    require_count("points", chosen["points"], minimum=2)
    return FEWEST_IMAGES


METRIC = Metric(
    name="is_infinity",
    scores=("is_infinity",),
    title="IS∞",
    paper="Chong & Forsyth 2020, Effectively Unbiased FID and Inception Score and Where to Find Them",
    formula="least-squares line through the Inception Scores of 15 sizes over 1/size, at 1/size = 0",
    higher_is_better=(True,),
    compute=_compute,
    has_interval=True,
    needs_real=False,
    needs="logits",
    groups=("fidelity", "diversity"),
    minimum_for=_fewest,
    parameters=(Parameter("points", POINTS, int, "number of sizes of subsets"),),
)
