"""What counts as features or logits on the way into a metric: plain arrays become checked tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.metrics.division import division
from ganeval.metrics.matrix_products import gram_of_columns
from ganeval.wording import counted

#: What the metrics take: numpy arrays or torch tensors of any real dtype, on any device.
Array: TypeAlias = npt.NDArray[Any] | torch.Tensor

_CHECKED_ROWS = 1024
#: Rows that are turned into float64 at once for their mean: few enough to stay in the processor's cache.
_SUMMED_ROWS = 256
#: Rows from which several processes share the products of a covariance: fewer cost less than sending the matrix.
_DIVIDED_ROWS = 8192


def as_vectors(name: str, values: Array, *, minimum: int = 1) -> torch.Tensor:
    """`values` as a detached tensor of its own dtype and device, checked.

    Parameters
    ----------
    name
        What the argument is called, for messages.
    values
        Real numbers, [N, D].
    minimum
        Fewest rows.

    Returns
    -------
    torch.Tensor
        [N, D]; shares memory with `values` where it can.

    Raises
    ------
    MetricError
        If `values` isn't a two-dimensional array of finite real numbers with at least one column.
    NotEnoughImagesError
        If it has fewer than `minimum` rows.
    """
    tensor = _as_tensor(name, values)
    if tensor.ndim != 2:
        raise MetricError(
            f"{name} must be two-dimensional, one row an image, but has the shape {tuple(tensor.shape)}",
            hint="Flatten each image's features to one row: [N, D].",
        )
    if tensor.shape[1] == 0:
        raise MetricError(f"{name} must have at least one column, but has the shape {tuple(tensor.shape)}")
    if len(tensor) < minimum:
        raise NotEnoughImagesError(
            f"{name} holds {counted(tensor, 'image')}, but at least {minimum} are needed", hint="Add images."
        )
    # A block at a time: of all at once it would take a copy.
    starts = range(0, len(tensor), _CHECKED_ROWS) or [0]
    # Finite sums mean finite rows, and come many times faster; the other way round a sum may overflow.
    if bool(torch.isfinite(torch.cat([tensor[s : s + _CHECKED_ROWS].sum(dim=1) for s in starts])).all()):
        return tensor
    finite = torch.cat([torch.isfinite(tensor[s : s + _CHECKED_ROWS]).all(dim=1) for s in starts])
    if not bool(finite.all()):
        first = int(torch.nonzero(~finite)[0, 0])
        raise MetricError(
            f"{name} must be finite, but row {first} holds NaN or infinity ({int((~finite).sum())} such rows)",
            hint="Look for a network that overflowed (half precision?) or a broken input.",
        )
    return tensor


def as_pair(
    real: Array,
    generated: Array,
    *,
    minimum_real: int = 1,
    minimum_generated: int = 1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both sides as checked tensors on one device, see `as_vectors`.

    Raises
    ------
    MetricError
        As `as_vectors`, or if the two sides have different numbers of columns.
    NotEnoughImagesError
        If a side has too few rows.
    """
    first = as_vectors("real", real, minimum=minimum_real)
    second = as_vectors("generated", generated, minimum=minimum_generated)
    if first.shape[1] != second.shape[1]:
        raise MetricError(
            f"real and generated must have the same number of columns, not {first.shape[1]} and {second.shape[1]}",
            hint="Take both sides' features from the same extractor.",
        )
    device = second.device if first.device.type == "cpu" else first.device
    return first.to(device), second.to(device)


def float64_moments(vectors: torch.Tensor, *, block_rows: int = 1024) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [D] and unbiased covariance (ddof=1) [D, D] in float64, centred before squaring, a block of rows at a time.

    Parameters
    ----------
    vectors
        [N, D], N ≥ 2, any real dtype.
    block_rows
        Rows converted to float64 at once.
    """
    mean = float64_mean(vectors)
    # One buffer for all blocks: new memory costs more than the subtraction.
    buffer = torch.empty(min(block_rows, len(vectors)), len(mean), dtype=torch.float64, device=vectors.device)
    starts: Sequence[int] = range(0, len(vectors), block_rows)
    shared = len(vectors) >= _DIVIDED_ROWS
    blocks = (vectors[start : start + block_rows] for start in (division().mine(starts) if shared else starts))
    centred = (torch.sub(block, mean, out=buffer[: len(block)]) for block in blocks)
    scatter = gram_of_columns(centred, len(mean), vectors)
    return mean, (division().summed(scatter) if shared else scatter).div_(len(vectors) - 1)


def float64_mean(vectors: torch.Tensor) -> torch.Tensor:
    """Mean over the rows [D] in float64."""
    total = torch.zeros(vectors.shape[1], dtype=torch.float64, device=vectors.device)
    for start in range(0, len(vectors), _SUMMED_ROWS):
        total += vectors[start : start + _SUMMED_ROWS].double().sum(dim=0)
    return total / len(vectors)


def _as_tensor(name: str, values: Array) -> torch.Tensor:
    if isinstance(values, torch.Tensor):
        tensor = values.detach()
    else:
        array = np.asarray(values)
        if array.dtype.kind not in "fiu":
            raise MetricError(f"{name} must hold real numbers, but its dtype is {array.dtype}")
        if array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
        tensor = torch.from_numpy(native if native.flags.writeable else native.copy())
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise MetricError(f"{name} must hold real numbers, but its dtype is {tensor.dtype}")
    if not tensor.is_floating_point():
        tensor = tensor.double()
    # float64 doesn't exist on Apple's GPUs, and float64 is what the metrics promise.
    return tensor.cpu() if tensor.device.type == "mps" else tensor
