"""Products of matrices, symmetric and triangular ones for about half the work of general ones; symmetric eigenvalues.

On the CPU large ones are the BLAS routines made for them, as SciPy exposes them; elsewhere symmetric ones go by strips.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

#: Strips into which columns are cut: with more, less is computed twice, but the products become too thin to be fast.
_STRIPS = 8
_THINNEST = 192
#: Multiplications from which SciPy's BLAS is used: its threads wait actively for one another, and where other programs
#: have the cores that costs small products far more than it gains.
_LARGE = 1e9


def gram_of_columns(blocks: Iterable[torch.Tensor], dimension: int, like: torch.Tensor) -> torch.Tensor:
    """Σ XᵀX over blocks of rows X [n, D].

    Parameters
    ----------
    blocks
        Each float64, on one device.
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
        if _is_for_blas(block, dimension):
            _add_gram(total, block)
            continue
        for strip in _strips(dimension):
            total[strip, strip.start :].addmm_(block[:, strip].T, block[:, strip.start :])
    return _mirrored(total)


def gram_of_rows(matrix: torch.Tensor) -> torch.Tensor:
    """M·Mᵀ [n, n] of M [n, m], symmetric to the bit."""
    count = len(matrix)
    if _is_for_blas(matrix, count):
        total = torch.zeros(count, count, dtype=matrix.dtype)
        _add_gram(total, matrix.T)
        return _mirrored(total)
    total = torch.empty(count, count, dtype=matrix.dtype, device=matrix.device)
    for strip in _strips(count):
        total[strip, strip.start :] = matrix[strip] @ matrix[strip.start :].T
    return _mirrored(total)


def product_with_transpose(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """A·Bᵀ [n, m] of A [n, d] and B [m, d] of one dtype and device."""
    if not _is_for_blas(first, len(second)):
        return first @ second.T
    return torch.from_numpy(first.numpy() @ second.numpy().T)


def product_with_triangle(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """A·Bᵀ [n, d] of A [n, d] and B [d, d]; for about half the work where B is upper triangular, as it is looked up."""
    square = second.shape[0] == second.shape[1]
    if not (_is_for_blas(first, len(second)) and square) or bool(second.tril(-1).any()):
        return product_with_transpose(first, second)
    # Here, since it takes a tenth of PyTorch's own time to import, and small sets do without.
    from scipy.linalg.blas import get_blas_funcs

    # BLAS reads columns first, so that it sees transposes: (A·Bᵀ)ᵀ = B·Aᵀ, B being the transpose of what it sees.
    left, right = (np.ascontiguousarray(side.numpy()) for side in (first, second))
    (trmm,) = get_blas_funcs(("trmm",), (left, right))
    return torch.from_numpy(trmm(1.0, right.T, left.T, lower=1, trans_a=1).T)


def symmetric_eigenvalues(matrix: torch.Tensor) -> torch.Tensor:
    """Eigenvalues [n] of a symmetric matrix [n, n], ascending."""
    if _is_for_blas(matrix, len(matrix)):
        from scipy.linalg import LinAlgError, eigh

        with suppress(LinAlgError):
            # No vectors are needed, and the plain method is then the fastest.
            return torch.from_numpy(eigh(matrix.numpy().T, eigvals_only=True, driver="ev", check_finite=False))
    values: torch.Tensor = torch.linalg.eigvalsh(matrix)
    return values


def _is_for_blas(matrix: torch.Tensor, count: int) -> bool:
    """Whether the product of `matrix` with one that makes `count` values of each row or column is."""
    known = matrix.device.type == "cpu" and matrix.dtype in (torch.float32, torch.float64)
    return known and matrix.numel() * count >= _LARGE


def _add_gram(total: torch.Tensor, rows: torch.Tensor) -> None:
    """Adds XᵀX to the part of `total` on and above the diagonal, in place."""
    from scipy.linalg.blas import get_blas_funcs

    lower: npt.NDArray[Any] = total.numpy().T
    columns: npt.NDArray[Any] = rows.numpy().T
    (syrk,) = get_blas_funcs(("syrk",), (columns, lower))
    # Whichever way round the values lie in memory, BLAS reads them without a copy.
    by_rows = columns.flags.c_contiguous and not columns.flags.f_contiguous
    syrk(1.0, columns.T if by_rows else columns, beta=1.0, c=lower, trans=int(by_rows), lower=1, overwrite_c=1)


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
