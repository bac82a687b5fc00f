"""The outcome of a comparison: every set's scores, what of their differences is settled, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganeval.errors import MetricError, did_you_mean
from ganeval.features.features import ExtractorInfo
from ganeval.metrics.score import Interval, Score
from ganeval.notices import Notice
from ganeval.report.report import Run, Side
from ganeval.uncertainty.ranking import Place

COMPARISON_SCHEMA_NAME = "ganeval/comparison@1"

#: What can come of a difference.
OUTCOMES = ("better", "undecided", "identical", "no-verdict")


@dataclass(frozen=True)
class ComparedSet:
    """One of the sets: the name that it has in the comparison, and what it is."""

    name: str
    side: Side


@dataclass(frozen=True)
class PairDifference:
    """The difference of two sets' scores: `first` less `second`.

    Parameters
    ----------
    first, second
        Names of the sets.
    outcome
        One of `OUTCOMES`: ``"better"`` where the sign is settled, ``"identical"`` for twice the same images.
    verdict
        The outcome in words.
    difference
        Of the corrected values, where the scores have them.
    better
        Name of the set that is better; None unless the outcome is ``"better"``.
    standard_error
        Of `difference`; None where it isn't known, as all that follows.
    interval
        Of the level at which Holm's procedure judged this difference: it leaves out 0 exactly if the sign is settled.
    simultaneous
        Wider: with all others of the comparison, it holds together at the comparison's level (Bonferroni).
    p_value, adjusted_p_value
        Two-sided, for no difference: of this one alone, and by Holm for all of the comparison.
    paired
        Whether what the real images do to both scores alike was cancelled.
    needed
        Images a set that would settle a difference as large as this one with probability 0.8; infinite where none
        would, None where it is settled.
    more_real
        Whether `needed` counts on as many real images as generated ones.
    """

    first: str
    second: str
    outcome: str
    verdict: str
    difference: float
    better: str | None = None
    standard_error: float | None = None
    interval: Interval | None = None
    simultaneous: Interval | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    paired: bool = False
    needed: float | None = None
    more_real: bool = False


@dataclass(frozen=True)
class MetricComparison:
    """One metric over all sets.

    Parameters
    ----------
    name
        Of the score, in full.
    higher_is_better
        Direction.
    scores
        By name of the set, in the order in which the sets were given.
    differences
        Of every pair of sets.
    ranking
        The best first; empty where differences have no verdicts.
    remark
        What has to be known of this metric, such as the number of images to which the sets were cut; may be empty.
    """

    name: str
    higher_is_better: bool
    scores: Mapping[str, Score]
    differences: tuple[PairDifference, ...]
    ranking: tuple[Place, ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class Curve:
    """One metric of one set on growing parts of it; for the HTML page and in the JSON.

    Parameters
    ----------
    metric, name
        The score and the set.
    counts
        Generated images, ascending.
    values, corrected
        One for each; an entry of `corrected` is None where the metric offers none there.
    """

    metric: str
    name: str
    counts: tuple[int, ...]
    values: tuple[float, ...]
    corrected: tuple[float | None, ...]


@dataclass(frozen=True)
class Looks:
    """A comparison that took more and more images until everything was settled or none were left.

    Parameters
    ----------
    planned
        Images a set at all looks for which the verdicts hold together.
    taken
        Those that were taken.
    open_differences
        How many differences were not settled at each of `taken`.
    """

    planned: tuple[int, ...]
    taken: tuple[int, ...]
    open_differences: tuple[int, ...]

    @property
    def decided(self) -> bool:
        """Whether every difference that can be settled was."""
        return self.open_differences[-1] == 0


@dataclass(frozen=True)
class Comparison:
    """Several sets held against the same real images.

    ``comparison["fid"]`` finds a metric by its full name or by the one under which it was asked for.

    Parameters
    ----------
    sets
        In the order given.
    metrics
        By full name, in the order in which they are shown.
    extractor
        What made the features.
    real
        None where no metric needs real images.
    level
        Of all decisions together.
    tested
        How many differences share that level.
    method
        In words, how differences were judged.
    run
        How it came about.
    notices
        What was noticed.
    requested
        Names as asked for to full names.
    curves
        Metrics against the number of images, where there was time for them.
    looks
        Where more and more images were taken until all was settled; None otherwise.
    """

    sets: tuple[ComparedSet, ...]
    metrics: Mapping[str, MetricComparison]
    extractor: ExtractorInfo
    real: Side | None
    level: float
    tested: int
    method: str
    run: Run
    notices: tuple[Notice, ...] = ()
    requested: Mapping[str, str] = field(default_factory=dict)
    curves: tuple[Curve, ...] = ()
    looks: Looks | None = None

    def __getitem__(self, name: str) -> MetricComparison:
        full = name if name in self.metrics else self.requested.get(name, name)
        if full not in self.metrics:
            raise MetricError(f"the comparison has no metric {name!r}", hint=did_you_mean(name, self.metrics))
        return self.metrics[full]

    def __contains__(self, name: object) -> bool:
        return name in self.metrics or name in self.requested

    @property
    def verdicts(self) -> list[str]:
        """One sentence for each metric and pair of sets."""
        return [one.verdict for metric in self.metrics.values() for one in metric.differences]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary that validates against ``ganeval/report/comparison.schema.json``."""
        from ganeval.report.comparison_json import comparison_to_dict

        return comparison_to_dict(self)

    def to_json(self, path: str | Path | None = None) -> str:
        """The comparison as JSON text, also written (atomically) to `path` if given; raises `OutputError`."""
        from ganeval.report.comparison_json import comparison_to_json

        return comparison_to_json(self, path)

    def to_html(self, path: str | Path | None = None) -> str:
        """The comparison as one self-contained HTML page, also written to `path`; raises `OutputError`."""
        from ganeval.report.comparison_html import comparison_to_html

        return comparison_to_html(self, path)
