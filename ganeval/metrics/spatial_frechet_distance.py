"""The Fréchet distance on spatial features, which see layout where pooled ones don't: sFID on Inception's, else sFD."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.frechet_distance import frechet_distance
from ganeval.metrics.registry import Metric
from ganeval.metrics.score import Score


def needs_spatial(metrics: Iterable[Metric]) -> bool:
    """Whether one of `metrics` reads spatial features, which an extractor makes only when it is asked to."""
    return any(metric.needs == "spatial" for metric in metrics)


def _spatial(side: str, features: Features) -> npt.NDArray[np.float32]:
    if features.spatial is None:
        name = "these features" if features.extractor is None else f"the features of {features.extractor.name}"
        raise MetricError(
            f"the spatial Fréchet distance needs spatial features, which {name} on the {side} side don't have",
            hint="Use --extractor inception-v3, whose extractor makes them when this metric is asked for.",
        )
    return features.spatial


def _compute(real: Features | None, generated: Features, *, seed: int, level: float | None) -> tuple[Score, ...]:
    if real is None:
        raise MetricError("the spatial Fréchet distance needs real images", hint="Pass them with --real (real=).")
    rows = _spatial("generated", generated)
    score = frechet_distance(_spatial("real", real), rows, level=level)
    return (replace(score, name="sfd", details={**score.details, "dimensions": rows.shape[1]}),)


METRIC = Metric(
    name="sfd",
    scores=("sfd",),
    covariances="sides",
    title="Spatial Fréchet distance",
    paper="Nash et al. 2021, Generating Images with Sparse Representations; layer and channels as in Dhariwal & Nichol "
    "2021, Diffusion Models Beat GANs on Image Synthesis",
    formula="Fréchet distance on the first 7 channels of mixed_6/conv, 17 × 17 × 7 = 2023 numbers an image",
    higher_is_better=(False,),
    compute=_compute,
    has_interval=True,
    needs="spatial",
    aliases=("sfid",),
    inception_names={"sfd": "sfid"},
)
