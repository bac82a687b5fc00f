"""C2ST, the classifier two-sample test: how well a classifier tells generated from real images that it hasn't seen."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.options import parse_optional, require_count, require_number
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL, Interval, critical_value, require_level

CLASSIFIERS = ("logistic", "knn")
DEFAULT_FOLDS = 5
#: Fewest images a side for which the interval is offered.
FEWEST_FOR_INTERVAL = 30
_BLOCK_COLUMNS = 256

Rows = npt.NDArray[np.float32]
Truth = npt.NDArray[np.bool_]
#: From training rows, whether each is generated, and further rows to whether these are, in the classifier's opinion.
Classifier = Callable[[Rows, Truth, Rows], Truth]


def classifier_two_sample_test(
    real: Array,
    generated: Array,
    *,
    classifier: str = "logistic",
    folds: int = DEFAULT_FOLDS,
    inverse_penalty: float = 1.0,
    neighbours: int | None = None,
    seed: int = 2020,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Accuracy of a classifier between real and generated images that it wasn't trained on (Lopez-Paz & Oquab 2017).

    The images are divided into `folds` parts at random, each with the same share of both sides; a classifier trained
    on the other parts judges the images of one, so that every image is judged once. The value is the mean of the
    accuracies on real and on generated images: 1/2 by chance also where one side has more images, and both count alike
    in training. 1/2 doesn't mean that both sides are alike, but that this classifier, trained on so many images, sees
    no difference; well below 1/2 it was misled by copies of the same images on both sides.

    The interval is for the mean accuracy of classifiers trained on as many images, over all images that they may be
    asked about: the binomial variance of each side's answers, and what their dependence adds to it near 1/2, since each
    image served to train the classifiers that judge the others.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    classifier
        ``"logistic"``, a logistic regression, or ``"knn"``, a vote of the nearest neighbours; both on features scaled
        to variance 1.
    folds
        How many parts, at most the number of images of the smaller side.
    inverse_penalty
        Of the logistic regression: scikit-learn's ``C``.
    neighbours
        Of ``"knn"``; None takes the square root of the number of training images.
    seed
        Of the division.
    level
        Of the interval; None computes none.

    Returns
    -------
    Score
        ``"c2st"``, lower is better, 0..1. ``details`` has ``p_value``, one-sided against 1/2 by the normal
        approximation (Lopez-Paz & Oquab 2017, section 3) with the variance of cross-fitted answers, twice the binomial
        one; ``accuracy_real`` and ``accuracy_generated``.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If a side has fewer images than `folds`.
    OptionError
        If a parameter can't be used.
    """
    level = require_level(level)
    folds = require_count("folds", folds, minimum=2)
    judge = _classifier(classifier, inverse_penalty, neighbours)
    first, second = as_pair(real, generated, minimum_real=folds, minimum_generated=folds)
    counts = len(first), len(second)
    rows = _standardised(first, second)
    is_generated = np.arange(sum(counts)) >= counts[0]
    right = _cross_fitted(rows, is_generated, judge, folds=folds, seed=seed)
    sides = right[: counts[0]].astype(np.float64), right[counts[0] :].astype(np.float64)
    accuracies = [float(side.mean()) for side in sides]
    value = sum(accuracies) / 2
    # Twice the binomial variance: see `_variance_of_sharing`.
    chance_error = math.sqrt(2 * _chance_variance(*counts))
    score = Score(
        name="c2st",
        value=value,
        n_real=counts[0],
        n_generated=counts[1],
        higher_is_better=False,
        parameters={
            "classifier": classifier,
            "folds": folds,
            **({"inverse_penalty": inverse_penalty} if classifier == "logistic" else {"neighbours": neighbours}),
            "seed": seed,
        },
        details={
            "p_value": NormalDist().cdf(-(value - 0.5) / chance_error),
            "accuracy_real": accuracies[0],
            "accuracy_generated": accuracies[1],
        },
    )
    return score if level is None else _with_interval(score, sides, level)


def _with_interval(score: Score, sides: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]], level: float) -> Score:
    if min(map(len, sides)) < FEWEST_FOR_INTERVAL:
        return score.without_interval(f"a side has fewer than {FEWEST_FOR_INTERVAL} images")
    influence = Influence(
        (sides[0] - sides[0].mean()) / 2,
        (sides[1] - sides[1].mean()) / 2,
        _variance_of_sharing(score.value, len(sides[0]), len(sides[1])),
    )
    error = influence.standard_error()
    low, high = _wilson(score.value, error.total, 4 / sum(1 / len(side) for side in sides), critical_value(level))
    method = (
        "binomial variance of the held-out answers, widened near 1/2 for what cross-fitted classifiers share (Wilson "
        "1927); for the mean accuracy of classifiers trained on as many images"
    )
    return replace(score, interval=Interval(low, high, level, method), standard_error=error, influence=influence)


def _chance_variance(n: int, m: int) -> float:
    """Variance of the accuracy of independent answers by chance."""
    return (1 / n + 1 / m) / 16


def _variance_of_sharing(accuracy: float, n: int, m: int) -> float:
    """What the dependence of cross-fitted answers adds to the binomial variance.

    Two images of different folds were in each other's training set, and where nothing else tells the sides apart, what
    the one pair have in common by chance decides both answers alike. For a linear classifier this doubles the variance
    by chance (the variance of a second-order U-statistic against that of its terms); it loses its weight as the
    accuracy departs from chance, at a rate that was fitted to simulations.
    """
    variance = _chance_variance(n, m)
    return variance / (1 + (accuracy - 0.5) ** 2 / variance / 8)


def _wilson(share: float, error: float, count: float, z: float) -> tuple[float, float]:
    """All shares that differ from `share` by no more than z of their own standard errors.

    `count` is the number of answers; where some are wrong, that of independent ones with this standard error counts.
    """
    if 0 < share < 1 and error > 0:
        count = share * (1 - share) / error**2
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _standardised(real: torch.Tensor, generated: torch.Tensor) -> Rows:
    """float32 [N + M, D], real rows first, each column of mean 0 and variance 1 over both sides, or 0 if constant.

    No label goes into it, so that it may be done once for all folds.
    """
    rows = np.empty((len(real) + len(generated), real.shape[1]), dtype=np.float32)
    for start in range(0, real.shape[1], _BLOCK_COLUMNS):
        columns = slice(start, start + _BLOCK_COLUMNS)
        block = torch.cat([real[:, columns].double(), generated[:, columns].double()])
        # Squares of what is left after dividing by the largest can't overflow.
        block = block / block.abs().amax(dim=0).clamp(min=torch.finfo(torch.float64).tiny)
        block -= block.mean(dim=0)
        deviation = block.square().mean(dim=0).sqrt()
        # Rounding alone would make a constant column vary.
        block = torch.where(deviation > 1e-12, block / deviation, 0.0)
        rows[:, columns] = block.cpu().numpy()
    return rows


def _cross_fitted(rows: Rows, is_generated: Truth, judge: Classifier, *, folds: int, seed: int) -> Truth:
    """Whether each image, held out in its turn, was told right."""
    random = np.random.RandomState(seed)
    fold_of = np.empty(len(rows), dtype=np.int64)
    for side in (~is_generated, is_generated):
        count = int(side.sum())
        fold_of[side] = random.permutation(np.arange(count) % folds)
    right = np.empty(len(rows), dtype=np.bool_)
    for fold in range(folds):
        held_out = fold_of == fold
        answers = judge(rows[~held_out], is_generated[~held_out], rows[held_out])
        right[held_out] = answers == is_generated[held_out]
    return right


def _classifier(name: str, inverse_penalty: Any, neighbours: Any) -> Classifier:
    """The classifier of that name with checked parameters; raises `OptionError`."""
    require_number("inverse_penalty", inverse_penalty, positive=True)
    if neighbours is not None:
        require_count("neighbours", neighbours)
    if name == "logistic":
        return lambda rows, truth, further: _by_logistic_regression(rows, truth, further, float(inverse_penalty))
    if name == "knn":
        return lambda rows, truth, further: _by_neighbours(rows, truth, further, neighbours)
    raise OptionError(f"classifier must be one of {', '.join(CLASSIFIERS)}, not {name!r}")


def _by_logistic_regression(rows: Rows, truth: Truth, further: Rows, inverse_penalty: float) -> Truth:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # Both sides weigh the same in training, whatever their sizes.
    model = LogisticRegression(C=inverse_penalty, class_weight="balanced", max_iter=500)
    with warnings.catch_warnings():
        # After 500 steps the answers hardly change any more.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, truth)
    return np.asarray(model.decision_function(further) > 0)


def _by_neighbours(rows: Rows, truth: Truth, further: Rows, neighbours: int | None) -> Truth:
    from sklearn.neighbors import KNeighborsClassifier

    # An odd number leaves no ties between sides of one size.
    count = min(math.isqrt(len(rows)) | 1 if neighbours is None else neighbours, len(rows))
    model = KNeighborsClassifier(n_neighbors=count, algorithm="brute").fit(rows, truth)
    # More generated neighbours than their share of all.
    return np.asarray(model.predict_proba(further)[:, 1] > truth.mean())


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, **parameters: Any
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("the classifier two-sample test needs real images", hint="Pass them with --real (real=).")
    return (classifier_two_sample_test(real.pooled, generated.pooled, seed=seed, level=level, **parameters),)


def _fewest(chosen: Mapping[str, Any]) -> int:
    _classifier(chosen["classifier"], chosen["inverse_penalty"], chosen["neighbours"])
    return require_count("folds", chosen["folds"], minimum=2)


def _parse_classifier(text: str) -> str:
    name = text.strip().lower()
    if name not in CLASSIFIERS:
        raise ValueError(f"{name!r} is none of {', '.join(CLASSIFIERS)}")
    return name


METRIC = Metric(
    name="c2st",
    scores=("c2st",),
    title="Classifier two-sample test",
    paper="Lopez-Paz & Oquab 2017, Revisiting Classifier Two-Sample Tests",
    formula="held-out accuracy of a logistic regression between both sides, 5-fold cross-fitted; 1/2 by chance",
    higher_is_better=(False,),
    compute=_compute,
    has_interval=True,
    minimum_for=_fewest,
    parameters=(
        Parameter("classifier", "logistic", _parse_classifier, "logistic or knn"),
        Parameter("folds", DEFAULT_FOLDS, int, "parts into which the images are divided"),
        Parameter("inverse_penalty", 1.0, float, "C of the logistic regression"),
        Parameter("neighbours", None, parse_optional(int), "of knn; none: the square root of the training images"),
    ),
)
