"""What is to be computed: the metrics and their options, from what a user named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganeval.errors import MetricError, OptionError
from ganeval.metrics.selection import Selected, pairs_left_out, select_metrics
from ganeval.notices import Notice


@dataclass(frozen=True)
class Choice:
    """The metrics to compute.

    Parameters
    ----------
    selection
        The metrics.
    options
        Parameters by the table's names of the metrics.
    notices
        What was left out, and why.
    """

    selection: list[Selected]
    options: dict[str, dict[str, Any]]
    notices: list[Notice]


def choose_metrics(
    metrics: str | Sequence[str] | None, options: Mapping[str, Mapping[str, Any]] | None, *, with_real: bool
) -> Choice:
    """The choice that a user's names and options stand for.

    Raises
    ------
    MetricError
        For an unknown name, or a named metric that needs real images where there are none.
    OptionError
        For an option that its metric doesn't have, or of a metric that isn't computed.
    """
    names = _names(metrics)
    selection = select_metrics(names)
    checked = _options_by_metric(selection, options or {})
    if not with_real:
        selection, notices = _without_real(selection)
        return Choice(selection, checked, notices)
    return Choice(selection, checked, _not_presumed(pairs_left_out(names)))


def _names(metrics: str | Sequence[str] | None) -> list[str]:
    if metrics is None:
        return ["default"]
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if not names:
        raise MetricError("no metric was named", hint="Leave metrics out for all that can be computed.")
    return names


def _options_by_metric(
    selection: Sequence[Selected], options: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Options under the table's names of the metrics, each checked against what the metric knows."""
    table: dict[str, dict[str, Any]] = {}
    chosen = {one.metric.name for one in selection}
    for asked, parameters in options.items():
        for one in select_metrics([asked]):
            if one.metric.name not in chosen:
                raise OptionError(
                    f"an option was given for the metric {asked!r}, which is not computed",
                    hint=f"Add it to the metrics, or remove the option. Computed: {', '.join(sorted(chosen))}.",
                )
            for name in parameters:
                one.metric.parameter(name)
            table.setdefault(one.metric.name, {}).update(parameters)
    return table


def _not_presumed(paired: Sequence[str]) -> list[Notice]:
    """That scores of pairs are there for the asking, where all scores were asked for."""
    if not paired:
        return []
    return [
        Notice(
            "pairs-not-presumed",
            f"{', '.join(paired)} left out: they compare each image with the real one of its name, and the "
            "group all doesn't presume that images of one name belong together",
            "If they do, name paired too: --metrics all,paired.",
            severity="info",
        )
    ]


def _without_real(selection: list[Selected]) -> tuple[list[Selected], list[Notice]]:
    """What remains when there are no real images, and a sentence on what doesn't."""
    alone = [one for one in selection if not one.metric.needs_real]
    missing = [name for one in selection if one.metric.needs_real for name in one.scores]
    # Only a name of a metric's own insists on it; of groups, what can be computed is wanted, if anything can.
    refused = [name for one in selection if one.metric.needs_real and one.named for name in one.scores]
    if refused or (missing and not alone):
        raise MetricError(
            f"{', '.join(refused or missing)}: no real images were given to compare with",
            hint="Add --real DATA (real=...), or name metrics that need none, such as inception_score or vendi.",
        )
    if not missing:
        return alone, []
    notice = Notice(
        "no-real-images",
        f"no real images were given, so {', '.join(missing)} are missing",
        "What is left sees neither realism nor memorisation; add --real DATA for the rest.",
    )
    return alone, [notice]
