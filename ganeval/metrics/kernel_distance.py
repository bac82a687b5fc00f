"""The kernel distance, an unbiased squared maximum mean discrepancy: KID on Inception features, else KD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.division import division
from ganeval.metrics.kernel_means import (
    KernelSums,
    SquaredMmd,
    kernel_tiles,
    squared_mmd_of_blocks,
    with_mmd_interval,
)
from ganeval.metrics.kernels import Kernel, Origin, polynomial_kernel
from ganeval.metrics.options import parse_optional, require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

DEFAULT_SUBSET_SIZE = 1000
#: Most images a side of which all pairs are taken for the interval where the value itself doesn't need them.
_BLOCK_IMAGES = 10_000


def kernel_distance(
    real: Array,
    generated: Array,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
    seed: int = 2020,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Kernel distance: squared MMD with a polynomial kernel, averaged over subsets (Bińkowski et al. 2018, section 4).

    The kernel is (γ·x·y + c)^degree; a subset of m images a side gives
    (Σ_{i≠j} k(gi, gj) + Σ_{i≠j} k(ri, rj)) / (m(m−1)) − 2 Σ k(gi, rj) / m², in float64. It is unbiased and may be
    slightly negative where the two sides are alike.

    The interval is for the squared MMD of the two distributions. It lies around the U-statistic of all pairs of images
    (`corrected`), which is unbiased too and has none of the noise of choosing subsets; its standard error is that of
    Hoeffding's decomposition to second order, see `ganeval.metrics.kernel_means`, so that it also holds where both
    sides follow one distribution. Of more than 10,000 images a side, all pairs within random blocks of at most as many
    are taken.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    subsets
        How many subsets are drawn, each without replacement.
    subset_size
        Images a side in a subset; None takes 1000, or all of the smaller side where that has fewer.
    degree, gamma, coef0
        Of the kernel; a `gamma` of None is 1/D.
    seed
        Of the drawing: for each subset first from the generated, then from the real images; and of the blocks.
    level
        Of the interval; None computes none.

    Returns
    -------
    Score
        ``"kd"``, lower is better. ``parameters`` holds the values really used; ``details`` has ``std`` (over
        subsets, ddof 0; left out where each subset is all there is, since nothing varies then) and ``clamped``, true
        where fewer than 1000 images made the default subsets smaller.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If a side has fewer than two images, or fewer than the `subset_size` asked for.
    OptionError
        If a parameter can't be used.
    """
    level = require_level(level)
    subsets = require_count("subsets", subsets)
    first, second = as_pair(real, generated, minimum_real=2, minimum_generated=2)
    size, clamped = _subset_size(subset_size, len(first), len(second))
    kernel = polynomial_kernel(first.shape[1], degree, gamma, coef0)
    draws = _draw_subsets(len(first), len(second), subsets=subsets, size=size, seed=seed)
    mmd: SquaredMmd | None = None
    if _whole_is_cheaper(len(first), len(second), first.shape[1], subsets=subsets, size=size):
        values, mmd = _mmd_from_whole(first, second, draws, kernel, with_sums=level is not None)
    else:
        values = _mmd_subset_by_subset(first, second, draws, kernel)
        if level is not None and np.isfinite(values).all():
            mmd = squared_mmd_of_blocks(first, second, kernel, block_images=_BLOCK_IMAGES, seed=seed)
    if not np.isfinite(values).all() or (mmd is not None and not np.isfinite(mmd.unbiased)):
        raise MetricError(
            f"the kernel distance overflows: the features are too large for a kernel of degree={kernel.degree}",
            hint="Scale both sides down alike, or lower gamma.",
        )
    score = Score(
        name="kd",
        value=float(values.mean()),
        n_real=len(first),
        n_generated=len(second),
        higher_is_better=False,
        parameters={
            "subsets": subsets,
            "subset_size": size,
            "degree": kernel.degree,
            "gamma": kernel.gamma,
            "coef0": kernel.coef0,
            "seed": seed,
        },
        details=({"std": float(values.std())} if size < max(len(first), len(second)) else {}) | {"clamped": clamped},
        corrected=None if mmd is None else mmd.unbiased,
    )
    return score if mmd is None or level is None else with_mmd_interval(score, mmd, level=level, scale=1.0)


@dataclass(frozen=True)
class _Subsets:
    """Row numbers of each subset: two arrays [subsets, size]."""

    real: npt.NDArray[np.int64]
    generated: npt.NDArray[np.int64]


def _subset_size(asked: int | None, n_real: int, n_generated: int) -> tuple[int, bool]:
    fewest = min(n_real, n_generated)
    if asked is None:
        return min(DEFAULT_SUBSET_SIZE, fewest), fewest < DEFAULT_SUBSET_SIZE
    size = require_count("subset_size", asked, minimum=2)
    if size > fewest:
        raise NotEnoughImagesError(
            f"the kernel distance with subset_size={size} needs at least {size} images a side, but there are "
            f"{n_real} real and {n_generated} generated ones",
            hint="Add images, or lower the option kd.subset_size.",
        )
    return size, False


def _draw_subsets(n_real: int, n_generated: int, *, subsets: int, size: int, seed: int) -> _Subsets:
    random = np.random.RandomState(seed)
    real = np.empty((subsets, size), dtype=np.int64)
    generated = np.empty((subsets, size), dtype=np.int64)
    for i in range(subsets):
        generated[i] = random.choice(n_generated, size, replace=False)
        real[i] = random.choice(n_real, size, replace=False)
    return _Subsets(real, generated)


def _whole_is_cheaper(n_real: int, n_generated: int, dimension: int, *, subsets: int, size: int) -> bool:
    """Whether all kernel values once, summed over membership, take fewer multiplications than each subset's own."""
    pairs = n_real * n_generated + (n_real**2 + n_generated**2) / 2
    return pairs * (dimension + subsets) < 3.0 * subsets * size**2 * dimension


def _mmd_subset_by_subset(
    real: torch.Tensor, generated: torch.Tensor, draws: _Subsets, kernel: Kernel
) -> npt.NDArray[np.float64]:
    size = draws.real.shape[1]
    values = np.zeros(len(draws.real))
    origin = Origin.between(real, generated, size)
    for i in division().mine(range(len(values))):
        r = origin.rows(real[torch.from_numpy(draws.real[i]).to(real.device)])
        g = origin.rows(generated[torch.from_numpy(draws.generated[i]).to(generated.device)])
        within = sum(float(kernel(side, side).fill_diagonal_(0.0).sum()) for side in (g, r))
        values[i] = within / (size * (size - 1)) - 2 * float(kernel(g, r).sum()) / size**2
    return division().summed(torch.from_numpy(values)).numpy()


def _mmd_from_whole(
    real: torch.Tensor, generated: torch.Tensor, draws: _Subsets, kernel: Kernel, *, with_sums: bool
) -> tuple[npt.NDArray[np.float64], SquaredMmd | None]:
    """Each subset's estimate from the kernel values of all pairs, and if asked for that of all pairs themselves."""
    size = draws.real.shape[1]
    in_real = _membership(draws.real, len(real), real.device)
    in_generated = _membership(draws.generated, len(generated), generated.device)
    members = {"real": (in_real, in_real), "generated": (in_generated, in_generated), "across": (in_real, in_generated)}
    sums = KernelSums(len(real), len(generated), real.device) if with_sums else None
    within, across = (torch.zeros(len(draws.real), dtype=torch.float64, device=real.device) for _ in range(2))
    for tile in kernel_tiles(real, generated, kernel, averaged=size):
        if sums is not None:
            sums.add(tile)
        of_rows, of_columns = members[tile.pair]
        total = across if tile.pair == "across" else within
        weight = 1.0
        if tile.pair != "across":
            if tile.rows == tile.columns:
                tile.values.fill_diagonal_(0.0)
            else:
                weight = 2.0
        total += weight * (of_rows[tile.rows] * (tile.values @ of_columns[tile.columns])).sum(dim=0)
    within, across = division().summed(within), division().summed(across)
    mmd = within / (size * (size - 1)) - 2 * across / size**2
    return np.asarray(mmd.cpu().numpy(), dtype=np.float64), None if sums is None else sums.together().squared_mmd()


def _membership(rows: npt.NDArray[np.int64], count: int, device: torch.device) -> torch.Tensor:
    """float64 [count, subsets], 1 where the image is in the subset."""
    member = np.zeros((count, len(rows)))
    np.put_along_axis(member, rows.T, 1.0, axis=0)
    return torch.from_numpy(member).to(device)


def _compute(
    real: Features | None,
    generated: Features,
    *,
    seed: int,
    level: float | None,
    subsets: int,
    subset_size: int | None,
    degree: int,
    gamma: float | None,
    coef0: float,
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("the kernel distance needs real images", hint="Pass them with --real (real=).")
    return (
        kernel_distance(
            real.pooled,
            generated.pooled,
            subsets=subsets,
            subset_size=subset_size,
            degree=degree,
            gamma=gamma,
            coef0=coef0,
            seed=seed,
            level=level,
        ),
    )


def _fewest(chosen: Mapping[str, Any]) -> int:
    """Fewest images a side; checks all parameters, so that a bad one is refused before the work and not after it."""
    require_count("subsets", chosen["subsets"])
    polynomial_kernel(1, chosen["degree"], chosen["gamma"], chosen["coef0"])
    asked = chosen["subset_size"]
    return 2 if asked is None else require_count("subset_size", asked, minimum=2)


METRIC = Metric(
    name="kd",
    any_count=True,
    scores=("kd",),
    title="Kernel distance",
    paper="Bińkowski et al. 2018, Demystifying MMD GANs",
    formula="unbiased MMD² with k(x, y) = (x·y/D + 1)³, mean over 100 subsets of 1000",
    higher_is_better=(False,),
    compute=_compute,
    has_interval=True,
    leading=2,
    curve=("kd",),
    aliases=("kid", "kd"),
    minimum_for=_fewest,
    inception_names={"kd": "kid"},
    parameters=(
        Parameter("subsets", 100, int, "how many subsets are drawn"),
        Parameter("subset_size", None, parse_optional(int), "images a side in a subset; none: 1000 or all there are"),
        Parameter("degree", 3, int, "degree of the polynomial kernel"),
        Parameter("gamma", None, parse_optional(float), "scale of the kernel; none: 1/D"),
        Parameter("coef0", 1.0, float, "constant of the kernel"),
    ),
)
