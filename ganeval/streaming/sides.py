"""One side of a comparison, real or generated images: gathered batch by batch, then read by the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import torch

from ganeval.features.features import ExtractorInfo, Features
from ganeval.metrics.moments import Moments
from ganeval.streaming.kept_rows import COLUMNS, BlockFolder, Blocks, Keeping, add_rows, sorted_rows


def nothing() -> Moments:
    """Moments before the first image has told how many features there are."""
    return Moments.none(0)


def merged_moments(parts: Sequence[Moments]) -> Moments:
    """Those of all parts together, some of which may have seen nothing."""
    seen = [part for part in parts if part.dimension]
    return reduce(Moments.merged, seen) if seen else nothing()


@dataclass
class Gathering:
    """A side while it is gathered.

    Parameters
    ----------
    keeping
        What is kept of the images.
    count, moments, blocks
        What was gathered so far; `blocks` is changed in place.
    folder
        Where full blocks go, if anywhere.
    """

    keeping: Keeping
    count: int = 0
    moments: Moments = field(default_factory=nothing)
    blocks: Blocks = field(default_factory=lambda: {name: [] for name in COLUMNS})
    folder: BlockFolder | None = None

    def add(self, pooled: torch.Tensor, logits: torch.Tensor | None, keys: torch.Tensor | None) -> None:
        """Take the features of some images; `keys` may be None where no columns are kept.

        Raises
        ------
        MetricError
            If they aren't finite, or have another number of columns than those before them.
        """
        if self.keeping.moments and len(pooled):
            moments = self.moments.updated(pooled) if self.moments.dimension else Moments.of(pooled)
        else:
            moments = self.moments
        if self.keeping.columns:
            found = {"keys": keys, "pooled": pooled, "logits": logits}
            rows = {name: rows for name in self.keeping.columns if (rows := found[name]) is not None}
            add_rows({name: self.blocks[name] for name in rows}, rows, self.keeping.capacity, self.folder)
        self.moments, self.count = moments, self.count + len(pooled)

    def features(self, extractor: ExtractorInfo) -> Features:
        """What was gathered, as metrics read it: rows in the order of their keys, moments where rows are missing."""
        filled = {name: lists for name, lists in self.blocks.items() if lists}
        rows = sorted_rows(filled, self.keeping.capacity, self.folder) if filled else {}
        held = len(rows["keys"]) if rows else 0
        logits = rows.get("logits")
        partial = self.keeping.moments and (held < self.count or "pooled" not in rows)
        return Features(
            pooled=_readable(rows["pooled"] if "pooled" in rows else torch.zeros(held, self.moments.dimension)),
            logits=None if logits is None else _readable(logits),
            extractor=extractor,
            moments=self.moments if partial else None,
            moments_count=self.count if partial else None,
        )


def _readable(rows: torch.Tensor) -> Any:
    """Rows as metrics take them: arrays on the CPU, tensors where they are on another device."""
    return rows.numpy() if rows.device.type == "cpu" else rows
