"""FLD: how likely held-out images are under Gaussians around the samples, and whether training images are likelier."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import norm

from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.memorisation.gaussian_mixture import GaussianMixture
from ganeval.diagnosis.memorisation.shares import SINGLE_LEVEL
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.metrics.arrays import as_pair, as_vectors
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Severity
from ganeval.uncertainty.interval import normal_interval

Vectors = npt.NDArray[np.floating[Any]]
Values = npt.NDArray[np.float64]

#: Samples that are centres, and images a role, at most: the paper's number of samples.
MOST = 10_000
_FEWEST = 20
_REARRANGEMENTS = 2499
_BYTES = 64 * 2**20
#: What an image gains, in hundredths of a nat per dimension, if a sample stands on it: d²/2σ² is then 0 and not D/2.
_OF_A_COPY = 50.0
#: Share of the training images on which samples stand, by that measure.
PARTIAL, SEVERE = 0.01, 0.1


class FeatureLikelihood(NamedTuple):
    """Log-likelihoods per dimension, times 100, of single images.

    Parameters
    ----------
    held_out
        Of held-out images under Gaussians around the samples.
    training
        Of training images that played no part in the fit.
    fitted
        Of those to which the variances were fitted.
    baseline
        Of the same held-out images under Gaussians around training images instead.
    """

    held_out: Values
    training: Values
    fitted: Values
    baseline: Values

    @property
    def divergence(self) -> float:
        """FLD: 0 if the samples are worth as much as equally many training images, else above."""
        return float(self.baseline.mean() - self.held_out.mean())

    @property
    def gap(self) -> float:
        """FLD of unseen training images less that of held-out ones: below 0 where samples sit on training images."""
        return float(self.held_out.mean() - self.training.mean())


def feature_likelihood(
    generated: Vectors, training: Vectors, held_out: Vectors, *, most: int = MOST, seed: int = 2020
) -> FeatureLikelihood:
    """Feature likelihood of held-out and training images (Jiralerspong et al. 2023, section 3).

    Gaussians stand on the samples; their variances are fitted to training images, so that one that sits on a training
    image becomes narrow and is of no use to held-out images. The paper's constant is the likelihood that training
    images in the samples' place give. Unlike in the paper, the variances are fitted to one half of the training
    images and the gap is taken from the other: images to which they were fitted would always be likelier. Features are
    standardised by the images of the fit.

    Parameters
    ----------
    generated, training, held_out
        [M, D], [N, D], [H, D].
    most
        Images in each role at most, chosen at random.
    seed
        Of the choice.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the numbers of columns differ, or the training images are all alike.
    NotEnoughImagesError
        If there are fewer than 20 samples or held-out images, or 40 training images.
    """
    most = require_count("most", most)
    first, second = as_pair(training, generated, minimum_real=2 * _FEWEST, minimum_generated=_FEWEST)
    third = as_vectors("held_out", held_out, minimum=_FEWEST)
    if third.shape[1] != first.shape[1]:
        raise MetricError(
            f"held_out must have as many columns as real, not {third.shape[1]} and {first.shape[1]}",
            hint="Take all features from the same extractor.",
        )
    random = np.random.default_rng([seed, 0xF1])
    order = random.permutation(len(first))
    half = min(most, len(first) // 2)
    seen, unseen = (np.sort(order[start : start + half]) for start in (0, half))
    fitted = first[torch.from_numpy(seen)].double()
    mean, scale = fitted.mean(dim=0), fitted.std(dim=0)
    if not bool((scale > 0).any()):
        raise MetricError("all training images have the same features", hint="Give the training set with --real.")
    # What never varies in the training images says nothing of nearness, but is not to be divided by 0.
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))

    def standardised(side: torch.Tensor, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        return ((side[torch.from_numpy(rows)].double() - mean) / scale).float()

    x, others = standardised(first, seen), standardised(first, unseen)
    tested = standardised(third, _some(random, len(third), most))
    samples = GaussianMixture.fit(standardised(second, _some(random, len(second), most)), x)
    baseline = GaussianMixture.fit(others[: len(samples.centres)], x)
    unit = 100 / x.shape[1]
    return FeatureLikelihood(
        held_out=unit * samples.log_likelihoods(tested).numpy(),
        training=unit * samples.log_likelihoods(others).numpy(),
        fitted=unit * samples.log_likelihoods(x).numpy(),
        baseline=unit * baseline.log_likelihoods(tested).numpy(),
    )


def _some(random: np.random.Generator, count: int, most: int) -> npt.NDArray[np.int64]:
    return np.sort(random.permutation(count)[:most])


def _p_value(higher: Values, lower: Values, seed: int) -> float:
    """That exchangeable values give a difference of means so large (permutation test, one-sided)."""
    random = np.random.default_rng([seed, 0xF2])
    values = np.concatenate([higher, lower])
    values = values - values.mean()
    observed = float(values[: len(higher)].sum())
    few = min(len(higher), len(lower))
    step = max(1, _BYTES // (8 * len(values)))
    reached = 0
    for start in range(0, _REARRANGEMENTS, step):
        count = min(step, _REARRANGEMENTS - start)
        drawn = random.permuted(np.broadcast_to(values, (count, len(values))), axis=1)[:, :few].sum(axis=1)
        # All values sum to 0, so that one part's sum is the other's with its sign turned.
        sums = drawn if few == len(higher) else -drawn
        reached += int((sums >= observed - 1e-9 * (1 + abs(observed))).sum())
    return (1 + reached) / (1 + _REARRANGEMENTS)


def _examine(subject: Subject, *, most: int) -> Examined:
    if subject.held_out is None:
        raise MetricError(
            "it needs real images that the generator wasn't trained on", hint="Pass them with --held-out."
        )
    found = feature_likelihood(
        subject.generated.pooled, subject.real.pooled, subject.held_out.pooled, most=most, seed=subject.seed
    )
    n, m = len(found.training), len(found.held_out)
    if min(n, m) < _FEWEST:
        raise NotEnoughImagesError(f"it takes {_FEWEST} held-out images", hint="Add images.")
    error = math.sqrt(found.training.var(ddof=1) / n + found.held_out.var(ddof=1) / m)
    effect = max(-found.gap, 0.0) / _OF_A_COPY
    severity: Severity = "severe" if effect >= SEVERE else "partial" if effect >= PARTIAL else "none"
    reach = float(norm.isf(SINGLE_LEVEL) + norm.isf(0.2))
    likelier = "likelier" if found.gap < 0 else "less likely"
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        f"seen from the samples, training images are {abs(found.gap):.3g} hundredths of a nat per dimension {likelier} "
        f"than held-out ones, where a copy of each would make {_OF_A_COPY:.0f}",
        p_value=_p_value(found.training, found.held_out, subject.seed),
        effect=effect,
        effect_of="share of the training images on which samples sit, by how much likelier they are than held-out ones",
        smallest_effect=min(1.0, reach * error / _OF_A_COPY),
        details={
            "fld": found.divergence,
            "gap": found.gap,
            "fld_of_fitted": float(found.baseline.mean() - found.fitted.mean()),
            "paper_gap": float(found.held_out.mean() - found.fitted.mean()),
        },
    )
    return Examined(evidence, _scores(subject, found, error))


def _scores(subject: Subject, found: FeatureLikelihood, error: float) -> dict[str, Score]:
    n, m = len(subject.real), len(subject.generated)
    difference = found.baseline - found.held_out
    held = "normal, over the held-out images; for these samples and training images"
    both = "normal, over training and held-out images; for these samples"
    spread = float(difference.std(ddof=1)) / math.sqrt(len(difference))
    extractor = subject.generated.extractor
    ending = "" if extractor is None else f"_{extractor.name}"
    made = {
        "fld": (found.divergence, False, normal_interval(found.divergence, spread, level=subject.level, method=held)),
        "fld_gap": (found.gap, True, normal_interval(found.gap, error, level=subject.level, method=both)),
    }
    return {
        name + ending: Score(name + ending, value, n, m, up, interval) for name, (value, up, interval) in made.items()
    }


DIAGNOSTIC = Diagnostic(
    name="feature-likelihood",
    title="Feature likelihood divergence",
    paper="Jiralerspong et al. 2023, Feature Likelihood Divergence: Evaluating the Generalization of Generative Models "
    "Using Samples",
    failure="memorisation",
    examine=_examine,
    needs=("held-out",),
    minimum=2 * _FEWEST,
    parameters=(Parameter("most", MOST, int, "samples, and images in each other role, at most"),),
)
