"""The rows of a batch that a person should see first, held in bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from ganeval.detectors.batch.row import Row


@dataclass(frozen=True)
class Ranked:
    """Some of a batch's rows.

    Parameters
    ----------
    suspicious
        Those of the highest probability, the highest first; equal ones in order of position.
    positions
        Of these, among the files of the batch.
    errors
        The first with an error.
    """

    suspicious: tuple[Row, ...]
    positions: tuple[int, ...]
    errors: tuple[Row, ...]


def ranked(rows: Iterable[tuple[int, Row]], most: int, most_errors: int) -> Ranked:
    """At most `most` rows with a verdict and `most_errors` with an error, of pairs of position and row."""
    errors: list[Row] = []
    heap: list[tuple[float, int, Row]] = []
    for position, row in rows:
        if row.error:
            if len(errors) < most_errors:
                errors.append(row)
            continue
        # No two positions are the same, so rows are never compared.
        entry = (row.sort_probability, -position, row)
        if len(heap) < most:
            heapq.heappush(heap, entry)
        elif most:
            heapq.heappushpop(heap, entry)
    best = sorted(heap, key=lambda one: one[:2], reverse=True)
    return Ranked(
        suspicious=tuple(row for _, _, row in best),
        positions=tuple(-position for _, position, _ in best),
        errors=tuple(errors),
    )
