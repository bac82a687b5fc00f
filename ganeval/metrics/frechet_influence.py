"""How much each image moves the Fréchet distance: which images drive it, and its standard error."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from ganeval.metrics.arrays import Array, as_pair, float64_mean
from ganeval.metrics.covariance_factor import factor_of_sample, singular_system
from ganeval.metrics.frechet_correction import Overlap
from ganeval.metrics.moments import Moments
from ganeval.uncertainty.influence import Influence

Values = npt.NDArray[np.float64]

_ROWS = 4096


def frechet_influence(real: Array, generated: Array) -> Influence:
    """Exact influence function of the plug-in Fréchet distance at the two samples.

    With T the optimal linear map from the generated to the real Gaussian, T = Σg^(−½)(Σg^½ Σr Σg^½)^½ Σg^(−½), a
    generated image x has 2(μg − μr)·(x − μg) + (x − μg)ᵀ(I − T)(x − μg) less its mean, a real one the mirror image with
    T⁻¹: the derivative of the distance with respect to the image's weight, at covariances with 1/N. Singular
    covariances take the map between their supports.

    For intervals this overstates the variance until N is many times D, since each image helps to make T;
    `ganeval.metrics.frechet_distance` uses the leave-one-out form in its score's `influence`.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].

    Returns
    -------
    Influence
        ``real`` [N] and ``generated`` [M], in squared units of the features, each of mean zero.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If a side has fewer than two images.
    """
    first, second = as_pair(real, generated, minimum_real=2, minimum_generated=2)
    # Factors with 1/N instead of 1/(N−1): of the empirical distribution itself, whose weights are varied.
    factors = [factor_of_sample(side) * ((len(side) - 1) / len(side)) ** 0.5 for side in (first, second)]
    system = singular_system(*factors)
    maps = (system.first, system.second)
    quadratic = [_quadratic(side, map_, system.values) for side, map_ in zip((first, second), maps, strict=True)]
    return influence_of(first, second, Overlap(system.nuclear_norm, quadratic[0], quadratic[1], 0.0), 0.0)


def influence_of(
    real: torch.Tensor | Moments, generated: torch.Tensor, overlap: Overlap, other_variance: float = 0.0
) -> Influence:
    """Influence of each image given what it contributes to the overlap, see `frechet_influence` for the form.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D]; moments of the real side stand for one that doesn't vary, without influence.
    overlap
        With xᵀTx of each centred image.
    other_variance
        Of the estimate, beyond the first order.
    """
    shift = (real.mean if isinstance(real, Moments) else float64_mean(real)) - float64_mean(generated)
    of_real = None
    if not isinstance(real, Moments):
        assert overlap.real is not None
        of_real = _without_mean(_transport(real, shift) - overlap.real)
    return Influence(of_real, _without_mean(_transport(generated, -shift) - overlap.generated), other_variance)


def _transport(rows: torch.Tensor, shift: torch.Tensor) -> Values:
    """2·shift·(x − μ) + ‖x − μ‖² of each row [N]."""
    mean = float64_mean(rows)
    parts = []
    for centred in _centred(rows, mean):
        parts.append(2 * (centred @ shift) + centred.square().sum(dim=1))
    values: Values = torch.cat(parts).cpu().numpy()
    return values


def _quadratic(rows: torch.Tensor, directions: torch.Tensor, values: torch.Tensor) -> Values:
    """(x − μ)ᵀ T (x − μ) of each row [N], with T = Σ σ_j d_j d_jᵀ."""
    mean = float64_mean(rows)
    parts = [(centred @ directions).square() @ values for centred in _centred(rows, mean)]
    result: Values = torch.cat(parts).cpu().numpy()
    return result


def _centred(rows: torch.Tensor, mean: torch.Tensor) -> Iterator[torch.Tensor]:
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS].double() - mean


def variance_of_few(influence: Values) -> float:
    """What the variance of a mean lacks because it was itself taken from few or heavy-tailed values [N].

    A sample's variance has about 2N/(κ − 1) degrees of freedom, κ the kurtosis, and Student's t with f of them a
    variance of f/(f − 2); at most the variance once more.
    """
    count = len(influence)
    squares = (influence - influence.mean()) ** 2
    variance = float(squares.mean())
    if count < 2 or variance <= 0:
        return 0.0
    kurtosis = float((squares**2).mean()) / variance**2
    freedom = 2 * count / max(kurtosis - 1, 2.0)
    lacking = 2 / (freedom - 2) if math.isfinite(freedom) and freedom > 4 else 1.0
    return variance / count * lacking


def _without_mean(values: Values) -> Values:
    centred: Values = values - values.mean()
    return centred
