"""Metrics: pure functions from features, plain numpy arrays or torch tensors, to scores."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganeval.metrics.authenticity import authenticity_of_each, authpct
from ganeval.metrics.classifier_two_sample_test import classifier_two_sample_test
from ganeval.metrics.clips import for_clips
from ganeval.metrics.density_coverage import DensityCoverage, density_coverage
from ganeval.metrics.fd_infinity import fd_infinity
from ganeval.metrics.feature_diversity import feature_diversity
from ganeval.metrics.frechet_distance import frechet_distance, frechet_distance_from_moments
from ganeval.metrics.frechet_influence import frechet_influence
from ganeval.metrics.inception_score import inception_score
from ganeval.metrics.inception_score_infinity import inception_score_infinity
from ganeval.metrics.intra_class_frechet_distance import intra_class_frechet_distance
from ganeval.metrics.kernel_distance import kernel_distance
from ganeval.metrics.lpips_diversity import lpips_diversity
from ganeval.metrics.maximum_mean_discrepancy import mmd_poly, mmd_rbf
from ganeval.metrics.memorisation_informed_distance import memorisation_distances, memorisation_informed_distance
from ganeval.metrics.monge_inception_distance import monge_inception_distance
from ganeval.metrics.ms_ssim import ms_ssim
from ganeval.metrics.paired import paired_lpips, paired_ms_ssim, psnr, ssim
from ganeval.metrics.parzen_window import parzen_window
from ganeval.metrics.path_length import path_length
from ganeval.metrics.precision_recall import PrecisionRecall, precision_recall
from ganeval.metrics.precision_recall_distributions import (
    PrecisionRecallDistributions,
    precision_recall_distributions,
)
from ganeval.metrics.realism import realism, realism_scores
from ganeval.metrics.renyi_kernel_entropy import renyi_kernel_entropy
from ganeval.metrics.score import Interval, Score
from ganeval.metrics.spectral_distance import spectral_distance, spectral_distance_of_profiles
from ganeval.metrics.temporal_distance import temporal_frechet_distance
from ganeval.metrics.vendi_score import vendi_score

if TYPE_CHECKING:
    from ganeval.streaming.classes import PRDC, FrechetDistance, InceptionScore, KernelDistance, streaming
    from ganeval.streaming.suite import MetricSuite

__all__ = [
    "DensityCoverage",
    "FrechetDistance",
    "InceptionScore",
    "Interval",
    "KernelDistance",
    "MetricSuite",
    "PRDC",
    "PrecisionRecall",
    "PrecisionRecallDistributions",
    "Score",
    "authenticity_of_each",
    "authpct",
    "classifier_two_sample_test",
    "density_coverage",
    "fd_infinity",
    "feature_diversity",
    "for_clips",
    "frechet_distance",
    "frechet_distance_from_moments",
    "frechet_influence",
    "inception_score",
    "inception_score_infinity",
    "intra_class_frechet_distance",
    "kernel_distance",
    "lpips_diversity",
    "memorisation_distances",
    "memorisation_informed_distance",
    "mmd_poly",
    "mmd_rbf",
    "monge_inception_distance",
    "ms_ssim",
    "paired_lpips",
    "paired_ms_ssim",
    "parzen_window",
    "path_length",
    "precision_recall",
    "precision_recall_distributions",
    "psnr",
    "realism",
    "realism_scores",
    "renyi_kernel_entropy",
    "spectral_distance",
    "spectral_distance_of_profiles",
    "ssim",
    "streaming",
    "temporal_frechet_distance",
    "vendi_score",
]

#: Classes for training loops: they need torchmetrics, which isn't imported before one of them is asked for.
_STREAMING = {
    "FrechetDistance": "ganeval.streaming.classes",
    "InceptionScore": "ganeval.streaming.classes",
    "KernelDistance": "ganeval.streaming.classes",
    "PRDC": "ganeval.streaming.classes",
    "streaming": "ganeval.streaming.classes",
    "MetricSuite": "ganeval.streaming.suite",
}


def __getattr__(name: str) -> Any:
    if name in _STREAMING:
        return getattr(import_module(_STREAMING[name]), name)
    raise AttributeError(f"module 'ganeval.metrics' has no attribute {name!r}")
