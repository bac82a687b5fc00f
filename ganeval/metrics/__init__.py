"""Metrics: pure functions from features, plain numpy arrays or torch tensors, to scores."""

from ganeval.metrics.density_coverage import DensityCoverage, density_coverage
from ganeval.metrics.frechet_distance import frechet_distance, frechet_distance_from_moments
from ganeval.metrics.inception_score import inception_score
from ganeval.metrics.kernel_distance import kernel_distance
from ganeval.metrics.precision_recall import PrecisionRecall, precision_recall
from ganeval.metrics.score import Interval, Score

__all__ = [
    "DensityCoverage",
    "Interval",
    "PrecisionRecall",
    "Score",
    "density_coverage",
    "frechet_distance",
    "frechet_distance_from_moments",
    "inception_score",
    "kernel_distance",
    "precision_recall",
]
