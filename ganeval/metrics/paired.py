"""PSNR, SSIM, MS-SSIM and LPIPS between images and their partners of the same name, for image-to-image work."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.features.features import Features
from ganeval.features.lpips import PerceptualDistance
from ganeval.metrics.image_sets import Images
from ganeval.metrics.lpips_diversity import DEFAULT_NETWORK, minimum_for, weights_at_hand
from ganeval.metrics.mean_of_values import with_mean_interval
from ganeval.metrics.name_matching import SHOWN
from ganeval.metrics.options import parse_boolean
from ganeval.metrics.pair_comparisons import (
    Comparison,
    PairedImages,
    Values,
    paired_images,
    paired_of,
    peak_signal_to_noise,
)
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.structural_similarity import multi_scale_structural_similarity, scales_for, structural_similarity
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.interval import DEFAULT_LEVEL

#: How many of the pairs that differ most a score names.
_WORST = 5


def psnr(
    real: Images,
    generated: Images,
    *,
    names: tuple[Sequence[str], Sequence[str]] | None = None,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Mean peak signal-to-noise ratio of pairs of images: 10·log10(255² / mean squared error over pixels and channels).

    The mean is over the pairs that differ, since equal images have an infinite ratio: how many were equal is in the
    details. Where all are, the score is infinite.

    Parameters
    ----------
    real, generated
        As `ganeval.metrics.image_sets.as_reader` takes them.
    names
        Ids of both sides' images, matched by `ganeval.metrics.name_matching.match_names`; None pairs them by place.
    level
        Of the interval, Student's over pairs; None leaves it out.

    Returns
    -------
    Score
        ``"psnr"`` in decibels, higher is better. ``details``: ``pairs``, ``identical_pairs``, ``of_mean_error`` (of
        the squared error averaged over all pairs, which is torchmetrics' default), ``std``, ``worst`` and what had no
        partner.

    Raises
    ------
    MetricError
        If the numbers of images differ (without names), no name matches, or the images of a pair differ in size.
    """
    return _psnr(paired_images(real, generated, names), level)


def ssim(
    real: Images,
    generated: Images,
    *,
    names: tuple[Sequence[str], Sequence[str]] | None = None,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Mean structural similarity of pairs of images (Wang et al. 2004), RGB, Gaussian window of 11 pixels, σ = 1.5.

    As torchmetrics computes it, with the images mirrored at the border.

    Parameters and errors as `psnr`; images below 11 pixels get a smaller window, below 5 a `MetricError`.

    Returns
    -------
    Score
        ``"ssim"``, at most 1, higher is better; ``details`` as `psnr`.
    """
    return _ssim(paired_images(real, generated, names), level)


def paired_ms_ssim(
    real: Images,
    generated: Images,
    *,
    names: tuple[Sequence[str], Sequence[str]] | None = None,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Mean multi-scale structural similarity of pairs of images (Wang, Simoncelli & Bovik 2003).

    Parameters and errors as `psnr`. The number of scales follows each image's size: five from 176 pixels on, see
    `ganeval.metrics.structural_similarity.scales_for`.

    Returns
    -------
    Score
        ``"paired_ms_ssim"`` in 0..1, higher is better; ``details`` as `psnr`.
    """
    return _ms_ssim(paired_images(real, generated, names), level)


def paired_lpips(
    real: Images,
    generated: Images,
    *,
    names: tuple[Sequence[str], Sequence[str]] | None = None,
    network: str = DEFAULT_NETWORK,
    download: bool = False,
    level: float | None = DEFAULT_LEVEL,
) -> Score:
    """Mean LPIPS of pairs of images (Zhang et al. 2018); images below 64 pixels are enlarged to them.

    Parameters and errors as `psnr`, and a `MetricError` where the weights of `network` (``"alex"``, ``"vgg"`` or
    ``"squeeze"``) are not on disk and `download` is false.

    Returns
    -------
    Score
        ``"paired_lpips"``, 0 or more, lower is better; ``details`` as `psnr`.
    """
    return _lpips(paired_images(real, generated, names), level, network=network, download=download)


def _psnr(paired: PairedImages, level: float | None) -> Score:
    values = paired.values("psnr", peak_signal_to_noise)
    differs = np.isfinite(values)
    mean_error = float(np.mean(np.where(differs, 255.0**2 * 10 ** (-np.where(differs, values, 0) / 10), 0.0)))
    details = {
        "identical_pairs": int((~differs).sum()),
        "of_mean_error": 10 * math.log10(255.0**2 / mean_error) if mean_error > 0 else math.inf,
    }
    if not differs.any():
        score = _score("psnr", paired, values, math.inf, True, details)
        return score if level is None else score.without_interval("the images of all pairs are identical")
    return _with_interval(
        _score("psnr", paired, values, float(values[differs].mean()), True, details), paired, values, differs, level
    )


def _ssim(paired: PairedImages, level: float | None) -> Score:
    return _mean("ssim", paired, structural_similarity, level, higher_is_better=True, range_=(-1.0, 1.0))


def _ms_ssim(paired: PairedImages, level: float | None) -> Score:
    score = _mean(
        "paired_ms_ssim", paired, multi_scale_structural_similarity, level, higher_is_better=True, range_=(0.0, 1.0)
    )
    return replace(score, details=score.details | {"scales_of_smallest": len(scales_for(paired.smallest_side))})


def _lpips(paired: PairedImages, level: float | None, *, network: str, download: bool) -> Score:
    distance = PerceptualDistance(network, download=download)
    key = f"paired_lpips {network}"
    score = _mean("paired_lpips", paired, distance, level, higher_is_better=False, range_=(0.0, math.inf), key=key)
    return replace(score, parameters={"network": network})


def _mean(
    name: str,
    paired: PairedImages,
    comparison: Comparison,
    level: float | None,
    *,
    higher_is_better: bool,
    range_: tuple[float, float],
    key: str | None = None,
) -> Score:
    values = paired.values(key or name, comparison)
    score = _score(name, paired, values, float(values.mean()), higher_is_better, {})
    return _with_interval(score, paired, values, np.ones(len(values), dtype=bool), level, *range_)


def _score(
    name: str, paired: PairedImages, values: Values, value: float, higher_is_better: bool, details: dict[str, Any]
) -> Score:
    matching = paired.matching
    order = np.argsort(values if higher_is_better else -values, kind="stable")[:_WORST]
    finite = values[np.isfinite(values)]
    return Score(
        name=name,
        value=value,
        n_real=len(values),
        n_generated=len(values),
        higher_is_better=higher_is_better,
        details={
            "pairs": len(values),
            **details,
            **({"std": float(finite.std(ddof=1))} if len(finite) > 1 else {}),
            "worst": [{"name": matching.names[i], "value": float(values[i])} for i in order],
            "unmatched_real": len(matching.unmatched_real),
            "unmatched_generated": len(matching.unmatched_generated),
            "first_unmatched_real": list(matching.unmatched_real[:SHOWN]),
            "first_unmatched_generated": list(matching.unmatched_generated[:SHOWN]),
        },
    )


def _with_interval(
    score: Score,
    paired: PairedImages,
    values: Values,
    counted: npt.NDArray[np.bool_],
    level: float | None,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Score:
    """Student's interval over the counted pairs.

    The influence is put down to the real images: two generated sets scored on the same ones are then compared pair by
    pair.
    """
    if level is None:
        return score
    influence = np.zeros(len(paired.real))
    rows = np.array(paired.matching.real)[counted]
    influence[rows] = (values[counted] - values[counted].mean()) * (len(influence) / len(rows))
    return with_mean_interval(
        score,
        values[counted],
        level=level,
        what="pairs of images",
        real=True,
        influence=Influence(influence, None),
        lowest=lowest,
        highest=highest,
    )


def _compute_psnr(real: Features | None, generated: Features, *, seed: int, level: float | None) -> tuple[Score, ...]:
    return (_psnr(paired_of(real, generated), level),)


def _compute_ssim(real: Features | None, generated: Features, *, seed: int, level: float | None) -> tuple[Score, ...]:
    return (_ssim(paired_of(real, generated), level),)


def _compute_ms_ssim(
    real: Features | None, generated: Features, *, seed: int, level: float | None
) -> tuple[Score, ...]:
    return (_ms_ssim(paired_of(real, generated), level),)


def _compute_lpips(
    real: Features | None, generated: Features, *, seed: int, level: float | None, network: str, download: bool
) -> tuple[Score, ...]:
    return (_lpips(paired_of(real, generated), level, network=network, download=download),)


def _metric_of_pairs(
    name: str, compute: Callable[..., Sequence[Score]], *, higher_is_better: bool = True, **further: Any
) -> Metric:
    """An entry of the table with what all metrics of pairs have in common."""
    return Metric(
        name=name,
        scores=(name,),
        compute=compute,
        higher_is_better=(higher_is_better,),
        needs="pairs",
        on_features=False,
        minimum=1,
        groups=("paired",),
        any_count=True,
        has_interval=True,
        **further,
    )


PSNR = _metric_of_pairs(
    "psnr",
    _compute_psnr,
    title="Peak signal-to-noise ratio of pairs",
    paper="Huynh-Thu & Ghanbari 2008, Scope of validity of PSNR in image/video quality assessment",
    formula="mean over pairs of 10·log10(255² / mean squared error)",
)
SSIM = _metric_of_pairs(
    "ssim",
    _compute_ssim,
    title="Structural similarity of pairs",
    paper="Wang et al. 2004, Image Quality Assessment: From Error Visibility to Structural Similarity",
    formula="mean over pairs and pixels of (2μxμy + C1)(2σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2))",
)
MS_SSIM = _metric_of_pairs(
    "paired_ms_ssim",
    _compute_ms_ssim,
    title="Multi-scale structural similarity of pairs",
    paper="Wang, Simoncelli & Bovik 2003, Multiscale Structural Similarity for Image Quality Assessment",
    formula="mean over pairs of the product over scales of contrast and structure, and luminance at the coarsest",
)
LPIPS = _metric_of_pairs(
    "paired_lpips",
    _compute_lpips,
    title="LPIPS of pairs",
    paper="Zhang et al. 2018, The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
    formula="mean over pairs of weighted squared differences of normalised network activations",
    higher_is_better=False,
    aliases=("lpips",),
    minimum_for=lambda chosen: min(minimum_for(chosen), 1),
    at_hand=weights_at_hand("paired_lpips"),
    parameters=(
        Parameter("network", DEFAULT_NETWORK, str, "alex, vgg or squeeze"),
        Parameter("download", False, parse_boolean, "whether the network's weights may be fetched"),
    ),
)
