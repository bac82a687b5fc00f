"""The Fréchet distance between Gaussians fitted to real and generated features: FID on Inception features, else FD."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair, as_vectors, float64_mean
from ganeval.metrics.covariance_factor import (
    SingularSystem,
    factor_of_covariance,
    factor_of_sample,
    nuclear_norm_of_product,
    singular_system,
)
from ganeval.metrics.frechet_correction import population_overlap
from ganeval.metrics.frechet_influence import influence_of, variance_of_few
from ganeval.metrics.moments import Moments
from ganeval.metrics.registry import Metric
from ganeval.metrics.score import Score
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

#: Fewest images a side with which the distance is corrected.
FEWEST_FOR_INTERVAL = 50
#: Largest part of the correction that may rest on the spectrum's continuation, and how much of that is doubtful.
_MOST_EXTRAPOLATED = 0.5
_DOUBT = 0.4
#: Standard error of the correction itself, relative to it, with as many dimensions as images; it falls with the square
#: of their ratio. In simulations heavy tails, mixtures and real features were over- or under-corrected by so much.
_CORRECTION_ERROR = 0.08
_METHOD = "leave-one-out influence of each image, around the distance that infinitely many images would have"
_METHOD_FIXED = (
    "leave-one-out influence of each generated image, around the distance that infinitely many of them would have from "
    "these very moments of the real side"
)


def frechet_distance(real: Array | Moments, generated: Array, *, level: float | None = DEFAULT_LEVEL) -> Score:
    """Squared Fréchet distance between Gaussians fitted to the two sides (Heusel et al. 2017, equation 6).

    ‖μr − μg‖² + tr(Σr + Σg − 2 (Σr Σg)^½), with unbiased covariances (ddof=1), all in float64. The trace of the square
    root is the nuclear norm of F·Gᵀ for any factors FᵀF = Σr and GᵀG = Σg: the centred rows themselves where N ≤ D,
    triangular factors elsewhere. That is exact for singular covariances too and needs no matrix square root.

    That value, which papers report, lies above the populations' distance by an amount that falls with N. `corrected`
    takes it out: the mean term's share, tr(Σr)/N + tr(Σg)/M, exactly, the covariance term's by
    `ganeval.metrics.frechet_correction`. The interval is the normal one from the leave-one-out influence of each image
    (`ganeval.metrics.frechet_influence`), to which the variance is added that the first order misses.

    Rule, from simulation (Gaussians, mixtures, heavy tails, rectified features; near-identical to far apart; N and M
    alike and five to eight times apart): with min(N, M) > D nothing is assumed of the spectrum. Below, the spectrum is
    carried on beyond what the images resolve, and 0.4 of what that adds counts as a standard error (with smooth images'
    pixels, whose spectrum ends early, it adds 40 to 60 % too much). So does a part of the correction itself: 8 % with
    N ≤ D, less by (D/N)² above. Where the continuation adds more than half of what the correction takes away, or with
    fewer than 50 images a side, `corrected` and the interval are left out, with the reason. Near a distance of 0
    intervals are wider than they need be. ``docs/coverage.md`` has the figures.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D]; N and M may differ and may be below D. `real` may be the moments of a set instead: then the
        distance is to these moments as they are. The value is the same; correction and interval are those of the
        generated side alone, for the population of generated images against this very real set.
    level
        Of the interval; None computes neither `corrected` nor an interval.

    Returns
    -------
    Score
        ``"fd"``, lower is better, in squared units of the features. ``details`` has ``mean_term`` and
        ``covariance_term``, which add up to the value. The covariance term can't be negative; where rounding makes it
        so (of the order of 1e-9 of the covariances' traces, on equal sets) it is reported as 0. `corrected`, being
        unbiased, falls a little below 0 about half the time where the populations are equal. ``extrapolated`` in
        ``details`` is the part of the correction that rests on the spectrum's continuation.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If a side has fewer than two images.
    OptionError
        If `level` doesn't lie between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> score = frechet_distance(random.normal(size=(300, 64)), random.normal(size=(300, 64)))
    >>> round(score.value, 1), abs(score.corrected) < 1
    (7.1, True)
    """
    require_level(level)
    first, second = checked_sides(real, generated)
    mean = first.mean if isinstance(first, Moments) else float64_mean(first)
    mean_term = float((mean - float64_mean(second)).square().sum())
    factors = [first.factor() if isinstance(first, Moments) else factor_of_sample(first), factor_of_sample(second)]
    n_real = first.count if isinstance(first, Moments) else len(first)
    traces = [float(factor.square().sum()) for factor in factors]
    if level is None:
        overlap = nuclear_norm_of_product(*factors)
        return _score(mean_term, _covariance_term(traces, overlap), n_real, len(second))
    system = singular_system(*factors)
    score = _score(mean_term, _covariance_term(traces, system.nuclear_norm), n_real, len(second))
    squared = [_squared_norm(factor) for factor in factors]
    return _with_correction(score, first, second, system, traces, squared, level=level)


def checked_sides(
    real: Array | Moments, generated: Array, *, minimum_generated: int = 2
) -> tuple[torch.Tensor | Moments, torch.Tensor]:
    """Both sides on one device, the real one as rows [N, D] or moments; raises as `frechet_distance` does."""
    if not isinstance(real, Moments):
        return as_pair(real, generated, minimum_real=2, minimum_generated=minimum_generated)
    rows = as_vectors("generated", generated, minimum=minimum_generated)
    if rows.shape[1] != real.dimension:
        raise MetricError(
            f"real and generated must have the same number of columns, not {real.dimension} and {rows.shape[1]}",
            hint="Take both sides' features from the same extractor.",
        )
    return real.to(rows.device), rows


def _with_correction(
    score: Score,
    real: torch.Tensor | Moments,
    generated: torch.Tensor,
    system: SingularSystem,
    traces: Sequence[float],
    squared_norms: Sequence[float],
    *,
    level: float,
) -> Score:
    """`score` with the populations' distance and its interval, or the reason why there is none."""
    rows = None if isinstance(real, Moments) else real
    # A real side that is what it is counts as infinitely many images.
    n, m = math.inf if rows is None else len(rows), len(generated)
    fewest = m if rows is None else min(len(rows), m)
    if fewest < FEWEST_FOR_INTERVAL:
        return score.without_interval(
            f"{fewest} images on a side are too few to correct the distance; it takes {FEWEST_FOR_INTERVAL}"
        )
    overlap = population_overlap(rows, generated, system)
    of_mean = traces[0] / n + traces[1] / m
    corrected = score.details["mean_term"] - of_mean + sum(traces) - 2 * overlap.value
    extrapolated = 2 * overlap.extrapolated
    score = replace(score, details={**score.details, "extrapolated": extrapolated})
    taken = abs(score.value - corrected)
    if extrapolated > _MOST_EXTRAPOLATED * taken:
        return score.without_interval(
            f"{fewest} images on a side don't resolve enough of the {generated.shape[1]} dimensions' spectrum to "
            "correct the distance"
        )
    # Variance of the squared distance between two means of equal populations, which no first order has.
    second_order = 2 * (squared_norms[0] / n**2 + squared_norms[1] / m**2)
    second_order += 4 * float(system.values.square().sum()) / (n * m)
    unresolved = min(1.0, (len(system.values) + 1) / fewest)
    doubt = (_DOUBT * extrapolated) ** 2 + (_CORRECTION_ERROR * unresolved**2 * taken) ** 2
    influence = influence_of(real, generated, overlap, second_order + doubt)
    few = sum(variance_of_few(side) for side in (influence.real, influence.generated) if side is not None)
    influence = replace(influence, other_variance=influence.other_variance + few)
    method = _METHOD if rows is not None else _METHOD_FIXED
    return replace(score, corrected=corrected).with_influence(influence, level=level, method=method, lowest=0.0)


def _squared_norm(factor: torch.Tensor) -> float:
    """tr(Σ²) from F with FᵀF = Σ, to float32's rounding: it goes into a variance."""
    narrow = factor.float()
    return float((narrow @ narrow.T).square().sum(dtype=torch.float64))


def frechet_distance_from_moments(
    mu_real: Array,
    sigma_real: Array,
    mu_generated: Array,
    sigma_generated: Array,
    *,
    n_real: int | None = None,
    n_generated: int | None = None,
) -> Score:
    """Squared Fréchet distance between two Gaussians given by their moments.

    Parameters
    ----------
    mu_real, mu_generated
        Means [D].
    sigma_real, sigma_generated
        Covariances [D, D], symmetric and positive semi-definite up to rounding.
    n_real, n_generated
        From how many images the moments were computed, if known: kept in the score (0 stands for unknown on the
        generated side), not used.

    Returns
    -------
    Score
        As `frechet_distance` gives it.

    Raises
    ------
    MetricError
        If shapes don't fit together, values aren't finite, or a covariance isn't one.
    """
    mu_1, sigma_1 = _checked_moments("real", mu_real, sigma_real)
    mu_2, sigma_2 = _checked_moments("generated", mu_generated, sigma_generated)
    if len(mu_1) != len(mu_2):
        raise MetricError(f"mu_real and mu_generated must be of the same length, not {len(mu_1)} and {len(mu_2)}")
    mu_2, sigma_2 = mu_2.to(mu_1.device), sigma_2.to(mu_1.device)
    overlap = nuclear_norm_of_product(factor_of_covariance(sigma_1), factor_of_covariance(sigma_2))
    covariance_term = _covariance_term([float(sigma.trace()) for sigma in (sigma_1, sigma_2)], overlap)
    return _score(float((mu_1 - mu_2).square().sum()), covariance_term, n_real, n_generated or 0)


def _covariance_term(traces: Sequence[float], overlap: float) -> float:
    return max(sum(traces) - 2 * overlap, 0.0)


def _score(mean_term: float, covariance_term: float, n_real: int | None, n_generated: int) -> Score:
    value = mean_term + covariance_term
    if value != value or value == float("inf"):
        raise MetricError(
            "the features are so large that the Fréchet distance overflows", hint="Scale both sides down alike."
        )
    return Score(
        name="fd",
        value=value,
        n_real=n_real,
        n_generated=n_generated,
        higher_is_better=False,
        details={"mean_term": mean_term, "covariance_term": covariance_term},
    )


def _checked_moments(side: str, mu: Array, sigma: Array) -> tuple[torch.Tensor, torch.Tensor]:
    matrix = as_vectors(f"sigma_{side}", sigma).double()
    if matrix.shape[0] != matrix.shape[1]:
        raise MetricError(f"sigma_{side} must be square, but has the shape {tuple(matrix.shape)}")
    vector = as_vectors(f"mu_{side}", mu[None] if mu.ndim == 1 else mu).double().to(matrix.device)
    if vector.shape != (1, len(matrix)):
        raise MetricError(f"mu_{side} must be of the length {len(matrix)} of sigma_{side}, not {tuple(mu.shape)}")
    asymmetry = float((matrix - matrix.T).abs().max())
    if asymmetry > 1e-5 * float(matrix.abs().max()):
        raise MetricError(f"sigma_{side} must be symmetric, but entries across the diagonal differ by {asymmetry:.3g}")
    return vector[0], (matrix + matrix.T) / 2


def _compute(real: Features | None, generated: Features, *, seed: int, level: float | None) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("the Fréchet distance needs real images", hint="Pass them with --real (real=).")
    if real.moments is not None:
        # Its own count may stand in for one that nobody knows.
        return (replace(frechet_distance(real.moments, generated.pooled, level=level), n_real=real.moments_count),)
    return (frechet_distance(real.pooled, generated.pooled, level=level),)


def _from_moments(real: Moments, generated: Moments) -> tuple[Score, ...]:
    score = frechet_distance_from_moments(
        real.mean,
        real.covariance(),
        generated.mean,
        generated.covariance(),
        n_real=real.count,
        n_generated=generated.count,
    )
    return (score.without_interval("it takes the features of single images, and only their moments were kept"),)


METRIC = Metric(
    name="fd",
    scores=("fd",),
    covariances="sides",
    title="Fréchet distance",
    paper="Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
    formula="‖μr − μg‖² + tr(Σr + Σg − 2 (Σr Σg)^½)",
    higher_is_better=(False,),
    compute=_compute,
    from_moments=_from_moments,
    real_by_moments=True,
    has_interval=True,
    leading=1,
    curve=("fd",),
    aliases=("fid", "fd"),
    inception_names={"fd": "fid"},
)
