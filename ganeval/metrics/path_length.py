"""Path length: how far an image moves when its latent vector takes a small step, for generators that can be asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.features.lpips import PerceptualDistance
from ganeval.images.source import LatentSampler
from ganeval.metrics.lpips_diversity import minimum_for, weights_at_hand
from ganeval.metrics.mean_of_values import student_quantile
from ganeval.metrics.options import parse_boolean, require_count, require_number
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import StandardError
from ganeval.uncertainty.interval import DEFAULT_LEVEL, interval_within

DEFAULT_PATHS = 1_000
DEFAULT_STEP = 1e-4
#: Side in pixels to which torch-fidelity, too, resizes images before LPIPS.
SIDE = 64
#: Fraction of the paths that is dropped at either end.
TRIMMED = 0.01
_FEWEST_PATHS = 10
_BATCH = 16

Values = npt.NDArray[np.float64]
#: Two batches float32 [n, 3, H, W] in 0..255 to distances float64 [n] that grow with the square of a small step.
Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def path_length(
    sampler: LatentSampler,
    distance: Distance,
    *,
    name: str = "ppl",
    paths: int = DEFAULT_PATHS,
    step: float = DEFAULT_STEP,
    level: float | None = DEFAULT_LEVEL,
    seed: int = 2020,
) -> Score:
    """Mean of distance / step² over short steps on random paths between latents (Karras et al. 2019, section 4.1).

    For each path two latent vectors are drawn from the prior, and a place t uniform on [0, 1) between them (spherical
    interpolation for a Gaussian prior, linear for others); the images at t and t + step are compared. Paths below the
    1st and above the 99th percentile are dropped, as in the authors' program and torch-fidelity: of 1,000 paths the
    nine shortest and the nine longest. Images are compared unrounded: a step of 1e-4 moves a pixel by a hundredth of a
    level.

    Parameters
    ----------
    sampler
        The generator.
    distance
        Between images, of the order of the squared step.
    name
        Of the score.
    paths
        How many; papers mostly use 50,000 or 100,000.
    step
        In units of the path from 0 to 1.
    level
        Of the interval; None leaves it out. It is Student's for the trimmed mean, from the winsorised variance (Tukey
        & McLaughlin 1963).
    seed
        Of the latent vectors and places.

    Returns
    -------
    Score
        Lower is better: smoother. ``n_generated`` is the number of images rendered, two a path.

    Raises
    ------
    MetricError
        If the images are not finite, or don't change along any path.
    OptionError
        For parameters out of range.
    """
    paths = require_count("paths", paths, minimum=_FEWEST_PATHS)
    step = require_number("step", step, positive=True)
    values = _squared_speeds(sampler, distance, paths, step, seed)
    ordered = np.sort(values)
    kept = ordered[_between_percentiles(paths)]
    score = Score(
        name=name,
        value=float(kept.mean()),
        n_real=None,
        n_generated=2 * paths,
        higher_is_better=False,
        parameters={"paths": paths, "step": step, "trimmed": TRIMMED, "geometry": sampler.geometry},
        details={"median": float(np.median(values)), "std": float(kept.std(ddof=1))},
    )
    if level is None:
        return score
    winsorised = np.clip(ordered, kept[0], kept[-1])
    # Of the trimmed mean: the kept fraction takes the place of 1 in the mean's variance.
    error = float(winsorised.std(ddof=1)) / (len(kept) / paths * math.sqrt(paths))
    reach = student_quantile(level, len(kept) - 1) * error
    method = f"Student's t for the trimmed mean over {paths:,} paths, from the winsorised variance"
    interval = interval_within(score.value, reach, level=level, method=method, lowest=0.0)
    return score.with_interval(interval, StandardError(0.0, error))


def _between_percentiles(count: int) -> slice:
    """Of sorted values, those that are kept: both percentiles are values themselves, the outer of two neighbours."""
    return slice(math.floor(TRIMMED * (count - 1)), math.ceil((1 - TRIMMED) * (count - 1)) + 1)


def interpolate(first: torch.Tensor, second: torch.Tensor, place: torch.Tensor, geometry: str) -> torch.Tensor:
    """The points at `place` [n], in 0..1, of the paths between latent vectors [n, ...].

    ``"linear"``: straight lines. ``"gaussian"``: arcs between the vectors' directions with the length carried over
    linearly (Shoemake 1985; White 2016), on which the latents stay where the prior's mass is.

    Raises
    ------
    OptionError
        For another geometry.
    """
    t = place.reshape(-1, *[1] * (first.ndim - 1))
    if geometry == "linear":
        return first + (second - first) * t
    if geometry != "gaussian":
        raise OptionError(f"a generator's geometry is {geometry!r}", hint="It must be gaussian or linear.")
    lengths = [_length(side) for side in (first, second)]
    unit = [side / length for side, length in zip((first, second), lengths, strict=True)]
    cosine = (unit[0] * unit[1]).flatten(1).sum(1).reshape(t.shape).clamp(-1, 1)
    angle = torch.acos(cosine)
    # The second direction less its part along the first: arcs are turned towards it.
    aside = unit[1] - cosine * unit[0]
    aside = aside / _length(aside)
    direction = unit[0] * torch.cos(t * angle) + aside * torch.sin(t * angle)
    return direction * (lengths[0] + (lengths[1] - lengths[0]) * t)


def _length(vectors: torch.Tensor) -> torch.Tensor:
    lengths: torch.Tensor = vectors.flatten(1).norm(dim=1).reshape(-1, *[1] * (vectors.ndim - 1))
    return lengths.clamp(min=torch.finfo(lengths.dtype).tiny)


def _squared_speeds(sampler: LatentSampler, distance: Distance, paths: int, step: float, seed: int) -> Values:
    latents = sampler.draw(2 * paths, seed).double()
    first, second = latents[:paths], latents[paths:]
    places = torch.from_numpy(np.random.default_rng(seed).random(paths))
    size = max(1, min(_BATCH, sampler.batch_size // 2))
    values = np.empty(paths)
    for start in range(0, paths, size):
        some = slice(start, start + size)
        ends = [
            interpolate(first[some], second[some], places[some] + offset, sampler.geometry).float()
            for offset in (0.0, step)
        ]
        # In one batch, so that both are rounded alike.
        images = sampler.render(torch.cat(ends))
        before, after = images.chunk(2)
        values[some] = distance(before, after).numpy() / step**2
    if not np.isfinite(values).all():
        raise MetricError("the generator gives images that are NaN or infinite on the way between two latent vectors")
    if not values.any():
        raise MetricError(
            "the generator's images don't change along any path",
            hint="Its render must give unrounded pixels; or take a longer step.",
        )
    return values


def _sampler_of(generated: Features) -> LatentSampler:
    if generated.sampler is None:
        raise MetricError(
            "path lengths need a generator that can be asked for the images of chosen latent vectors",
            hint="Score a generator itself, such as generator:dcgan.",
        )
    return generated.sampler


def _compute_ppl(
    real: Features | None,
    generated: Features,
    *,
    seed: int,
    level: float | None,
    paths: int,
    step: float,
    network: str,
    download: bool,
) -> tuple[Score, ...]:
    sampler = _sampler_of(generated)
    distance = PerceptualDistance(network, side=SIDE, download=download)
    score = path_length(sampler, distance, paths=paths, step=step, level=level, seed=seed)
    return (replace(score, parameters=score.parameters | {"network": network, "side": SIDE}),)


def _compute_feature_path_length(
    real: Features | None, generated: Features, *, seed: int, level: float | None, paths: int, step: float
) -> tuple[Score, ...]:
    sampler, embed = _sampler_of(generated), generated.embed
    extractor = generated.extractor
    if embed is None or (extractor is not None and extractor.preprocessing == "native"):
        raise MetricError(
            "feature_path_length needs an extractor that takes unrounded images, and this one takes uint8",
            hint="Give it an int attribute input_size, or use one of ganeval's own.",
        )
    network = embed

    def distance(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        features = network(torch.cat([before, after])).double()
        first, second = features.chunk(2)
        return (second - first).square().sum(dim=1)

    return (path_length(sampler, distance, name="feature_path_length", paths=paths, step=step, level=level, seed=seed),)


def _minimum_for(chosen: Mapping[str, Any]) -> int:
    require_count("paths", chosen["paths"], minimum=_FEWEST_PATHS)
    require_number("step", chosen["step"], positive=True)
    if "network" in chosen:
        minimum_for(chosen)
    return 1


_PARAMETERS = (
    Parameter("paths", DEFAULT_PATHS, int, "how many paths between latent vectors"),
    Parameter("step", DEFAULT_STEP, float, "length of the step, the whole path being 1"),
)

PPL = Metric(
    name="ppl",
    any_count=True,
    scores=("ppl",),
    title="Perceptual path length",
    paper="Karras et al. 2019, A Style-Based Generator Architecture for Generative Adversarial Networks",
    formula="mean of LPIPS(G(z(t)), G(z(t + ε))) / ε² between the 1st and 99th percentile",
    higher_is_better=(False,),
    compute=_compute_ppl,
    has_interval=True,
    needs_real=False,
    needs="generator",
    on_features=False,
    minimum=1,
    minimum_for=_minimum_for,
    at_hand=weights_at_hand("ppl"),
    parameters=(
        *_PARAMETERS,
        Parameter("network", "vgg", str, "alex, vgg or squeeze"),
        Parameter("download", False, parse_boolean, "whether the network's weights may be fetched"),
    ),
)

FEATURE_PATH_LENGTH = Metric(
    name="feature_path_length",
    any_count=True,
    scores=("feature_path_length",),
    title="Feature path length",
    paper="as perceptual path length, Karras et al. 2019, A Style-Based Generator Architecture for Generative "
    "Adversarial Networks, with the extractor's features in the place of LPIPS",
    formula="mean of ‖f(G(z(t))) − f(G(z(t + ε)))‖² / ε² between the 1st and 99th percentile",
    higher_is_better=(False,),
    compute=_compute_feature_path_length,
    has_interval=True,
    needs_real=False,
    needs="generator",
    minimum=1,
    minimum_for=_minimum_for,
    parameters=_PARAMETERS,
)
