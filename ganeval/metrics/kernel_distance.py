"""The kernel distance, an unbiased squared maximum mean discrepancy: KID on Inception features, else KD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.options import parse_optional, require_count, require_number
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score

DEFAULT_SUBSET_SIZE = 1000
_TILE_ROWS = 1024


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
) -> Score:
    """Kernel distance: squared MMD with a polynomial kernel, averaged over subsets (Bińkowski et al. 2018, section 4).

    The kernel is (γ·x·y + c)^degree; a subset of m images a side gives
    (Σ_{i≠j} k(gi, gj) + Σ_{i≠j} k(ri, rj)) / (m(m−1)) − 2 Σ k(gi, rj) / m², in float64. It is unbiased and may be
    slightly negative where the two sides are alike.

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
        Of the drawing: for each subset first from the generated, then from the real images.

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
    subsets = require_count("subsets", subsets)
    first, second = as_pair(real, generated, minimum_real=2, minimum_generated=2)
    size, clamped = _subset_size(subset_size, len(first), len(second))
    kernel = _kernel(first.shape[1], degree, gamma, coef0)
    draws = _draw_subsets(len(first), len(second), subsets=subsets, size=size, seed=seed)
    if _whole_is_cheaper(len(first), len(second), first.shape[1], subsets=subsets, size=size):
        values = _mmd_from_whole(first, second, draws, kernel)
    else:
        values = _mmd_subset_by_subset(first, second, draws, kernel)
    if not np.isfinite(values).all():
        raise MetricError(
            f"the kernel distance overflows: the features are too large for a kernel of degree={kernel.degree}",
            hint="Scale both sides down alike, or lower gamma.",
        )
    return Score(
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
    )


@dataclass(frozen=True)
class _PolynomialKernel:
    degree: int
    gamma: float
    coef0: float

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x @ y.T).mul_(self.gamma).add_(self.coef0).pow_(self.degree)


def _kernel(dimension: int, degree: Any, gamma: Any, coef0: Any) -> _PolynomialKernel:
    return _PolynomialKernel(
        degree=require_count("degree", degree),
        gamma=1.0 / dimension if gamma is None else require_number("gamma", gamma, positive=True),
        coef0=require_number("coef0", coef0),
    )


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
    real: torch.Tensor, generated: torch.Tensor, draws: _Subsets, kernel: _PolynomialKernel
) -> npt.NDArray[np.float64]:
    size = draws.real.shape[1]
    values = np.empty(len(draws.real))
    for i, (real_rows, generated_rows) in enumerate(zip(draws.real, draws.generated, strict=True)):
        r = real[torch.from_numpy(real_rows).to(real.device)].double()
        g = generated[torch.from_numpy(generated_rows).to(generated.device)].double()
        within = sum(float(_without_diagonal(kernel(side, side)).sum()) for side in (g, r))
        values[i] = within / (size * (size - 1)) - 2 * float(kernel(g, r).sum()) / size**2
    return values


def _without_diagonal(matrix: torch.Tensor) -> torch.Tensor:
    return matrix.fill_diagonal_(0.0)


def _mmd_from_whole(
    real: torch.Tensor, generated: torch.Tensor, draws: _Subsets, kernel: _PolynomialKernel
) -> npt.NDArray[np.float64]:
    size = draws.real.shape[1]
    in_real = _membership(draws.real, len(real), real.device)
    in_generated = _membership(draws.generated, len(generated), generated.device)
    within = _sums_within(real, in_real, kernel) + _sums_within(generated, in_generated, kernel)
    across = torch.zeros_like(within)
    for rows in _tiles(len(generated)):
        for columns in _tiles(len(real)):
            tile = kernel(generated[rows].double(), real[columns].double())
            across += (in_generated[rows] * (tile @ in_real[columns])).sum(dim=0)
    mmd = within / (size * (size - 1)) - 2 * across / size**2
    return np.asarray(mmd.cpu().numpy(), dtype=np.float64)


def _sums_within(vectors: torch.Tensor, member: torch.Tensor, kernel: _PolynomialKernel) -> torch.Tensor:
    """Sum over ordered pairs i ≠ j of each subset: the tiles above the diagonal count twice."""
    total = torch.zeros(member.shape[1], dtype=torch.float64, device=vectors.device)
    for rows in _tiles(len(vectors)):
        x = vectors[rows].double()
        for columns in _tiles(len(vectors)):
            if columns.start < rows.start:
                continue
            if columns == rows:
                tile, weight = _without_diagonal(kernel(x, x)), 1.0
            else:
                tile, weight = kernel(x, vectors[columns].double()), 2.0
            total += weight * (member[rows] * (tile @ member[columns])).sum(dim=0)
    return total


def _membership(rows: npt.NDArray[np.int64], count: int, device: torch.device) -> torch.Tensor:
    """float64 [count, subsets], 1 where the image is in the subset."""
    member = np.zeros((count, len(rows)))
    np.put_along_axis(member, rows.T, 1.0, axis=0)
    return torch.from_numpy(member).to(device)


def _tiles(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _TILE_ROWS, count)) for start in range(0, count, _TILE_ROWS))


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
        ),
    )


def _fewest(chosen: Mapping[str, Any]) -> int:
    """Fewest images a side; checks all parameters, so that a bad one is refused before the work and not after it."""
    require_count("subsets", chosen["subsets"])
    _kernel(1, chosen["degree"], chosen["gamma"], chosen["coef0"])
    asked = chosen["subset_size"]
    return 2 if asked is None else require_count("subset_size", asked, minimum=2)


METRIC = Metric(
    name="kd",
    scores=("kd",),
    title="Kernel distance",
    paper="Bińkowski et al. 2018, Demystifying MMD GANs",
    formula="unbiased MMD² with k(x, y) = (x·y/D + 1)³, mean over 100 subsets of 1000",
    higher_is_better=(False,),
    compute=_compute,
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
