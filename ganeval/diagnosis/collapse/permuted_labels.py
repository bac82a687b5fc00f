"""Random ways of giving two sides' labels to the images of both, for permutation tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

#: Labels drawn at once: 4 MiB.
_AT_ONCE = 2**22


def permuted_labels(
    random: np.random.Generator, chosen: int, total: int, permutations: int
) -> Iterator[npt.NDArray[np.bool_]]:
    """Blocks [n, total] of independent uniform choices of `chosen` of `total` images, `permutations` in all."""
    step = max(1, _AT_ONCE // max(1, total))
    row = np.zeros(total, dtype=bool)
    row[:chosen] = True
    for start in range(0, permutations, step):
        yield random.permuted(np.broadcast_to(row, (min(step, permutations - start), total)), axis=1)
