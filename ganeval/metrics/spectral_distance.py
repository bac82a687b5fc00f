"""The distance between the two sides' azimuthally averaged power spectra, in which upsampling leaves its traces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.images.reading import ImageReader
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.image_sets import Images, as_reader, reader_of, smallest_side
from ganeval.metrics.options import parse_optional, require_count
from ganeval.metrics.power_spectrum import (
    SMALLEST_SIDE,
    WINDOWS,
    bin_centres,
    default_bins,
    power_profile,
)
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.squared_distance import (
    FEWEST_FOR_INTERVAL,
    Squares,
    centred_square_within,
    interval_of_square,
    squared_distance,
)
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL

#: Images a side that are looked at, unless more are asked for: they are decoded once more.
DEFAULT_IMAGES = 10_000
#: Points of each side's profile that go into the details, for a figure.
_DRAWN = 64
# Far beyond the power of any image, and small enough that fourth powers of it, summed, don't overflow.
_MOST_DECIBELS = 1e30
_METHOD = "score interval for the squared distance of the mean profiles less its bias, over images"

Rows = npt.NDArray[np.intp]
Profiles = npt.NDArray[np.float64]


def spectral_distance(
    real: Images,
    generated: Images,
    *,
    bins: int | None = None,
    window: str = "none",
    images: int = DEFAULT_IMAGES,
    level: float | None = DEFAULT_LEVEL,
    seed: int = 2020,
) -> Score:
    """Root mean square difference in decibels between the mean power profiles of the two sides.

    The power of each image is averaged over directions, ring by ring of spatial frequency (Durall, Keuper & Keuper
    2020, "Watch your Up-Convolution"; Dzanic, Shah & Witherden 2020), see
    `ganeval.metrics.power_spectrum.power_profile`; the logarithms are averaged over images.

    Parameters
    ----------
    real, generated
        Images as `ganeval.metrics.image_sets.as_reader` takes them; sizes may differ, within a side too.
    bins
        Rings of frequency; None takes as many as the smallest image fills, at most 128.
    window
        ``"none"`` or ``"hann"``.
    images
        Most images a side; of more, so many are drawn at random.
    level
        Of the interval; None leaves it out.
    seed
        Of that draw.

    Returns
    -------
    Score
        ``"spectral_distance"`` in dB, lower is better; see `spectral_distance_of_profiles`.

    Raises
    ------
    MetricError
        If an image has a side below 4 pixels.
    NotEnoughImagesError
        If a side has fewer than two images.
    OptionError
        For parameters out of range, or more bins than the smallest image has frequencies.
    """
    readers = as_reader("real", real), as_reader("generated", generated)
    if bins is None:
        bins = _bins_for(min(min(pixels.shape[:2]) for reader in readers for pixels in reader))
    return _distance(*readers, bins=bins, window=window, images=images, level=level, seed=seed)


def spectral_distance_of_profiles(real: Array, generated: Array, *, level: float | None = DEFAULT_LEVEL) -> Score:
    """Root mean square difference between the mean profiles of two sides, √(mean over bins of (r̄ − ḡ)²).

    Finite samples push the square up by the variances of both means, averaged over bins: `corrected` is the root of
    the square less that, or 0. The square's variance is 4·dᵀVd + 2·tr V² over the squared number of bins, with d the
    difference of the means and V the sum of their covariances. The interval holds all distances at whose own variance
    the estimate lies within the normal quantile (`ganeval.metrics.squared_distance`), so that it is right near 0 too.
    It takes 10 images a side.

    Parameters
    ----------
    real, generated
        Profiles in dB, [N, B] and [M, B], such as `power_profile` gives.
    level
        Of the interval; None leaves it out.

    Returns
    -------
    Score
        ``"spectral_distance"``, lower is better. ``details``: ``frequencies`` in cycles a pixel with ``real_db`` and
        ``generated_db``, the mean profiles thinned to at most 64 points, and ``largest_difference_db`` (generated less
        real) at ``largest_difference_frequency``.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, the two have different numbers of columns, or hold values far beyond what
        decibels of an image can be.
    NotEnoughImagesError
        If a side has fewer than two rows.
    """
    sides = [side.double().cpu().numpy() for side in as_pair(real, generated, minimum_real=2, minimum_generated=2)]
    for name, side in zip(("real", "generated"), sides, strict=True):
        if np.abs(side).max() > _MOST_DECIBELS:
            raise MetricError(
                f"{name} holds values beyond ±{_MOST_DECIBELS:g}, which no power of an image is in decibels",
                hint="Give profiles as power_profile makes them.",
            )
    means = [side.mean(axis=0) for side in sides]
    difference = means[1] - means[0]
    bins = len(difference)
    score = Score(
        name="spectral_distance",
        value=float(np.sqrt(np.mean(difference**2))),
        n_real=len(sides[0]),
        n_generated=len(sides[1]),
        higher_is_better=False,
        parameters={"bins": bins},
        details=_details(means[0], means[1]),
    )
    return score if level is None else _with_interval(score, sides, means, level)


def _with_interval(score: Score, sides: Sequence[Profiles], means: Sequence[Profiles], level: float) -> Score:
    if min(map(len, sides)) < FEWEST_FOR_INTERVAL:
        return score.without_interval(f"a side has fewer than {FEWEST_FOR_INTERVAL} images")
    difference = means[1] - means[0]
    bins = len(difference)
    centred = [side - mean for side, mean in zip(sides, means, strict=True)]
    scatters = [side.T @ side for side in centred]
    noise = sum(float(np.trace(s)) / ((len(c) - 1) * len(c)) for s, c in zip(scatters, centred, strict=True))
    plug_in = float(np.mean(difference**2))
    squared = plug_in - noise / bins
    distance = squared_distance(
        squared,
        plug_in,
        centred[0] @ difference * (-2 / bins),
        centred[1] @ difference * (2 / bins),
        Squares(
            _square_within(centred[0], scatters[0]) / bins**2,
            _square_within(centred[1], scatters[1]) / bins**2,
            float((scatters[0] * scatters[1]).sum()) / ((len(centred[0]) - 1) * (len(centred[1]) - 1)) / bins**2,
        ),
    )
    interval = interval_of_square(squared, distance, level=level, method=_METHOD)
    estimate, error = math.sqrt(max(squared, 0.0)), distance.influence.standard_error().total
    # From the square to its root: the slope at 0, where it has none, is that at one standard error.
    slope = 0.5 / max(estimate, math.sqrt(error)) if error > 0 else 0.0
    of_square = distance.influence
    influence = Influence(
        None if of_square.real is None else slope * of_square.real,
        None if of_square.generated is None else slope * of_square.generated,
        other_variance=slope**2 * of_square.other_variance,
    )
    interval = replace(interval, low=math.sqrt(interval.low), high=math.sqrt(interval.high))
    return replace(score, corrected=estimate).with_interval(interval, influence.standard_error(), influence)


def _square_within(centred: Profiles, scatter: Profiles) -> float:
    """tr C² of the covariance C of one side's profiles, without the bias that the sample's own would have.

    Off the diagonal the centred rows' inner products add up to less than nothing: a row's to its negative square.
    """
    lengths = np.square(centred).sum(axis=1)
    return centred_square_within(-lengths, float(np.square(scatter).sum() - np.square(lengths).sum()))


def _details(real: Profiles, generated: Profiles) -> dict[str, Any]:
    frequencies = bin_centres(len(real))
    places = np.unique(np.linspace(0, len(real) - 1, min(_DRAWN, len(real))).round().astype(int))
    largest = int(np.argmax(np.abs(generated - real)))
    return {
        "frequencies": frequencies[places].round(5).tolist(),
        "real_db": real[places].round(3).tolist(),
        "generated_db": generated[places].round(3).tolist(),
        "largest_difference_db": float(generated[largest] - real[largest]),
        "largest_difference_frequency": float(frequencies[largest]),
    }


def _distance(
    real: ImageReader,
    generated: ImageReader,
    *,
    bins: int,
    window: str,
    images: int,
    level: float | None,
    seed: int,
) -> Score:
    bins, images = require_count("bins", bins), require_count("images", images, minimum=2)
    chosen = [_chosen(len(reader), images, seed) for reader in (real, generated)]
    profiles = [
        np.stack([power_profile(pixels, bins, window=window) for _, pixels in reader.rows(rows)])
        for reader, rows in zip((real, generated), chosen, strict=True)
    ]
    score = spectral_distance_of_profiles(*profiles, level=level)
    influence = score.influence
    if influence is not None:
        influence = replace(
            influence,
            real=_spread(influence.real, chosen[0], len(real)),
            generated=_spread(influence.generated, chosen[1], len(generated)),
        )
    parameters = {"bins": bins, "window": window, "images": images}
    return replace(score, parameters=parameters, influence=influence)


def _chosen(count: int, most: int, seed: int) -> Rows:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _spread(influence: Profiles | None, rows: Rows, count: int) -> Profiles | None:
    """The influence of all `count` images where only those of `rows` were looked at: none of the others."""
    if influence is None or len(rows) == count:
        return influence
    whole = np.zeros(count)
    whole[rows] = influence * (count / len(rows))
    return whole


def _bins_for(side: int) -> int:
    if side < SMALLEST_SIDE:
        raise MetricError(f"images of {side} pixels height or width have no spectrum to speak of")
    return default_bins(side)


def _parse_window(text: str) -> str:
    if text not in WINDOWS:
        raise ValueError(f"choose of {', '.join(WINDOWS)}")
    return text


def _minimum_for(chosen: Mapping[str, Any]) -> int:
    if chosen["bins"] is not None:
        require_count("bins", chosen["bins"])
    require_count("images", chosen["images"], minimum=2)
    if chosen["window"] not in WINDOWS:
        raise OptionError(f"window is {chosen['window']!r}", hint=f"Choose of: {', '.join(WINDOWS)}.")
    return 2


def _compute(
    real: Features | None,
    generated: Features,
    *,
    seed: int,
    level: float | None,
    bins: int | None,
    window: str,
    images: int,
) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("the spectral distance needs real images", hint="Pass them with --real (real=).")
    readers = reader_of(real, "real"), reader_of(generated, "generated")
    if bins is None:
        side = smallest_side((*real.images, *generated.images))
        if side is None:
            return (spectral_distance(*readers, window=window, images=images, level=level, seed=seed),)
        bins = _bins_for(side)
    return (_distance(*readers, bins=bins, window=window, images=images, level=level, seed=seed),)


METRIC = Metric(
    name="spectral_distance",
    scores=("spectral_distance",),
    title="Spectral distance",
    paper="Durall et al. 2020, Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to "
    "Reproduce Spectral Distributions",
    formula="√(mean over frequency rings of (r̄ − ḡ)²), r̄ and ḡ mean log power of real and generated images in dB",
    higher_is_better=(False,),
    compute=_compute,
    has_interval=True,
    needs="images",
    groups=("fidelity",),
    on_features=False,
    minimum_for=_minimum_for,
    parameters=(
        Parameter("bins", None, parse_optional(int), "rings of spatial frequency; auto: what the smallest image fills"),
        Parameter("window", "none", _parse_window, "none, or hann against the jump at the borders"),
        Parameter("images", DEFAULT_IMAGES, int, "most images a side that are looked at"),
    ),
)
