"""Density and coverage: how densely generated images lie where real ones are, and how many real ones they reach."""

from __future__ import annotations

from typing import NamedTuple

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.distances import DEFAULT_BLOCK_BYTES
from ganeval.metrics.leave_one_out import (
    influence_on_density,
    influence_on_fraction,
    influence_on_reached_centres,
)
from ganeval.metrics.neighbourhoods import DENSITY_COVERAGE_K, Neighbourhoods, Question, neighbourhoods_of
from ganeval.metrics.neighbours import squared_knn_radii
from ganeval.metrics.options import require_count
from ganeval.metrics.precision_recall import INTERVAL_METHOD
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level


class DensityCoverage(NamedTuple):
    """Two scores: density is at least 0 and may exceed 1, coverage is a fraction of images in 0..1."""

    density: Score
    coverage: Score


def density_coverage(
    real: Array,
    generated: Array,
    *,
    k: int = DENSITY_COVERAGE_K,
    level: float | None = DEFAULT_LEVEL,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, equations 4 and 5).

    With open balls around the real images, each reaching to the image's k-th nearest other real image: density is the
    number of pairs of a ball and a generated image in it, over k times the number of generated images; coverage is the
    fraction of real images whose ball holds at least one generated image. A point at exactly the radius is outside.

    The intervals are, as those of `precision_recall`, from leaving out each image, and for the mean over repetitions
    with as many images; that of a coverage near 1 is conservative.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    k
        Which nearest neighbour gives the radius.
    level
        Of the intervals, between 0 and 1; None for none.
    block_bytes
        Bound on temporary arrays; no matrix of all distances is built.

    Returns
    -------
    DensityCoverage
        Scores ``"density"`` and ``"coverage"``, higher is better.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the two have different numbers of columns, or every real image has at
        least `k` copies.
    NotEnoughImagesError
        If the real side has not more than `k` images, or the generated side none.
    OptionError
        If `k` isn't a positive whole number, or `level` isn't between 0 and 1.
    """
    shells = require_level(level) is not None
    neighbourhoods = Neighbourhoods(*as_pair(real, generated), shells=shells, block_bytes=block_bytes)
    return _from_neighbourhoods(neighbourhoods, k, level)


def _refuse_points(neighbourhoods: Neighbourhoods, k: int) -> None:
    """Refuse real images that all have `k` copies: open balls of radius 0 hold nothing, not even equal images."""
    if not bool((squared_knn_radii(neighbourhoods.nearest("real", k), k=k) > 0).any()):
        raise MetricError(
            f"density and coverage have no meaning here: every real image has at least {k} copies, so that its "
            "neighbourhood has no extent",
            hint="Leave out duplicates, or look for a network that gives the same features for every image.",
        )


def _from_neighbourhoods(neighbourhoods: Neighbourhoods, k: int, level: float | None) -> DensityCoverage:
    k = require_count("k", k)
    (answer,) = neighbourhoods.answer([Question("real", k, False)])
    counts = answer.counts
    n_real, n_generated = len(counts.per_centre), len(counts.per_point)
    _refuse_points(neighbourhoods, k)
    pairs, reached = int(counts.per_centre.sum()), int((counts.per_centre > 0).sum())

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

    density = score("density", pairs / (k * n_generated), {"pairs": pairs})
    coverage = score("coverage", reached / n_real, {"reached": reached})
    if level is None:
        return DensityCoverage(density, coverage)
    on_density = Influence(*influence_on_density(answer))
    centres, points = influence_on_reached_centres(answer)
    on_coverage = influence_on_fraction(centres, points, own=centres, fraction=coverage.value)
    return DensityCoverage(
        density.with_influence(on_density, level=level, method=INTERVAL_METHOD, lowest=0.0)
        if pairs
        else density.without_interval("no generated image lies in any ball, so that nothing varies that could be seen"),
        coverage.with_influence(on_coverage, level=level, method=INTERVAL_METHOD, lowest=0.0, highest=1.0),
    )


def _compute(real: Features | None, generated: Features, *, seed: int, level: float | None, k: int) -> DensityCoverage:
    if real is None:
        raise MetricError("density and coverage need real images", hint="Pass them with --real (real=).")
    return _from_neighbourhoods(neighbourhoods_of(real, generated, shells=level is not None), k, level)


METRIC = Metric(
    name="density_coverage",
    scores=("density", "coverage"),
    title="Density and coverage",
    paper="Naeem et al. 2020, Reliable Fidelity and Diversity Metrics for Generative Models",
    formula="Σ 1[d < r_k(real)] / (k·N_generated); fraction of real balls (open) that hold a generated image",
    higher_is_better=(True, True),
    compute=_compute,
    by_count=True,
    has_interval=True,
    minimum=DENSITY_COVERAGE_K + 1,
    minimum_for=lambda chosen: require_count("k", chosen["k"]) + 1,
    aliases=("dc",),
    groups={"fidelity": ("density",), "diversity": ("coverage",)},
    parameters=(Parameter("k", DENSITY_COVERAGE_K, int, "which nearest neighbour gives the balls' radius"),),
)
