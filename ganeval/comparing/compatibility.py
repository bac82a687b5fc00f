"""Whether the numbers of several reports may be held against each other, and everything that speaks against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from ganeval.errors import CompareError
from ganeval.notices import Notice
from ganeval.report.report import Report, Side

#: Parameters in which scores may differ because a set is small, without being numbers of another kind: the subsets of
#: an unbiased statistic.
_HARMLESS_IF_CLAMPED = frozenset({"subset_size"})
_EXTRACTOR = {
    "name": "extractors",
    "weights_sha256": "weights of the extractor",
    "preprocessing": "preprocessing (resize)",
    "precision": "precision of the network",
}


def require_comparable(reports: Mapping[str, Report], metrics: Sequence[str]) -> list[Notice]:
    """Refuse reports whose numbers of `metrics` (full names) are not of one kind.

    Parameters
    ----------
    reports
        By name of the set.
    metrics
        Scores that all of them have.

    Returns
    -------
    list of Notice
        What couldn't be checked.

    Raises
    ------
    CompareError
        Naming all that differs: extractors, their weights, preprocessing or precision, real images, parameters.
    """
    differing = _of_the_extractor(reports)
    with_real = [name for name in metrics if any(_has_real(r, name) for r in reports.values())]
    if with_real:
        differing += _of_the_real_side(reports)
    differing += _of_the_parameters(reports, metrics)
    if differing:
        listed = "\n".join(f"  {one}" for one in differing)
        raise CompareError(
            f"these numbers can't be compared, because they differ in more than the generated images:\n{listed}",
            hint="Score the sets again with the same settings, or let `ganeval compare A B --real DATA` do it.",
        )
    return _unchecked(reports) if with_real else []


def _has_real(report: Report, metric: str) -> bool:
    """Whether a score rests on real images; where nobody knows how many those are, any may."""
    unknown = report.real is not None and report.real.count is None
    return unknown or report.scores[metric].n_real is not None


def without_common_metric(reports: Mapping[str, Report]) -> CompareError:
    """For reports that share no score; names what differs where that is why."""
    differing = _of_the_extractor(reports)
    listed = "\n".join(f"  {one}" for one in differing)
    have = "; ".join(f"{name} has {', '.join(report.scores) or 'none'}" for name, report in reports.items())
    message = "the reports have no score in common"
    if differing:
        message += f", because they differ:\n{listed}\n"
    return CompareError(f"{message}{'' if differing else ': '}{have}")


def _of_the_extractor(reports: Mapping[str, Report]) -> list[str]:
    return [
        f"{words}: {shown}"
        for field, words in _EXTRACTOR.items()
        if (shown := _listed({name: getattr(report.extractor, field) for name, report in reports.items()}))
    ]


def _of_the_real_side(reports: Mapping[str, Report]) -> list[str]:
    sides = {name: report.real for name, report in reports.items()}
    found = []
    counts = _listed({name: None if side is None else side.count for name, side in sides.items()})
    if counts:
        found.append(f"numbers of real images: {counts}")
    # A fingerprint covers the extractor too, so that it says nothing of the images where the extractors differ.
    prints = {name: side.fingerprint for name, side in sides.items() if side is not None and side.fingerprint}
    if len(set(prints.values())) > 1 and not _of_the_extractor(reports):
        found.append(f"real images: {_listed({name: _in_words(sides[name]) for name in prints}, always=True)}")
    return found


def _of_the_parameters(reports: Mapping[str, Report], metrics: Sequence[str]) -> list[str]:
    found = []
    for metric in metrics:
        scores = {name: report.scores[metric] for name, report in reports.items()}
        clamped = any(score.details.get("clamped") for score in scores.values())
        for parameter in dict.fromkeys(p for score in scores.values() for p in score.parameters):
            if clamped and parameter in _HARMLESS_IF_CLAMPED:
                continue
            shown = _listed({name: score.parameters.get(parameter) for name, score in scores.items()})
            if shown:
                found.append(f"{parameter} of {metric}: {shown}")
    return found


def _unchecked(reports: Mapping[str, Report]) -> list[Notice]:
    blind = [name for name, report in reports.items() if report.real is not None and report.real.fingerprint is None]
    if not blind:
        return []
    return [
        Notice(
            "real-images-unknown",
            f"the real images of {', '.join(blind)} have no fingerprint, so that only their number was compared",
            "If they aren't the same images, neither are the scores of one kind.",
        )
    ]


def _in_words(side: Side | None) -> str:
    if side is None:
        return "none"
    return f"{side.source} (fingerprint {(side.fingerprint or 'unknown')[:12]})"


def _listed(values: Mapping[str, Any], *, always: bool = False) -> str:
    """``"a: x, b: y"`` where values differ, else nothing."""
    if not always and all(one == other for one, other in combinations(values.values(), 2)):
        return ""
    return ", ".join(f"{name}: {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    is_checksum = len(text) == 64 and all(c in "0123456789abcdef" for c in text)
    return text[:12] if is_checksum else text
