"""The scores of all metrics in the running, under their full names; those that can't be computed are left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ganeval.errors import MetricError, NotEnoughImagesError, PluginError
from ganeval.metrics.naming import score_name
from ganeval.metrics.score import Score
from ganeval.metrics.selection import Selected
from ganeval.scoring.suitability import Suitability


def collect_scores(
    suitability: Suitability,
    compute: Callable[[Selected], Sequence[Score]],
    extractor: str,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Score]:
    """Compute each metric and name its scores.

    Parameters
    ----------
    suitability
        The metrics; told of those that fail.
    compute
        Gives a metric's scores, in the order of `Metric.scores`; raises `MetricError` where it can't.
    extractor
        Name of the extractor that the features are of.
    done
        Called after each metric that was computed.

    Raises
    ------
    MetricError
        If a metric that the user named can't be computed, or none can.
    PluginError
        If two metrics give a score of one name.
    """
    scores: dict[str, Score] = {}
    for one in list(suitability.selection):
        try:
            results = compute(one)
        except MetricError as error:
            suitability.leave_out(one, error)
            continue
        for base, result in zip(one.metric.scores, results, strict=True):
            if base in one.scores:
                name = score_name(base, one.metric, extractor)
                if name in scores:
                    raise PluginError(
                        f"two metrics give a score called {name!r}, the second is {one.metric.name!r}",
                        hint="Name only one of them, or uninstall the package that provides the other.",
                    )
                scores[name] = result.renamed(name)
        done()
    suitability.refuse_nothing(NotEnoughImagesError)
    return scores
