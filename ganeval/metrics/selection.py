"""From what a user asks for, ``--metrics fid,prdc`` and ``--option kid.subset_size=500``, to metrics of the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganeval.errors import MetricError, OptionError, PluginError, did_you_mean
from ganeval.metrics.naming import names_of, score_name
from ganeval.metrics.options import split_option
from ganeval.metrics.registry import METRICS, Metric
from ganeval.metrics.score import Score

_STANDARD = ("inception_score", "fd", "kd", "precision_recall", "density_coverage")

#: Names for several metrics at once whose members are listed here.
_LISTED: Mapping[str, tuple[str, ...]] = {
    "default": _STANDARD,
    "standard": _STANDARD,
    "prdc": ("precision_recall", "density_coverage"),
}
#: Those whose members say themselves that they belong to it, in `Metric.groups`; plug-ins' may.
_DECLARED = ("fidelity", "diversity", "paired", "video")
#: Everything in the table, plug-ins included, but metrics of pairs.
_EVERYTHING = "all"
#: The one group with metrics of pairs: two sets often have names in common (0001.png) that mean nothing, and only the
#: user knows whether images of one name belong together.
_OF_PAIRS = "paired"
#: All names for several metrics at once.
GROUPS: tuple[str, ...] = (*_LISTED, *_DECLARED, _EVERYTHING)


@dataclass(frozen=True)
class Selected:
    """A metric that was asked for.

    Parameters
    ----------
    metric
        From the table.
    scores
        Those of its scores that are wanted, base names in the metric's order.
    requested
        Names that stand for one of these scores, as a report should find it: what the user typed, the base name, and
        the name on Inception features (``"fid"``), each to the base name (``"fd"``).
    named
        Whether it was asked for by a name of its own, so that it has to be computed; of a group, whatever can be is.
    """

    metric: Metric
    scores: tuple[str, ...]
    requested: Mapping[str, str]
    named: bool = True


# The short name of two metrics rather than a group of whatever can be computed.
_NAMES_ALL = ("prdc",)


def select_metrics(names: Sequence[str]) -> list[Selected]:
    """The metrics and scores that `names` stand for, each once, in the order asked for.

    Parameters
    ----------
    names
        Names of the table (``"fd"``), aliases (``"fid"``), scores (``"precision"``, that score alone), groups
        (see `GROUPS`); several in one string are parted by commas; case and the choice between ``-`` and ``_`` don't
        matter. Metrics of pairs are in the group ``"paired"`` alone, not in ``"all"``.

    Raises
    ------
    MetricError
        For an unknown name, with the nearest known one, and where nothing is asked for.
    """
    wanted: dict[str, set[str]] = {}
    metrics: dict[str, Metric] = {}
    typed: dict[str, dict[str, str]] = {}
    named: set[str] = set()
    for name in _split(names):
        resolved = _resolve(name)
        if _plain(name) not in GROUPS or _plain(name) in _NAMES_ALL:
            named.update(metric.name for metric, _ in resolved)
        for metric, scores in resolved:
            metrics[metric.name] = metric
            wanted.setdefault(metric.name, set()).update(scores)
            if len(resolved) == len(scores) == 1:
                typed.setdefault(metric.name, {})[name] = scores[0]
    if not metrics:
        raise MetricError("no metric is asked for", hint=did_you_mean("default", known_names()))
    return [
        _selected(metric, wanted[name], typed.get(name, {}), named=name in named) for name, metric in metrics.items()
    ]


def parse_options(options: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Values of metrics' parameters from text such as ``"kid.subset_size=500"``.

    Parameters
    ----------
    options
        Each ``metric.parameter=value``, the metric by any name that `select_metrics` knows; a group's option goes to
        each metric of the group. Of several values for one parameter the last counts.

    Returns
    -------
    dict
        Name in the table to parameter to value.

    Raises
    ------
    OptionError
        For text of another form, an unknown metric or parameter, or a value that can't be read.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for text in options:
        name, parameter_name, value = split_option(text, "metric", "kid.subset_size=500")
        try:
            resolved = _resolve(name)
        except MetricError as error:
            raise OptionError(f"the option {text!r} names an {error.message}", hint=error.hint) from error
        for metric, _ in resolved:
            parameter = metric.parameter(_plain(parameter_name))
            chosen.setdefault(metric.name, {})[parameter.name] = parameter.read(value, text)
    return chosen


def pairs_left_out(names: Sequence[str]) -> tuple[str, ...]:
    """Scores of pairs that `names` leave out although they ask for everything: see `select_metrics`."""
    if _EVERYTHING not in map(_plain, _split(names)):
        return ()
    chosen = {one.metric.name for one in select_metrics(names)}
    paired = (metric for metric in _usable() if metric.needs == "pairs" and metric.name not in chosen)
    return tuple(score for metric in paired for score in metric.scores)


def other_names(selection: Sequence[Selected], scores: Mapping[str, Score], extractor: str) -> dict[str, str]:
    """Every other name under which people look for a score to its full name in `scores`.

    Parameters
    ----------
    selection
        The metrics that were computed.
    scores
        By full name, see `ganeval.metrics.naming.score_name`.
    extractor
        Name of the extractor.
    """
    table: dict[str, str] = {}
    for one in selection:
        names = dict(one.requested)
        if len(one.metric.scores) == 1:
            names |= dict.fromkeys((one.metric.name, *one.metric.aliases), one.metric.scores[0])
        table |= {name: score_name(base, one.metric, extractor) for name, base in names.items()}
    return {name: full for name, full in table.items() if full in scores and name != full}


def known_names() -> list[str]:
    """Every name that `select_metrics` understands, sorted."""
    names = {*GROUPS}
    for metric in _usable():
        names.update((metric.name, *metric.aliases))
        for base in metric.scores:
            names |= names_of(base, metric)
    return sorted(names)


def _split(names: Sequence[str]) -> Iterator[str]:
    parts = [names] if isinstance(names, str) else names
    return (word.strip().lower() for part in parts for word in part.split(",") if word.strip())


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _resolve(name: str) -> list[tuple[Metric, tuple[str, ...]]]:
    """The metrics and their scores that one name stands for."""
    plain = _plain(name)
    if plain == _EVERYTHING:
        return [(metric, metric.scores) for metric in map(METRICS.get, METRICS.names()) if metric.needs != "pairs"]
    if plain in _LISTED:
        return [(metric, metric.scores) for metric in map(METRICS.get, _LISTED[plain])]
    if plain in _DECLARED:
        members = [(metric, scores) for metric in _usable() if (scores := metric.scores_in(plain))]
        return [one for one in members if plain == _OF_PAIRS or one[0].needs != "pairs"]
    for listed in METRICS.names():
        if _plain(listed) == plain:
            metric = METRICS.get(listed)
            return [(metric, metric.scores)]
    for metric in _usable():
        if plain in map(_plain, metric.aliases):
            return [(metric, metric.scores)]
        for base in metric.scores:
            if plain in map(_plain, names_of(base, metric)):
                return [(metric, (base,))]
    raise MetricError(f"unknown metric {name.strip()!r}", hint=did_you_mean(plain, known_names()))


def _usable() -> Iterator[Metric]:
    """The table's metrics, without plug-ins that can't be imported: those are reported when asked for by name."""
    for name in METRICS.names():
        try:
            yield METRICS.get(name)
        except PluginError:
            continue


def _selected(metric: Metric, wanted: set[str], typed: Mapping[str, str], *, named: bool) -> Selected:
    scores = tuple(base for base in metric.scores if base in wanted)
    requested = {name: base for base in scores for name in names_of(base, metric)}
    return Selected(metric, scores, requested | dict(typed), named)
