"""What is kept of an extraction under way: every row once, in order, in few pieces."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from ganeval.features.chunks import FeatureChunk, keep_chunk, merge_chunks
from ganeval.features.features import Preview


def _chunk(start: int, positions: int, skipped: int) -> FeatureChunk:
    """Items of which the first few were skipped; the features are the positions."""
    rows = range(start + skipped, start + positions)
    return FeatureChunk(
        start=start,
        positions=positions,
        pooled=np.asarray(rows, np.float32).reshape(-1, 1),
        ids=tuple(str(row) for row in rows),
        labels=tuple(rows),
        skipped=tuple((str(row), "torn") for row in range(start, start + skipped)),
        previews=tuple(Preview(str(row), np.zeros((1, 1, 3), np.uint8)) for row in rows if row % 7 == 0),
    )


@given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=200))
@example([(positions, False) for positions in range(20, 0, -1)])
def test_kept_chunks_are_few_and_all_there(sizes: list[tuple[int, bool]]) -> None:
    chunks, kept = [], []
    start = 0
    for positions, torn in sizes:
        chunks.append(_chunk(start, positions, min(positions, 2) if torn else 0))
        keep_chunk(kept, chunks[-1])
        start += positions
        assert kept[-1].stop == start
        # Each is larger than the next one.
        assert len(kept) <= np.log2(start) + 1
        assert all(one.positions > next_.positions for one, next_ in itertools.pairwise(kept))
    whole, plain = merge_chunks(kept), merge_chunks(chunks)
    np.testing.assert_array_equal(whole.pooled, plain.pooled)
    assert (whole.start, whole.positions) == (0, start)
    assert (whole.ids, whole.labels, whole.skipped) == (plain.ids, plain.labels, plain.skipped)
    assert [preview.id for preview in whole.previews] == [preview.id for preview in plain.previews]
