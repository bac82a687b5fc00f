"""Density and coverage: how densely generated images lie where real ones are, and how many real ones they reach."""

from __future__ import annotations

from typing import NamedTuple

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.neighbourhoods import DENSITY_COVERAGE_K, Neighbourhoods, Question, neighbourhoods_of
from ganeval.metrics.neighbours import DEFAULT_BLOCK_BYTES
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score


class DensityCoverage(NamedTuple):
    """Two scores: density is at least 0 and may exceed 1, coverage is a fraction of images in 0..1."""

    density: Score
    coverage: Score


def density_coverage(
    real: Array, generated: Array, *, k: int = DENSITY_COVERAGE_K, block_bytes: int = DEFAULT_BLOCK_BYTES
) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, equations 4 and 5).

    With open balls around the real images, each reaching to the image's k-th nearest other real image: density is the
    number of pairs of a ball and a generated image in it, over k times the number of generated images; coverage is the
    fraction of real images whose ball holds at least one generated image. A point at exactly the radius is outside.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    k
        Which nearest neighbour gives the radius.
    block_bytes
        Bound on temporary arrays; no matrix of all distances is built.

    Returns
    -------
    DensityCoverage
        Scores ``"density"`` and ``"coverage"``, higher is better.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If the real side has not more than `k` images, or the generated side none.
    OptionError
        If `k` isn't a positive whole number.
    """
    return _from_neighbourhoods(Neighbourhoods(*as_pair(real, generated), block_bytes=block_bytes), k)


def _from_neighbourhoods(neighbourhoods: Neighbourhoods, k: int) -> DensityCoverage:
    k = require_count("k", k)
    (counts,) = neighbourhoods.answer([Question("real", k, False)])
    n_real, n_generated = len(counts.per_row), len(counts.per_column)
    pairs, reached = int(counts.per_column.sum()), int((counts.per_row > 0).sum())

    def score(name: str, value: float, details: dict[str, int]) -> Score:
        return Score(
            name=name,
            value=value,
            n_real=n_real,
            n_generated=n_generated,
            higher_is_better=True,
            parameters={"k": k},
            details=details,
        )

    return DensityCoverage(
        density=score("density", pairs / (k * n_generated), {"pairs": pairs}),
        coverage=score("coverage", reached / n_real, {"reached": reached}),
    )


def _compute(real: Features | None, generated: Features, *, seed: int, level: float | None, k: int) -> DensityCoverage:
    if real is None:
        raise MetricError("density and coverage need real images", hint="Pass them with --real (real=).")
    return _from_neighbourhoods(neighbourhoods_of(real, generated), k)


METRIC = Metric(
    name="density_coverage",
    scores=("density", "coverage"),
    title="Density and coverage",
    paper="Naeem et al. 2020, Reliable Fidelity and Diversity Metrics for Generative Models",
    formula="Σ 1[d < r_k(real)] / (k·N_generated); fraction of real balls (open) that hold a generated image",
    higher_is_better=(True, True),
    compute=_compute,
    minimum=DENSITY_COVERAGE_K + 1,
    minimum_for=lambda chosen: require_count("k", chosen["k"]) + 1,
    aliases=("dc",),
    parameters=(Parameter("k", DENSITY_COVERAGE_K, int, "which nearest neighbour gives the balls' radius"),),
)
