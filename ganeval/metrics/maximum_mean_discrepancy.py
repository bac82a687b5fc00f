"""Squared maximum mean discrepancy of all images with an RBF kernel (CMMD on CLIP features) or a polynomial one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.kernel_means import squared_mmd, with_mmd_interval
from ganeval.metrics.kernels import Kernel, RbfKernel, median_distance, polynomial_kernel
from ganeval.metrics.options import parse_boolean, parse_optional, require_number
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

#: The conventions of CMMD.
DEFAULT_SIGMA = 10.0
DEFAULT_SCALE = 1000.0
MEDIAN = "median"


def mmd_rbf(
    real: Array,
    generated: Array,
    *,
    sigma: float | str = DEFAULT_SIGMA,
    scale: float = DEFAULT_SCALE,
    normalise: bool = True,
    biased: bool = True,
    seed: int = 2020,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Squared MMD with k(x, y) = exp(−‖x − y‖²/2σ²) (Gretton et al. 2012, equations 3 and 5), in float64.

    The defaults are those of CMMD (Jayasumana et al. 2024, sections 4 and 5): features scaled to length 1, σ = 10, the
    biased estimate, times 1000. On features of a CLIP model it is CMMD. The biased estimate counts each image's
    likeness to itself, which adds about (1/N + 1/M) · (1 − mean of k).

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    sigma
        Of the kernel, in units of the (normalised) features; ``"median"`` takes the median distance between the images
        of both sides together, which suits features that aren't normalised.
    scale
        Factor of the result.
    normalise
        Whether each image's features are divided by their Euclidean length first.
    biased
        Whether `value` is the V-statistic (never negative) or the unbiased U-statistic.
    seed
        Of the choice of images for the median.
    level
        Of the interval; None computes none. It is for the two distributions' own squared MMD (with the bandwidth as
        given) and lies around the U-statistic, `corrected`, see `ganeval.metrics.kernel_means`.

    Returns
    -------
    Score
        ``"mmd_rbf"``, lower is better. ``parameters`` has the `sigma` used, ``details["unbiased"]`` the U-statistic.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the two have different numbers of columns, features that are all 0 are to
        be normalised, or the median distance is 0.
    NotEnoughImagesError
        If a side has fewer than two images.
    OptionError
        If a parameter can't be used.
    """
    _require_sigma(sigma)
    scale = require_number("scale", scale, positive=True)
    first, second = as_pair(real, generated, minimum_real=2, minimum_generated=2)
    if normalise:
        first, second = _of_length_1("real", first), _of_length_1("generated", second)
    used = _bandwidth(sigma, first, second, seed)
    parameters = {"sigma": used, "scale": scale, "normalise": bool(normalise), "biased": bool(biased)}
    if sigma == MEDIAN:
        parameters["seed"] = seed
    return _score("mmd_rbf", first, second, RbfKernel(used), parameters, level=level)


def mmd_poly(
    real: Array,
    generated: Array,
    *,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
    scale: float = 1.0,
    biased: bool = False,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Squared MMD with k(x, y) = (γ·x·y + c)^degree from all pairs of images, in float64.

    What the kernel distance estimates from subsets (Bińkowski et al. 2018, section 4), without their noise, and for
    sides of different sizes (Gretton et al. 2012, equations 3 and 5).

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    degree, gamma, coef0
        Of the kernel; a `gamma` of None is 1/D.
    scale
        Factor of the result.
    biased
        Whether `value` is the V-statistic (never negative) instead of the unbiased U-statistic.
    level
        Of the interval for the two distributions' own squared MMD, around the U-statistic; None computes none.

    Returns
    -------
    Score
        ``"mmd_poly"``, lower is better. ``details["unbiased"]`` is the U-statistic.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the two have different numbers of columns, or the kernel overflows.
    NotEnoughImagesError
        If a side has fewer than two images.
    OptionError
        If a parameter can't be used.
    """
    scale = require_number("scale", scale, positive=True)
    first, second = as_pair(real, generated, minimum_real=2, minimum_generated=2)
    kernel = polynomial_kernel(first.shape[1], degree, gamma, coef0)
    parameters = {
        "degree": kernel.degree,
        "gamma": kernel.gamma,
        "coef0": kernel.coef0,
        "scale": scale,
        "biased": bool(biased),
    }
    return _score("mmd_poly", first, second, kernel, parameters, level=level)


def _score(
    name: str,
    real: torch.Tensor,
    generated: torch.Tensor,
    kernel: Kernel,
    parameters: Mapping[str, Any],
    *,
    level: float | None,
) -> Score:
    level = require_level(level)
    mmd = squared_mmd(real, generated, kernel)
    if not (math.isfinite(mmd.unbiased) and math.isfinite(mmd.biased)):
        raise MetricError(
            "the squared MMD overflows: the features are too large for this kernel",
            hint="Scale both sides down alike, or choose another kernel.",
        )
    scale = parameters["scale"]
    score = Score(
        name=name,
        value=scale * (mmd.biased if parameters["biased"] else mmd.unbiased),
        n_real=len(real),
        n_generated=len(generated),
        higher_is_better=False,
        parameters=dict(parameters),
        details={"unbiased": scale * mmd.unbiased},
        corrected=scale * mmd.unbiased if parameters["biased"] else None,
    )
    return score if level is None else with_mmd_interval(score, mmd, level=level, scale=scale)


def _of_length_1(side: str, rows: torch.Tensor) -> torch.Tensor:
    largest = rows.abs().amax(dim=1, keepdim=True).double()
    if not bool((largest > 0).all()):
        raise MetricError(
            f"{side} row {int(torch.nonzero(largest[:, 0] == 0)[0, 0])} is all 0 and has no direction",
            hint="Leave them as they are with normalise=false.",
        )
    # The length of row / largest can't overflow.
    scaled = rows.double() / largest
    return scaled / scaled.square().sum(dim=1, keepdim=True).sqrt()


def _require_sigma(sigma: float | str) -> None:
    if isinstance(sigma, str):
        if sigma != MEDIAN:
            raise OptionError(f"sigma must be a number above 0 or {MEDIAN!r}, not {sigma!r}")
    else:
        require_number("sigma", sigma, positive=True)


def _bandwidth(sigma: float | str, real: torch.Tensor, generated: torch.Tensor, seed: int) -> float:
    if not isinstance(sigma, str):
        return float(sigma)
    median = median_distance(real, generated, seed=seed)
    if not 0 < median < math.inf:
        raise MetricError(
            f"the median distance between the images' features is {median}, which can't be a bandwidth",
            hint="Give sigma as a number.",
        )
    return median


def _needing_real(real: Features | None) -> Features:
    if real is None:
        raise MetricError("the maximum mean discrepancy needs real images", hint="Pass them with --real (real=).")
    return real


def _compute_rbf(
    real: Features | None, generated: Features, *, seed: int, level: float | None, **parameters: Any
) -> tuple[Score, ...]:
    return (mmd_rbf(_needing_real(real).pooled, generated.pooled, seed=seed, level=level, **parameters),)


def _compute_poly(
    real: Features | None, generated: Features, *, seed: int, level: float | None, **parameters: Any
) -> tuple[Score, ...]:
    return (mmd_poly(_needing_real(real).pooled, generated.pooled, level=level, **parameters),)


def _fewest_rbf(chosen: Mapping[str, Any]) -> int:
    _require_sigma(chosen["sigma"])
    require_number("scale", chosen["scale"], positive=True)
    return 2


def _fewest_poly(chosen: Mapping[str, Any]) -> int:
    polynomial_kernel(1, chosen["degree"], chosen["gamma"], chosen["coef0"])
    require_number("scale", chosen["scale"], positive=True)
    return 2


def _parse_sigma(text: str) -> float | str:
    return MEDIAN if text.strip().lower() == MEDIAN else float(text)


METRIC_RBF = Metric(
    name="mmd_rbf",
    scores=("mmd_rbf",),
    title="Squared MMD, RBF kernel",
    paper="Jayasumana et al. 2024, Rethinking FID: Towards a Better Evaluation Metric for Image Generation",
    formula="1000 · MMD² with k(x, y) = exp(−‖x − y‖²/2σ²), σ = 10, features of length 1, all pairs, biased",
    higher_is_better=(False,),
    compute=_compute_rbf,
    has_interval=True,
    leading=3,
    aliases=("cmmd",),
    field_names={"clip-": {"mmd_rbf": "cmmd"}},
    minimum_for=_fewest_rbf,
    parameters=(
        Parameter("sigma", DEFAULT_SIGMA, _parse_sigma, "bandwidth of the kernel; median: from the images"),
        Parameter("scale", DEFAULT_SCALE, float, "factor of the result"),
        Parameter("normalise", True, parse_boolean, "whether features are scaled to length 1 first"),
        Parameter("biased", True, parse_boolean, "whether the value is the V-statistic or the unbiased U-statistic"),
    ),
)

METRIC_POLY = Metric(
    name="mmd_poly",
    scores=("mmd_poly",),
    title="Squared MMD, polynomial kernel",
    paper="Gretton et al. 2012, A Kernel Two-Sample Test",
    formula="unbiased MMD² with k(x, y) = (x·y/D + 1)³, all pairs",
    higher_is_better=(False,),
    compute=_compute_poly,
    has_interval=True,
    leading=4,
    minimum_for=_fewest_poly,
    parameters=(
        Parameter("degree", 3, int, "degree of the polynomial kernel"),
        Parameter("gamma", None, parse_optional(float), "scale of the kernel; none: 1/D"),
        Parameter("coef0", 1.0, float, "constant of the kernel"),
        Parameter("scale", 1.0, float, "factor of the result"),
        Parameter("biased", False, parse_boolean, "whether the value is the V-statistic"),
    ),
)
