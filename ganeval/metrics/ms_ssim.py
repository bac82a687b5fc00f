"""MS-SSIM between random pairs of generated images: how alike they are, and so how little variety there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.images.reading import ImageReader
from ganeval.images.source import Label
from ganeval.metrics.image_sets import Images, as_reader
from ganeval.metrics.options import require_count
from ganeval.metrics.random_pairs import mean_over_pairs, of_both_sides
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.structural_similarity import multi_scale_structural_similarity, scale_parameters
from ganeval.uncertainty.interval import DEFAULT_LEVEL
from ganeval.wording import counted

#: Pairs that are compared unless another number is asked for: a standard error of about 0.005.
DEFAULT_PAIRS = 500


def ms_ssim(
    images: Images,
    *,
    labels: Sequence[Label] | None = None,
    pairs: int = DEFAULT_PAIRS,
    level: float | None = DEFAULT_LEVEL,
    seed: int = 2020,
) -> Score:
    """Mean MS-SSIM over random pairs of images, within classes where there are labels (Odena et al. 2017, section 4.2).

    Pairs share no image, so that they are independent. The number of scales follows the image size: five from 176
    pixels on, see `ganeval.metrics.structural_similarity.scales_for`; values at different numbers can't be compared.

    Parameters
    ----------
    images
        As `ganeval.metrics.image_sets.as_reader` takes them, all of one size.
    labels
        Class of each image, or None: then pairs are of any two images.
    pairs
        Most pairs; there are at most half as many as images.
    level
        Of the interval, Student's over pairs; None leaves it out.
    seed
        Of the pairs.

    Returns
    -------
    Score
        ``"ms_ssim"`` in 0..1, lower is better: more diverse, up to noise, which is diverse too.

    Raises
    ------
    NotEnoughImagesError
        If there aren't two images, or two of one class.
    MetricError
        If images of a pair differ in size, or are smaller than 5 pixels.
    OptionError
        If `pairs` is no positive number.
    """
    reader = as_reader("images", images)
    if labels is not None and len(labels) != len(reader):
        raise MetricError(f"there are {counted(labels, 'label')} for {counted(reader, 'image')}")
    return _similarity(reader, labels, pairs=pairs, level=level, seed=seed)


def _similarity(
    reader: ImageReader, labels: Sequence[Label] | None, *, pairs: int, level: float | None, seed: int
) -> Score:
    _, first = next(iter(reader.rows([0])))
    return mean_over_pairs(
        "ms_ssim",
        reader,
        multi_scale_structural_similarity,
        labels=labels,
        pairs=require_count("pairs", pairs),
        seed=seed,
        level=level,
        higher_is_better=False,
        parameters=scale_parameters(min(first.shape[:2])),
        highest=1.0,
    )


def _minimum_for(chosen: Mapping[str, Any]) -> int:
    require_count("pairs", chosen["pairs"])
    return 2


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, pairs: int
) -> tuple[Score, ...]:
    def of_side(reader: ImageReader, labels: Sequence[Label] | None) -> Score:
        return _similarity(reader, labels, pairs=pairs, level=level, seed=seed)

    return (of_both_sides(real, generated, of_side),)


METRIC = Metric(
    name="ms_ssim",
    any_count=True,
    scores=("ms_ssim",),
    title="MS-SSIM between samples",
    paper="Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs",
    formula="mean MS-SSIM(x, x′) over random pairs of generated images, of one class where there are labels",
    higher_is_better=(False,),
    compute=_compute,
    has_interval=True,
    needs_real=False,
    needs="images",
    groups=("diversity",),
    on_features=False,
    minimum_for=_minimum_for,
    parameters=(Parameter("pairs", DEFAULT_PAIRS, int, "most random pairs that are compared"),),
)
