"""The Fréchet distance between frames and their changes to the next frame: whether videos move as real ones do."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_vectors
from ganeval.metrics.frechet_distance import frechet_distance
from ganeval.metrics.mean_of_values import student_quantile
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence, StandardError, variance_of_grouped_mean
from ganeval.uncertainty.interval import DEFAULT_LEVEL, interval_within
from ganeval.wording import counted

#: An interval takes at least so many clips a side for each dimension: below, the bias isn't of the order of 1/N yet.
CLIPS_A_DIMENSION = 2
FEWEST_CLIPS = 20
#: The value itself: within a single clip nothing shows how clips differ.
_FEWEST_CLIPS_FOR_VALUE = 2
_METHOD = "Student's t from influence summed over each clip, around the distance corrected by halves of the clips"

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Transitions:
    """Steps from a frame to a later one of its clip.

    Parameters
    ----------
    vectors
        [n, 2·D]: the frame's features, and the later frame's less these.
    clips
        [n], the clip of each.
    left_out
        Clips without a step: of too few frames, or with frames that couldn't be decoded.
    """

    vectors: npt.NDArray[Any]
    clips: tuple[str, ...]
    left_out: tuple[str, ...]


def transitions(features: Array, clips: Sequence[str], *, lag: int = 1, gapped: Collection[str] = ()) -> Transitions:
    """The steps of all clips; those of different lengths have different numbers of them.

    Parameters
    ----------
    features
        Of the frames, [N, D], those of a clip one after the other in time.
    clips
        [N], the clip of each frame.
    lag
        Frames from one end of a step to the other.
    gapped
        Clips that lack frames, and are left out, since their steps would be of unequal length.

    Raises
    ------
    MetricError
        If there aren't as many clip names as frames, or a clip's frames don't follow each other.
    NotEnoughImagesError
        If no clip has a step.
    """
    vectors = as_vectors("features", features)
    if len(clips) != len(vectors):
        raise MetricError(f"there are {counted(clips, 'clip name')} for {counted(vectors, 'frame')}")
    lag = require_count("lag", lag)
    names = np.asarray(clips, dtype=object)
    starts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    in_order = [str(names[start]) for start in starts[:-1]]
    if len(set(in_order)) < len(in_order):
        again = next(name for i, name in enumerate(in_order) if name in in_order[:i])
        raise MetricError(f"the frames of the clip {again!r} don't follow each other")
    stay: list[int] = []
    left_out = []
    for name, start, stop in zip(in_order, starts[:-1], starts[1:], strict=True):
        if name in gapped or stop - start <= lag:
            left_out.append(name)
        else:
            stay.extend(range(start, stop - lag))
    if not stay:
        raise NotEnoughImagesError(
            f"no clip has two frames that are {lag} apart", hint="Give clips of more frames, or a smaller lag."
        )
    rows = vectors.cpu().numpy()
    here, there = rows[stay], rows[np.array(stay) + lag]
    there = there - here
    return Transitions(np.concatenate([here, there], axis=1), tuple(str(n) for n in names[stay]), tuple(left_out))


def temporal_frechet_distance(
    real: Array,
    generated: Array,
    real_clips: Sequence[str],
    generated_clips: Sequence[str],
    *,
    lag: int = 1,
    level: float | None = DEFAULT_LEVEL,
    seed: int = 2020,
) -> Score:
    """Squared Fréchet distance between Gaussians fitted to [f(t), f(t+1) − f(t)], f being the features of frames.

    It sees what frames look like, how fast and in which direction their features change, and how both go together. It
    is *not* FVD (Unterthiner et al. 2018), whose features are those of a video network on whole clips: anything that
    takes longer than one step is invisible here, and the numbers can't be compared. Both sides should have the same
    frame rate.

    Steps of one clip depend on each other. Their number is what the plug-in value rests on, but its uncertainty and
    bias are those of the clips: the variance is that of the influence summed over clips, and the bias is removed as
    2·FD − mean of the FD of two random halves of the clips. That rests on a bias of the order of 1/N, which takes more
    clips than there are dimensions: below twice as many on a side, no interval is offered.

    Parameters
    ----------
    real, generated
        Features of the frames, [N, D] and [M, D], those of a clip one after the other in time.
    real_clips, generated_clips
        [N] and [M], the clip of each frame. Clips may differ in length; each counts by its number of steps.
    lag
        Frames from one end of a step to the other.
    level
        Of the interval; None leaves it out.
    seed
        Of the halves.

    Returns
    -------
    Score
        ``"temporal_fd"``, lower is better. ``n_real`` and ``n_generated`` are numbers of frames; ``details`` has those
        of ``clips`` and ``steps`` a side, of ``dimensions``, and of the clips without any, ``clips_left_out``.

    Raises
    ------
    MetricError
        As `transitions` and `frechet_distance` do.
    NotEnoughImagesError
        If a side has fewer than two clips with a step: frames of one clip say nothing of how clips differ.
    OptionError
        If `lag` is no positive number.
    """
    sides = (
        transitions(real, real_clips, lag=lag),
        transitions(generated, generated_clips, lag=lag),
    )
    return _distance(*sides, counts=(len(real), len(generated)), lag=lag, level=level, seed=seed)


def _distance(
    real: Transitions, generated: Transitions, *, counts: tuple[int, int], lag: int, level: float | None, seed: int
) -> Score:
    clips = [len(set(side.clips)) for side in (real, generated)]
    for name, count in zip(("real", "generated"), clips, strict=True):
        if count < _FEWEST_CLIPS_FOR_VALUE:
            raise NotEnoughImagesError(
                f"there is only {count} {name} clip with frames that are {lag} apart, and it takes "
                f"{_FEWEST_CLIPS_FOR_VALUE}",
                hint="Give more clips: cut a long one into several, if need be.",
            )
    dimension = real.vectors.shape[1]
    enough = min(clips) >= max(FEWEST_CLIPS, CLIPS_A_DIMENSION * dimension)
    found = frechet_distance(real.vectors, generated.vectors, level=level if enough else None)
    score = Score(
        name="temporal_fd",
        value=found.value,
        n_real=counts[0],
        n_generated=counts[1],
        higher_is_better=False,
        parameters={"lag": lag},
        details={
            "clips": {"real": clips[0], "generated": clips[1]},
            "steps": {"real": len(real.clips), "generated": len(generated.clips)},
            "dimensions": dimension,
            "clips_left_out": {"real": len(real.left_out), "generated": len(generated.left_out)},
        },
    )
    if level is None:
        return score
    if not enough:
        return score.without_interval(
            f"{counted(min(clips), 'clip')} on a side {'is' if min(clips) == 1 else 'are'} too few to correct the "
            f"distance in {counted(dimension, 'dimension')}; it takes "
            f"{max(FEWEST_CLIPS, CLIPS_A_DIMENSION * dimension)}"
        )
    if found.influence is None:
        return score.without_interval(found.no_interval_reason or "the Fréchet distance offers none here")
    corrected = 2 * found.value - _mean_of_halves(real, generated, seed)
    error = _error(found.influence, real, generated)
    reach = student_quantile(level, min(clips) - 1) * error.total
    interval = interval_within(corrected, reach, level=level, method=_METHOD, lowest=0.0)
    return replace(score, corrected=corrected).with_interval(interval, error)


def _mean_of_halves(real: Transitions, generated: Transitions, seed: int) -> float:
    halves = [_halves(side, np.random.default_rng([seed, place])) for place, side in enumerate((real, generated))]
    return sum(frechet_distance(*pair, level=None).value for pair in zip(*halves, strict=True)) / 2


def _halves(side: Transitions, random: np.random.Generator) -> list[npt.NDArray[Any]]:
    names, index = np.unique(np.asarray(side.clips), return_inverse=True)
    first = np.zeros(len(names), dtype=bool)
    first[random.permutation(len(names))[: len(names) // 2]] = True
    return [side.vectors[first[index] == half] for half in (True, False)]


def _error(influence: Influence, real: Transitions, generated: Transitions) -> StandardError:
    parts = [
        variance_of_grouped_mean(values, side.clips)
        for values, side in ((influence.real, real), (influence.generated, generated))
    ]
    # What the first order misses is quadratic in the means' covariance, which grows by the steps' dependence.
    effect = max(_design_effect(side) for side in (real, generated))
    return StandardError(
        math.sqrt(parts[0]), math.sqrt(parts[1]), math.sqrt(max(influence.other_variance, 0.0)) * max(effect, 1.0)
    )


def _design_effect(side: Transitions) -> float:
    """By how much the steps' dependence within clips multiplies the variance of their mean (Kish 1965)."""
    centred = side.vectors - side.vectors.mean(axis=0, dtype=np.float64)
    _, index = np.unique(np.asarray(side.clips), return_inverse=True)
    sums = np.zeros((index.max() + 1, centred.shape[1]))
    np.add.at(sums, index, centred)
    total = float((centred**2).sum())
    return float((sums**2).sum()) / total if total > 0 else 1.0


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, lag: int
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("temporal_fd needs real videos", hint="Pass them with --real (real=).")
    sides = [_transitions_of(side, name, lag) for side, name in ((real, "real"), (generated, "generated"))]
    return (_distance(*sides, counts=(len(real), len(generated)), lag=lag, level=level, seed=seed),)


def _transitions_of(features: Features, side: str, lag: int) -> Transitions:
    if features.clips is None:
        raise MetricError(
            f"temporal_fd needs videos, and the {side} images aren't frames of any",
            hint="Put the frames of each clip into a folder of its own and add --clips folders, or give an array "
            "N,T,3,H,W.",
        )
    gapped = {image_id.rpartition("/")[0] for image_id, _ in features.skipped}
    return transitions(features.pooled, features.clips, lag=lag, gapped=gapped)


METRIC = Metric(
    name="temporal_fd",
    scores=("temporal_fd",),
    covariances="sides",
    title="Temporal Fréchet distance",
    paper="Heusel et al. 2017, equation 6, on features of frames and their changes; not FVD, Unterthiner et al. 2018, "
    "Towards Accurate Generative Models of Video",
    formula="Fréchet distance between [f(t), f(t+1) − f(t)] of real and generated clips, f features of single frames",
    higher_is_better=(False,),
    compute=_compute,
    has_interval=True,
    needs="clips",
    groups=("video",),
    minimum_for=lambda chosen: require_count("lag", chosen["lag"]) + 2,
    parameters=(Parameter("lag", 1, int, "frames from one end of a step to the other"),),
)
