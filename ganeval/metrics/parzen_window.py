"""Parzen-window log-likelihood of held-out real images: kept for comparison with old papers, with its warning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair, float64_mean
from ganeval.metrics.options import parse_optional, require_count, require_number
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level
from ganeval.wording import counted

WARNING = (
    "Parzen-window estimates rank models wrongly: in many dimensions they are far from the true log-likelihood however "
    "many samples there are, and k-means centres of the training images score higher than the data (Theis, van den "
    "Oord & Bethge 2016, A note on the evaluation of generative models). Don't choose a model by this number."
)
DEFAULT_VALIDATION = 1000
#: Fewest held-out real and fewest generated images for which the interval is offered.
FEWEST_FOR_INTERVAL = 30
#: The grids of bandwidths: the ratio of one to the next in the coarse one, and the steps of the fine one within that.
_COARSE_RATIO = 1.6
_FINE_STEPS = 9
_BLOCK_BYTES = 64 * 2**20
_CENTRES = 4096

Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def parzen_window(
    real: Array,
    generated: Array,
    *,
    sigma: float | None = None,
    validation: int | None = None,
    seed: int = 2020,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Mean log-likelihood of held-out real images under Gaussian windows around the generated ones.

    log p(x) = log mean over generated y of N(x; y, σ²I), in nats, averaged over the real images that didn't choose σ
    (Breuleux, Bengio & Vincent 2011; Goodfellow et al. 2014, section 5). It is a density: it changes with the unit of
    the features, and values of different extractors have nothing in common. It is also misleading, see
    ``details["warning"]``.

    The interval is for the mean over repetitions with as many generated images (more of them raise it) and with the σ
    used. A generated image's influence is its share in the windows around the held-out images.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    sigma
        Bandwidth, in units of the features; None takes the one that is best for the validation images.
    validation
        How many random real images choose σ and aren't used further; None takes 1000, or half where there are fewer
        than 2000. None at all with a given `sigma`.
    seed
        Of the choice of validation images.
    level
        Of the interval; None computes none.

    Returns
    -------
    Score
        ``"parzen"``, higher is better. ``parameters`` has the `sigma` used, ``details`` the ``warning`` and
        ``held_out``, the number of images that it is the mean of.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the two have different numbers of columns, or the validation images are
        copies of generated ones, so that no σ is best.
    NotEnoughImagesError
        If there are fewer than two real images.
    OptionError
        If a parameter can't be used.
    """
    level = require_level(level)
    first, second = as_pair(real, generated, minimum_real=2, minimum_generated=1)
    order = np.random.RandomState(seed).permutation(len(first))
    if sigma is None:
        wanted = DEFAULT_VALIDATION if validation is None else require_count("validation", validation)
        if validation is not None and wanted >= len(first):
            raise _too_few(wanted, len(first))
        held_in = min(wanted, len(first) // 2) if validation is None else wanted
        used = _best_sigma(_rows(first, order[:held_in]), second)
    else:
        used, held_in = require_number("sigma", sigma, positive=True), 0
    held_out = np.sort(order[held_in:])
    log_likelihoods, shares = _log_likelihoods(_rows(first, held_out), second, used)
    value = float(log_likelihoods.mean())
    if not math.isfinite(value):
        raise MetricError("the features are so large that distances overflow", hint="Scale both sides down alike.")
    score = Score(
        name="parzen",
        value=value,
        n_real=len(first),
        n_generated=len(second),
        higher_is_better=True,
        parameters={"sigma": used, "validation": held_in, "seed": seed},
        details={"warning": WARNING, "held_out": len(held_out)},
    )
    if level is None:
        return score
    if min(len(held_out), len(second)) < FEWEST_FOR_INTERVAL:
        return score.without_interval(f"there are fewer than {FEWEST_FOR_INTERVAL} held-out real or generated images")
    of_real = np.zeros(len(first))
    of_real[held_out] = (log_likelihoods - value) * (len(first) / len(held_out))
    return score.with_influence(
        Influence(of_real, shares * len(second) - 1),
        level=level,
        method=(
            "influence of held-out real images and of generated images; for the mean over repetitions with as many "
            "images and this bandwidth"
        ),
    )


def _best_sigma(validation: torch.Tensor, generated: torch.Tensor) -> float:
    """The bandwidth of the largest mean log-likelihood of the validation images: a coarse grid, then a fine one."""
    nearest = _nearest_squared(validation, generated)
    if not math.isfinite(float(nearest.max())):
        raise MetricError("the features are so large that distances overflow", hint="Scale both sides down alike.")
    copies = int((nearest == 0).sum())
    # A copy's window makes the density at it unbounded as σ → 0.
    if copies:
        raise MetricError(
            f"no bandwidth is best: {copies} of {len(validation)} validation images are equal to a generated one",
            hint="Look for training images among the generated ones, or give sigma.",
        )
    # Per dimension: well below the way to the nearest window, up to the spread of everything.
    dimension = validation.shape[1]
    lowest = math.sqrt(float(nearest.median()) / dimension) / 16
    highest = 2 * math.sqrt(float(nearest.max() + generated.double().var(dim=0, correction=0).sum()) / dimension)
    steps = math.ceil(math.log(highest / lowest, _COARSE_RATIO))
    coarse = np.asarray(lowest * _COARSE_RATIO ** np.arange(steps + 1), dtype=np.float64)
    best = coarse[int(np.argmax(_mean_log_likelihoods(validation, generated, coarse)))]
    fine = np.asarray(best * _COARSE_RATIO ** np.linspace(-1, 1, _FINE_STEPS), dtype=np.float64)
    return float(fine[int(np.argmax(_mean_log_likelihoods(validation, generated, fine)))])


def _mean_log_likelihoods(rows: torch.Tensor, centres: torch.Tensor, sigmas: Values) -> Values:
    """Of each of several bandwidths."""
    totals = np.zeros(len(sigmas))
    for _, squared in _squared_distances(rows, centres):
        for i, sigma in enumerate(sigmas):
            totals[i] += float(torch.logsumexp(squared * (-0.5 / sigma**2), dim=1).sum())
    return totals / len(rows) - _log_normaliser(centres, sigmas)


def _log_likelihoods(rows: torch.Tensor, centres: torch.Tensor, sigma: float) -> tuple[Values, Values]:
    """Log-likelihood [n] of each row, and each centre's mean share [M] of the density at the rows."""
    values, shares = np.empty(len(rows)), torch.zeros(len(centres), dtype=torch.float64, device=rows.device)
    for block, squared in _squared_distances(rows, centres):
        exponents = squared.mul_(-0.5 / sigma**2)
        sums = torch.logsumexp(exponents, dim=1, keepdim=True)
        shares += exponents.sub_(sums).exp_().sum(dim=0)
        values[block] = sums[:, 0].cpu().numpy()
    return values - _log_normaliser(centres, np.asarray(sigma)), (shares / len(rows)).cpu().numpy()


def _log_normaliser(centres: torch.Tensor, sigma: Values) -> Values:
    count, dimension = centres.shape
    return np.asarray(math.log(count) + dimension * (np.log(sigma) + 0.5 * math.log(2 * math.pi)))


def _nearest_squared(rows: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Squared distance [n] to the nearest centre, 0 only for one that is equal."""
    nearest = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    for block, squared in _squared_distances(rows, centres):
        closest = centres[squared.argmin(dim=1)].double()
        # Distances from a matrix product have rounding errors; differences of equal rows have none.
        nearest[block] = (rows[block].double() - closest).square().sum(dim=1)
    return nearest


def _squared_distances(rows: torch.Tensor, centres: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Blocks of rows with their squared distances float64 [block, M] to all centres."""
    origin = float64_mean(centres)
    parts = [slice(first, min(first + _CENTRES, len(centres))) for first in range(0, len(centres), _CENTRES)]
    norms = torch.cat([(centres[columns].double() - origin).square().sum(dim=1) for columns in parts])
    step = max(1, _BLOCK_BYTES // (8 * len(centres)))
    for start in range(0, len(rows), step):
        block = slice(start, min(start + step, len(rows)))
        x = rows[block].double() - origin
        squared = x.square().sum(dim=1, keepdim=True) + norms
        for columns in parts:
            squared[:, columns] -= 2 * x @ (centres[columns].double() - origin).T
        yield block, squared.clamp_(min=0.0)


def _rows(side: torch.Tensor, index: Rows) -> torch.Tensor:
    return side[torch.from_numpy(index).to(side.device)]


def _too_few(validation: int, count: int) -> NotEnoughImagesError:
    return NotEnoughImagesError(
        f"validation={validation} leaves none of {counted(count, 'real image')} to be held out",
        hint="Add real images, or lower the option parzen.validation.",
    )


def _compute(
    real: Features | None,
    generated: Features,
    *,
    seed: int,
    level: float | None,
    sigma: float | None,
    validation: int | None,
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("the Parzen-window likelihood needs real images", hint="Pass them with --real (real=).")
    return (parzen_window(real.pooled, generated.pooled, sigma=sigma, validation=validation, seed=seed, level=level),)


def _fewest(chosen: Mapping[str, Any]) -> int:
    if chosen["sigma"] is not None:
        require_number("sigma", chosen["sigma"], positive=True)
    return 2 if chosen["validation"] is None else require_count("validation", chosen["validation"]) + 1


METRIC = Metric(
    name="parzen",
    scores=("parzen",),
    title="Parzen-window log-likelihood",
    paper="Goodfellow et al. 2014, Generative Adversarial Nets, section 5; Theis et al. 2016 on why not to use it",
    formula="mean over held-out real x of log( mean over generated y of N(x; y, σ²I) ), σ by validation, in nats",
    higher_is_better=(True,),
    compute=_compute,
    has_interval=True,
    minimum_for=_fewest,
    parameters=(
        Parameter("sigma", None, parse_optional(float), "bandwidth; none: the best for the validation images"),
        Parameter("validation", None, parse_optional(int), "real images that choose sigma; none: 1000 or half of all"),
    ),
)
