"""The Fréchet distance between Gaussians fitted to real and generated features: FID on Inception features, else FD."""

from __future__ import annotations

import torch

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair, as_vectors, float64_mean, float64_moments
from ganeval.metrics.covariance_factor import factor_of_covariance, factor_of_rows, nuclear_norm_of_product
from ganeval.metrics.registry import Metric
from ganeval.metrics.score import Score


def frechet_distance(real: Array, generated: Array) -> Score:
    """Squared Fréchet distance between Gaussians fitted to the two sides (Heusel et al. 2017, equation 6).

    ‖μr − μg‖² + tr(Σr + Σg − 2 (Σr Σg)^½), with unbiased covariances (ddof=1), all in float64. The trace of the square
    root is the nuclear norm of F·Gᵀ for any factors FᵀF = Σr and GᵀG = Σg: the centred rows themselves where N ≤ D,
    triangular factors elsewhere. That is exact for singular covariances too and needs no matrix square root.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D]; N and M may differ and may be below D (the estimate is then strongly biased upwards).

    Returns
    -------
    Score
        ``"fd"``, lower is better, in squared units of the features. ``details`` has ``mean_term`` and
        ``covariance_term``, which add up to the value. The covariance term can't be negative; where rounding makes it
        so (of the order of 1e-9 of the covariances' traces, on equal sets) it is reported as 0.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If a side has fewer than two images.
    """
    first, second = as_pair(real, generated, minimum_real=2, minimum_generated=2)
    mean_term = float((float64_mean(first) - float64_mean(second)).square().sum())
    sides = [_factor_and_variances(side) for side in (first, second)]
    covariance_term = _covariance_term(*sides[0], *sides[1])
    return _score(mean_term, covariance_term, len(first), len(second))


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
    covariance_term = _covariance_term(
        factor_of_covariance(sigma_1), sigma_1.diagonal(), factor_of_covariance(sigma_2), sigma_2.diagonal()
    )
    return _score(float((mu_1 - mu_2).square().sum()), covariance_term, n_real, n_generated or 0)


def _factor_and_variances(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    count, dimension = rows.shape
    if count - 1 <= dimension:
        factor = factor_of_rows(rows)
        return factor, factor.square().sum(dim=0)
    sigma = float64_moments(rows)[1]
    return factor_of_covariance(sigma), sigma.diagonal()


def _covariance_term(
    factor_1: torch.Tensor, variances_1: torch.Tensor, factor_2: torch.Tensor, variances_2: torch.Tensor
) -> float:
    trace = float(variances_1.sum() + variances_2.sum())
    return max(trace - 2 * nuclear_norm_of_product(factor_1, factor_2), 0.0)


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
    return (frechet_distance(real.pooled, generated.pooled),)


METRIC = Metric(
    name="fd",
    scores=("fd",),
    title="Fréchet distance",
    paper="Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
    formula="‖μr − μg‖² + tr(Σr + Σg − 2 (Σr Σg)^½)",
    higher_is_better=(False,),
    compute=_compute,
    aliases=("fid", "fd"),
    inception_names={"fd": "fid"},
)
