"""What a report says of one of the two sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

from ganeval.features.engine import Extraction
from ganeval.images.source import ImageSource
from ganeval.report.report import Side


def describe_side(source: ImageSource, extraction: Extraction) -> Side:
    """The report's account of `source` and of how its features came about."""
    features = extraction.features
    return Side(
        source=source.name,
        kind=source.kind,
        count=len(features),
        fingerprint=features.fingerprint,
        sizes=_counts(f"{info.width}x{info.height}" for info in features.images),
        formats=_counts(info.format for info in features.images),
        modes=_counts(info.mode for info in features.images),
        labels=_counts(str(label) for label in features.labels or () if label is not None),
        skipped=features.skipped,
        from_store=extraction.from_store,
        stage_seconds={name: value for name, value in asdict(features.times).items() if name != "images"},
    )


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
