"""Features as directions: rows taken at length 1, a block at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ganeval.errors import MetricError

#: Between these squares neither overflow nor vanish.
_SAFE = (1e-150, 1e150)


@dataclass(frozen=True)
class UnitRows:
    """Rows [N, D] of the generated side that are read at length 1."""

    vectors: torch.Tensor

    def __len__(self) -> int:
        return len(self.vectors)

    def block(self, rows: slice | torch.Tensor) -> torch.Tensor:
        """Some rows of length 1 in float64.

        Raises
        ------
        MetricError
            If a row is zero and so has no direction.
        """
        block = self.vectors[rows].to(torch.float64, copy=True)
        lengths = block.norm(dim=1, keepdim=True)
        if bool(((lengths < _SAFE[0]) | (lengths > _SAFE[1])).any()):
            block.div_(self._largest(block, rows))
            lengths = block.norm(dim=1, keepdim=True)
        return block.div_(lengths)

    def _largest(self, block: torch.Tensor, rows: slice | torch.Tensor) -> torch.Tensor:
        """Each row's largest entry."""
        largest = block.abs().amax(dim=1, keepdim=True)
        zero = torch.nonzero(largest[:, 0] == 0)
        if len(zero):
            first = int(zero[0, 0]) + (rows.start or 0) if isinstance(rows, slice) else int(rows[zero[0, 0]])
            raise MetricError(
                f"row {first} of generated is all zero, so that it has no direction to compare",
                hint="Leave such images out, or look for a network that went dead.",
            )
        return largest
