"""How a score is called in a report: the field's name on Inception features, else with the extractor in it."""

from __future__ import annotations

from ganeval.metrics.registry import Metric

INCEPTION = "inception-v3"


def score_name(base: str, metric: Metric, extractor: str) -> str:
    """The full name of a score.

    Parameters
    ----------
    base
        One of ``metric.scores``.
    metric
        The metric that gives it.
    extractor
        Name of the extractor whose features it was computed on.

    Returns
    -------
    str
        ``"fid"`` for ``"fd"`` on ``"inception-v3"``, ``"fd_efficientnet-lite0"`` on another extractor.
    """
    if extractor == INCEPTION:
        return inception_name(base, metric)
    return f"{base}_{extractor}"


def inception_name(base: str, metric: Metric) -> str:
    """The field's name of a score on Inception features."""
    return (metric.inception_names or {}).get(base, base)
