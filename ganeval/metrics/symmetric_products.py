"""Products of a matrix with its own transpose, for little more than half the work of a product of two matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

#: Strips into which columns are cut: with more, less is computed twice, but the products become too thin to be fast.
_STRIPS = 8
_THINNEST = 192


def gram_of_columns(blocks: Iterable[torch.Tensor], dimension: int, like: torch.Tensor) -> torch.Tensor:
    """Σ XᵀX over blocks of rows X [n, D].

    Parameters
    ----------
    blocks
        Each of one dtype and device.
    dimension
        D.
    like
        A tensor with that device; the sum is in float64.

    Returns
    -------
    torch.Tensor
        float64 [D, D], symmetric to the bit.
    """
    total = torch.zeros(dimension, dimension, dtype=torch.float64, device=like.device)
    for block in blocks:
        for strip in _strips(dimension):
            total[strip, strip.start :].addmm_(block[:, strip].T, block[:, strip.start :])
    return _mirrored(total)


def gram_of_rows(matrix: torch.Tensor) -> torch.Tensor:
    """M·Mᵀ [n, n] of M [n, m], symmetric to the bit."""
    total = torch.empty(len(matrix), len(matrix), dtype=matrix.dtype, device=matrix.device)
    for strip in _strips(len(matrix)):
        total[strip, strip.start :] = matrix[strip] @ matrix[strip.start :].T
    return _mirrored(total)


def _strips(count: int) -> Iterator[slice]:
    step = max(_THINNEST, -(-count // _STRIPS))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _mirrored(upper: torch.Tensor) -> torch.Tensor:
    """The symmetric matrix whose part on and above the diagonal is that of `upper`, in place."""
    for strip in _strips(len(upper)):
        diagonal = upper[strip, strip].triu()
        upper[strip, strip] = diagonal + diagonal.triu(1).T
        upper[strip.stop :, strip] = upper[strip, strip.stop :].T
    return upper
