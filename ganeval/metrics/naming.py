"""How a score is called in a report: the field's name on Inception features, else with the extractor in it."""

from __future__ import annotations

from collections.abc import Iterable

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
        ``"fid"`` for ``"fd"`` on ``"inception-v3"``, ``"fd_efficientnet-lite0"`` on another extractor; the base name
        alone for metrics that don't depend on it.
    """
    if not metric.on_features:
        return base
    if extractor == INCEPTION:
        return inception_name(base, metric)
    for beginning, names in (metric.field_names or {}).items():
        if extractor.startswith(beginning):
            return f"{names.get(base, base)}_{extractor}"
    return f"{base}_{extractor}"


def metrics_by_score(metrics: Iterable[Metric], extractor: str) -> dict[str, Metric]:
    """Full names of all scores of some metrics on an extractor's features to the metric that gives each."""
    return {score_name(base, metric, extractor): metric for metric in metrics for base in metric.scores}


def names_of(base: str, metric: Metric) -> set[str]:
    """Every name of a score without an extractor's in it: its base name and the field's names."""
    special = {names[base] for names in (metric.field_names or {}).values() if base in names}
    return {base, inception_name(base, metric), *special}


def inception_name(base: str, metric: Metric) -> str:
    """The field's name of a score on Inception features."""
    return (metric.inception_names or {}).get(base, base)
