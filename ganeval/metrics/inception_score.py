"""The Inception Score: how sure a classifier is of each generated image, and how varied its answers are."""

from __future__ import annotations

import numpy as np
import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_vectors
from ganeval.metrics.options import parse_boolean, require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score


def inception_score(logits: Array, *, splits: int = 10, shuffle: bool = True, seed: int = 2020) -> Score:
    """Inception Score of generated images (Salimans et al. 2016, section 4).

    The exponential of the mean Kullback–Leibler divergence between each image's class probabilities and their mean,
    computed in `splits` parts of (nearly) equal size and averaged. It lies between 1 and the number of classes.

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
    splits = require_count("splits", splits)
    values = as_vectors("logits", logits)
    count = len(values)
    if count < splits:
        raise NotEnoughImagesError(
            f"the inception score with splits={splits} needs at least {splits} images, but there are {count}",
            hint="Generate more images, or lower the option inception_score.splits.",
        )
    order = np.random.RandomState(seed).permutation(count) if shuffle else np.arange(count)
    index = torch.from_numpy(order).to(values.device)
    scores = np.array(
        [_score_of_part(values[index[i * count // splits : (i + 1) * count // splits]]) for i in range(splits)]
    )
    return Score(
        name="inception_score",
        value=float(scores.mean()),
        n_real=None,
        n_generated=count,
        higher_is_better=True,
        parameters={"splits": splits, "shuffle": bool(shuffle), "seed": seed},
        details={"std": float(scores.std())},
    )


def _score_of_part(logits: torch.Tensor) -> float:
    """exp of H(mean p) − mean H(p), which equals the mean divergence and has no 0·log 0."""
    log_p = logits.double().log_softmax(dim=1)
    p = log_p.exp()
    marginal = p.mean(dim=0)
    negative_entropy = (p * log_p).sum(dim=1).mean()
    return float((negative_entropy - torch.xlogy(marginal, marginal).sum()).exp())


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, splits: int, shuffle: bool
) -> tuple[Score, ...]:
    if generated.logits is None:
        raise MetricError(
            "the inception score needs class logits, and this extractor has none",
            hint="Choose an extractor with logits, such as inception-v3 or efficientnet-lite0.",
        )
    return (inception_score(generated.logits, splits=splits, shuffle=shuffle, seed=seed),)


METRIC = Metric(
    name="inception_score",
    scores=("inception_score",),
    title="Inception Score",
    paper="Salimans et al. 2016, Improved Techniques for Training GANs",
    formula="exp( mean over images of KL( p(y|x) ‖ p(y) ) ), mean over 10 splits",
    higher_is_better=(True,),
    compute=_compute,
    needs_real=False,
    needs="logits",
    minimum=10,
    minimum_for=lambda chosen: require_count("splits", chosen["splits"]),
    aliases=("is", "isc"),
    parameters=(
        Parameter("splits", 10, int, "parts into which the images are divided"),
        Parameter("shuffle", True, parse_boolean, "whether the images are shuffled before they are divided"),
    ),
)
