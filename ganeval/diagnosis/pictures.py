"""Small pictures of chosen images of a side, for exhibits."""

from __future__ import annotations

from collections.abc import Sequence

from ganeval.errors import GanevalError
from ganeval.features.features import Features, Preview
from ganeval.features.previews import make_preview
from ganeval.report.diagnosis import Picture


def pictures(features: Features, rows: Sequence[int], side: str, captions: Sequence[str] = ()) -> tuple[Picture, ...]:
    """Pictures of the images in `rows`, in that order.

    Parameters
    ----------
    features
        Of the side; where its images can't be read again, pictures have an id alone.
    rows
        Row numbers, which may recur.
    side
        ``"real"``, ``"generated"`` or ``"held-out"``.
    captions
        One for each of `rows`, or none.
    """
    previews = _previews(features, rows)
    return tuple(
        Picture(
            previews.get(row),
            features.ids[row] if row < len(features.ids) else str(row),
            side,
            captions[place] if place < len(captions) else "",
        )
        for place, row in enumerate(rows)
    )


def _previews(features: Features, rows: Sequence[int]) -> dict[int, Preview]:
    if features.reader is None or not len(rows):
        return {}
    try:
        return {
            row: make_preview(features.ids[row] if row < len(features.ids) else str(row), pixels)
            for row, pixels in features.reader.rows(rows)
        }
    except GanevalError:
        # An image that can't be read any more costs its picture, not the finding.
        return {}
