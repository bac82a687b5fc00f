"""The Inception Score: how sure a classifier is of each generated image, and how varied its answers are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_vectors
from ganeval.metrics.class_entropy import FEWEST_IMAGES, population_score
from ganeval.metrics.options import parse_boolean, require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL, Interval, critical_value, require_level
from ganeval.wording import counted


def inception_score(
    logits: Array,
    *,
    splits: int = 10,
    shuffle: bool = True,
    seed: int = 2020,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Inception Score of generated images (Salimans et al. 2016, section 4).

    The exponential of the mean Kullback–Leibler divergence between each image's class probabilities and their mean,
    computed in `splits` parts of (nearly) equal size and averaged. It lies between 1 and the number of classes.

    Such a value is biased downwards, the more so the fewer images a part has for the classes in use. `corrected` is
    an estimate of the score of infinitely many images, from all images together with the bias taken off by the
    jackknife, and the interval is for that: on the logarithmic scale, with the images' divergences as influence, see
    `ganeval.metrics.class_entropy`. Where images are too few for their classes, neither is offered.

    Parameters
    ----------
    logits
        [N, C], before the softmax.
    splits
        Parts into which the images are divided.
    shuffle
        Whether the images are shuffled before they are divided, which matters where they are sorted by class.
    seed
        Of the shuffling.
    level
        Of the interval; None computes none.

    Returns
    -------
    Score
        ``"inception_score"``, higher is better; ``details["std"]`` is the standard deviation over the parts (ddof 0).

    Raises
    ------
    MetricError
        If `logits` isn't a finite matrix.
    NotEnoughImagesError
        If there are fewer images than parts.
    OptionError
        If `splits` isn't a positive whole number.
    """
    level = require_level(level)
    splits = require_count("splits", splits)
    values = as_vectors("logits", logits)
    count = len(values)
    if count < splits:
        raise NotEnoughImagesError(
            f"the inception score with splits={splits} needs at least {counted(splits, 'image')}, but there "
            f"{'is' if count == 1 else 'are'} {count:,}",
            hint="Generate more images, or lower the option inception_score.splits.",
        )
    order = np.random.RandomState(seed).permutation(count) if shuffle else np.arange(count)
    index = torch.from_numpy(order).to(values.device)
    scores = np.array(
        [_score_of_part(values[index[i * count // splits : (i + 1) * count // splits]]) for i in range(splits)]
    )
    score = Score(
        name="inception_score",
        value=float(scores.mean()),
        n_real=None,
        n_generated=count,
        higher_is_better=True,
        parameters={"splits": splits, "shuffle": bool(shuffle), "seed": seed},
        details={"std": float(scores.std())},
    )
    return score if level is None else _with_interval(score, values, level=level, seed=seed)


def _score_of_part(logits: torch.Tensor) -> float:
    """exp of H(mean p) − mean H(p), which equals the mean divergence and has no 0·log 0."""
    log_p = logits.double().log_softmax(dim=1)
    p = log_p.exp()
    marginal = p.mean(dim=0)
    negative_entropy = (p * log_p).sum(dim=1).mean()
    return float((negative_entropy - torch.xlogy(marginal, marginal).sum()).exp())


def _with_interval(score: Score, logits: torch.Tensor, *, level: float, seed: int) -> Score:
    if len(logits) < FEWEST_IMAGES:
        return score.without_interval(f"there are fewer than {FEWEST_IMAGES} images")
    population = population_score(logits, seed=seed)
    refusal = population.refusal()
    if refusal is not None:
        return score.without_interval(refusal)
    most = float(logits.shape[1])
    corrected = min(math.exp(population.log_score), most)
    influence = Influence(None, corrected * population.influence, corrected**2 * population.other_variance)
    error = influence.standard_error()
    # The score is positive, and its logarithm the more nearly normal.
    factor = math.exp(critical_value(level) * error.total / corrected)
    interval = Interval(
        max(corrected / factor, 1.0),
        min(corrected * factor, most),
        level,
        "influence of each image on log IS, bias by the jackknife; for infinitely many images",
    )
    return replace(score, corrected=corrected).with_interval(interval, error, influence)


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, splits: int, shuffle: bool
) -> tuple[Score, ...]:
    if generated.logits is None:
        raise MetricError(
            "the inception score needs class logits, and this extractor has none",
            hint="Choose an extractor with logits, such as inception-v3 or efficientnet-lite0.",
        )
    return (inception_score(generated.logits, splits=splits, shuffle=shuffle, seed=seed, level=level),)


METRIC = Metric(
    name="inception_score",
    scores=("inception_score",),
    title="Inception Score",
    paper="Salimans et al. 2016, Improved Techniques for Training GANs",
    formula="exp( mean over images of KL( p(y|x) ‖ p(y) ) ), mean over 10 splits",
    higher_is_better=(True,),
    compute=_compute,
    has_interval=True,
    curve=("inception_score",),
    needs_real=False,
    needs="logits",
    groups=("fidelity", "diversity"),
    minimum=10,
    minimum_for=lambda chosen: require_count("splits", chosen["splits"]),
    aliases=("is", "isc"),
    parameters=(
        Parameter("splits", 10, int, "parts into which the images are divided"),
        Parameter("shuffle", True, parse_boolean, "whether the images are shuffled before they are divided"),
    ),
)
