"""What a report says of the two sets: a description of each, and what was noticed about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace

from ganeval.features.engine import Extraction
from ganeval.images.checks import check_sets
from ganeval.images.source import ImageSource
from ganeval.notices import Notice
from ganeval.report.report import Side
from ganeval.statistics.source import StatisticsSource
from ganeval.wording import counted


def describe_side(source: ImageSource, extraction: Extraction) -> Side:
    """The report's account of `source` and of how its features came about."""
    features = extraction.features
    side = Side(
        source=source.name,
        kind=source.kind,
        count=features.set_size,
        fingerprint=features.fingerprint,
        sizes=_counts(f"{info.width}x{info.height}" for info in extraction.images),
        formats=_counts(info.format for info in extraction.images),
        modes=_counts(info.mode for info in extraction.images),
        labels=_counts(str(label) for label in features.labels or () if label is not None),
        skipped=features.skipped,
        from_store=extraction.from_store,
        stage_seconds={name: value for name, value in asdict(features.times).items() if name != "images"},
        provenance=dict(source.provenance),
    )
    if not isinstance(source, StatisticsSource):
        return side
    return replace(
        side,
        sizes=source.sizes(),
        formats=source.counts(0),
        modes=source.counts(1),
        labels=dict(source.statistics.labels),
    )


def notices_of_sides(real: Extraction | None, generated: Extraction) -> list[Notice]:
    """What the two sets show when they are held side by side, and what happened while they were extracted."""
    sides = {name: side for name, side in (("real", real), ("generated", generated)) if side is not None}
    found = check_sets(
        None if real is None else real.images,
        generated.images,
        () if real is None or real.whole_images is not None else real.features.ids,
        generated.features.ids,
    )
    # The same thing may happen on both sides, such as a full disk: it is said once.
    happened = dict.fromkeys(notice for side in sides.values() for notice in side.notices)
    skipped = [
        Notice(
            "images-skipped",
            f"{_corrupt(len(side.features.skipped))} on the {name} side, the first: "
            f"{side.features.skipped[0][0]}: {side.features.skipped[0][1]}",
            "The scores are those of the remaining images.",
        )
        for name, side in sides.items()
        if side.features.skipped
    ]
    return [*found, *happened, *skipped]


def _corrupt(count: int) -> str:
    return f"{counted(count, 'corrupt image was', 'corrupt images were')} left out"


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
