"""Features of a stream of images: all of them, or as many as a capacity allows, in memory or in a folder.

What is held of each image are columns: its key, and its pooled features or logits, or both. Beyond the capacity those
with the smallest keys stay ("bottom-k" or priority sampling with equal weights, Cohen & Kaplan 2007), which is a random
sample that doesn't depend on order or batches, and of which two merge exactly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import numpy as np
import torch

from ganeval.errors import OptionError

#: What may be held of an image.
COLUMNS = ("keys", "pooled", "logits")
#: By column, blocks of rows in the order in which they came; the blocks of all columns in use correspond.
Blocks = dict[str, list[torch.Tensor]]
#: Rows from which a block isn't joined with others any more.
_FULL = 4096
#: Rows by which the capacity may be exceeded before the smallest keys are sought.
_SLACK = 256


@dataclass(frozen=True)
class Keeping:
    """What is kept of the images of a side.

    Parameters
    ----------
    moments
        Whether count, mean and scatter of the pooled features are.
    columns
        Of `COLUMNS`; none where moments suffice.
    capacity
        Most images whose columns are held; None for all.
    folder
        Where full blocks are written instead of held in memory; None holds them.
    """

    moments: bool
    columns: tuple[str, ...]
    capacity: int | None = None
    folder: Path | None = None


class BlockFolder:
    """Blocks of rows as files in a folder of their own, which goes when the process or this object does.

    Raises
    ------
    OptionError
        If the folder can't be written to.
    """

    def __init__(self, parent: Path) -> None:
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self._folder = TemporaryDirectory(prefix="features-", dir=parent, ignore_cleanup_errors=True)
        except OSError as error:
            raise OptionError(
                f"features can't be kept in {parent}: {error.strerror or error}", hint="Choose another folder."
            ) from error

    def stored(self, rows: torch.Tensor) -> torch.Tensor:
        """The same rows, on the CPU and backed by a file."""
        mapped = self.empty(tuple(rows.shape), rows.dtype)
        mapped.copy_(rows)
        return mapped

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Rows backed by a file, to be filled in."""
        kind = torch.empty(0, dtype=dtype).numpy().dtype
        path = Path(self._folder.name) / f"{uuid4().hex}.npy"
        mapped = torch.from_numpy(np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape))
        # The mapping lives as long as the tensor; of the file nothing more is needed where the system allows that.
        with contextlib.suppress(OSError):
            path.unlink()
        return mapped


def rows_held(blocks: Mapping[str, list[torch.Tensor]]) -> int:
    """How many images' columns there are."""
    return sum(map(len, blocks["keys"]))


def add_rows(
    blocks: Blocks, rows: Mapping[str, torch.Tensor], capacity: int | None, folder: BlockFolder | None = None
) -> None:
    """Add rows to the blocks, in place, and forget those that the capacity can't hold.

    Parameters
    ----------
    blocks
        By column.
    rows
        The same columns: ``"keys"`` int64 [n], the others [n, ...].
    capacity, folder
        See `Keeping`.
    """
    if capacity is not None:
        rows = _below_the_last(blocks, rows, capacity)
    if not len(rows["keys"]):
        return
    for name, lists in blocks.items():
        lists.append(rows[name])
    _join_small(blocks, spare=1 if capacity is not None and len(blocks["keys"][0]) >= capacity else 0)
    if capacity is not None and rows_held(blocks) > capacity + max(capacity // 4, _SLACK):
        smallest = sorted_rows(blocks, capacity)
        for name, lists in blocks.items():
            lists[:] = [smallest[name]]
    if folder is not None and len(blocks["keys"][-1]) >= _FULL:
        for lists in blocks.values():
            lists[-1] = folder.stored(lists[-1])


def sorted_rows(
    blocks: Mapping[str, list[torch.Tensor]], capacity: int | None = None, folder: BlockFolder | None = None
) -> dict[str, torch.Tensor]:
    """All rows in the order of their keys, or those of the `capacity` smallest; empty where there is none."""
    if not blocks["keys"]:
        return {}
    keys = torch.cat(blocks["keys"])
    order = keys.argsort(stable=True)[:capacity]
    return {name: _in_order(lists, order, folder) for name, lists in blocks.items()}


def _in_order(lists: list[torch.Tensor], order: torch.Tensor, folder: BlockFolder | None) -> torch.Tensor:
    if folder is None:
        return torch.cat(lists)[order] if len(lists) > 1 else lists[0][order]
    first = lists[0]
    whole = folder.empty((len(order), *first.shape[1:]), first.dtype)
    place = torch.empty(int(sum(map(len, lists))), dtype=torch.int64).fill_(-1)
    place[order.cpu()] = torch.arange(len(order))
    start = 0
    for block in lists:
        targets = place[start : start + len(block)]
        start += len(block)
        whole[targets[targets >= 0]] = block.cpu()[targets >= 0]
    return whole


def _below_the_last(blocks: Blocks, rows: Mapping[str, torch.Tensor], capacity: int) -> Mapping[str, torch.Tensor]:
    """Without the rows that are beyond the capacity for sure, where the first block alone fills it."""
    if not blocks["keys"] or len(blocks["keys"][0]) < capacity:
        return rows
    first = blocks["keys"][0]
    below = rows["keys"].to(first.device) < first.max()
    return {name: values[below.to(values.device)] for name, values in rows.items()}


def _join_small(blocks: Blocks, spare: int) -> None:
    """Join the last blocks while they are small and alike in size, so that few rows are copied often."""
    keys = blocks["keys"]
    while len(keys) > 1 + spare and len(keys[-2]) < _FULL and len(keys[-2]) <= 2 * len(keys[-1]):
        for lists in blocks.values():
            lists[-2:] = [torch.cat(lists[-2:])]
