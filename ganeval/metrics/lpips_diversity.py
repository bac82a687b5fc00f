"""LPIPS between random pairs of generated images: how different they look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganeval.errors import MetricError, OptionError, did_you_mean
from ganeval.features.features import Features
from ganeval.features.lpips import BACKBONES, PerceptualDistance, require_weights
from ganeval.images.reading import ImageReader
from ganeval.images.source import Label
from ganeval.metrics.image_sets import Images, as_reader
from ganeval.metrics.options import parse_boolean, require_count
from ganeval.metrics.random_pairs import mean_over_pairs, of_both_sides
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.uncertainty.interval import DEFAULT_LEVEL
from ganeval.wording import counted

DEFAULT_PAIRS = 500
DEFAULT_NETWORK = "alex"


def lpips_diversity(
    images: Images,
    *,
    labels: Sequence[Label] | None = None,
    pairs: int = DEFAULT_PAIRS,
    network: str = DEFAULT_NETWORK,
    download: bool = False,
    level: float | None = DEFAULT_LEVEL,
    seed: int = 2020,
) -> Score:
    """Mean LPIPS (Zhang et al. 2018) over random pairs of images, within classes where there are labels.

    As a measure of diversity in Zhu et al. 2017 ("Toward Multimodal Image-to-Image Translation", section 4.2). Pairs
    share no image, so that they are independent.

    Parameters
    ----------
    images
        As `ganeval.metrics.image_sets.as_reader` takes them, all of one size; below 64 pixels they are enlarged.
    labels
        Class of each image, or None: then pairs are of any two images.
    pairs
        Most pairs; there are at most half as many as images.
    network
        ``"alex"``, ``"vgg"`` or ``"squeeze"``.
    download
        Whether the network's weights may be fetched.
    level
        Of the interval, Student's over pairs; None leaves it out.
    seed
        Of the pairs.

    Returns
    -------
    Score
        ``"lpips_diversity"``, 0 or more, higher is better: more diverse.

    Raises
    ------
    MetricError
        If the network's weights aren't there, or images of a pair differ in size.
    NotEnoughImagesError
        If there aren't two images, or two of one class.
    OptionError
        For parameters out of range.
    """
    reader = as_reader("images", images)
    if labels is not None and len(labels) != len(reader):
        raise MetricError(f"there are {counted(labels, 'label')} for {counted(reader, 'image')}")
    distance = PerceptualDistance(network, download=download)
    return _diversity(reader, labels, distance, pairs=pairs, level=level, seed=seed)


def _diversity(
    reader: ImageReader,
    labels: Sequence[Label] | None,
    distance: PerceptualDistance,
    *,
    pairs: int,
    level: float | None,
    seed: int,
) -> Score:
    return mean_over_pairs(
        "lpips_diversity",
        reader,
        distance,
        labels=labels,
        pairs=require_count("pairs", pairs),
        seed=seed,
        level=level,
        higher_is_better=True,
        parameters={"network": distance.network},
    )


def minimum_for(chosen: Mapping[str, Any]) -> int:
    """Two images; raises `OptionError` for parameters of LPIPS that can't be used."""
    if "pairs" in chosen:
        require_count("pairs", chosen["pairs"])
    if chosen["network"] not in BACKBONES:
        raise OptionError(
            f"unknown network {chosen['network']!r} for LPIPS", hint=did_you_mean(chosen["network"], BACKBONES)
        )
    return 2


def weights_at_hand(metric: str) -> Callable[[Mapping[str, Any]], None]:
    """What a metric with the options ``network`` and ``download`` needs beside images; see `Metric.at_hand`."""

    def check(chosen: Mapping[str, Any]) -> None:
        require_weights(metric, chosen["network"], download=chosen["download"])

    return check


def _compute(
    real: Features | None,
    generated: Features,
    *,
    seed: int,
    level: float | None,
    pairs: int,
    network: str,
    download: bool,
) -> tuple[Score, ...]:
    distance = PerceptualDistance(network, download=download)

    def of_side(reader: ImageReader, labels: Sequence[Label] | None) -> Score:
        return _diversity(reader, labels, distance, pairs=pairs, level=level, seed=seed)

    return (of_both_sides(real, generated, of_side),)


METRIC = Metric(
    name="lpips_diversity",
    any_count=True,
    scores=("lpips_diversity",),
    title="LPIPS between samples",
    paper="Zhang et al. 2018, The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
    formula="mean LPIPS(x, x′) over random pairs of generated images, of one class where there are labels",
    higher_is_better=(True,),
    compute=_compute,
    has_interval=True,
    needs_real=False,
    needs="images",
    groups=("diversity",),
    on_features=False,
    minimum_for=minimum_for,
    at_hand=weights_at_hand("lpips_diversity"),
    parameters=(
        Parameter("pairs", DEFAULT_PAIRS, int, "most random pairs that are compared"),
        Parameter("network", DEFAULT_NETWORK, str, "alex, vgg or squeeze"),
        Parameter("download", False, parse_boolean, "whether the network's weights may be fetched"),
    ),
)
