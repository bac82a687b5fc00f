"""Images to train and test classifiers on: those of any source by number, all brought to one square size."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.images.source import ImageItem, ImageSource
from ganeval.progress import Progress, SilentProgress

Ints = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]

#: Bytes of images above which a set is decoded again for every epoch instead of being held in memory.
MEMORY_LIMIT = 4 << 30
_AT_ONCE = 256


def usual_edge(features: Features) -> int:
    """The most frequent shorter edge of a set's images, in pixels."""
    return Counter(min(info.width, info.height) for info in features.images).most_common(1)[0][0]


class ImageTable:
    """A set of images of `size` x `size` pixels, by row.

    Images of other sizes are cut to their middle square, which is scaled.

    Parameters
    ----------
    features
        What was extracted of the set, by whatever extractor: which images could be decoded, and their digests.
    source
        The set.
    size
        Edge in pixels.
    memory_limit
        Bytes up to which all of them are held in memory.
    progress
        Told how many are read.

    Raises
    ------
    MetricError
        If the images can't be read a second time.
    """

    def __init__(
        self,
        features: Features,
        source: ImageSource,
        size: int,
        *,
        memory_limit: int = MEMORY_LIMIT,
        progress: Progress | None = None,
    ) -> None:
        if not source.repeatable:
            raise MetricError(
                f"the images of {source.name} can't be read twice, and training reads them many times",
                hint="Save them to a folder or an .npz first.",
            )
        self.size = size
        skipped = {image_id for image_id, _ in features.skipped}
        self._items: list[ImageItem] = [item for item in source if item.id not in skipped]
        self._threads = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
        self._digests = [info.digest for info in features.images]
        self._held: Pixels | None = None
        if len(self) * 3 * size * size <= memory_limit:
            self._held = self._all(source.name, progress or SilentProgress())

    def __len__(self) -> int:
        return len(self._items)

    def read(self, rows: Ints) -> Tensor:
        """uint8 [n, 3, size, size] of the rows, in their order."""
        pixels = self._decoded(rows) if self._held is None else self._held[rows]
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)

    def digest(self, rows: Ints) -> str:
        """Hex digest of these images and their size."""
        digest = hashlib.blake2b(str(self.size).encode(), digest_size=16)
        for row in rows:
            digest.update(self._digests[int(row)])
        return digest.hexdigest()

    def _all(self, name: str, progress: Progress) -> Pixels:
        held = np.empty((len(self), self.size, self.size, 3), np.uint8)
        task = progress.start(f"reading {name}", len(self))
        try:
            for start in range(0, len(self), _AT_ONCE):
                rows = np.arange(start, min(start + _AT_ONCE, len(self)))
                held[rows] = self._decoded(rows)
                task.advance(len(rows))
        finally:
            task.finish()
        return held

    def _decoded(self, rows: Ints) -> Pixels:
        return np.stack(list(self._threads.map(self._one, rows.tolist())))

    def _one(self, row: int) -> Pixels:
        pixels = self._items[row].load().pixels
        height, width = pixels.shape[:2]
        if (height, width) == (self.size, self.size):
            return pixels
        edge = min(height, width)
        left, top = (width - edge) // 2, (height - edge) // 2
        # Cut before it is scaled, since scaling a box looks at pixels around it.
        middle = Image.fromarray(np.ascontiguousarray(pixels[top : top + edge, left : left + edge]))
        scaled = middle.resize((self.size, self.size), Image.Resampling.BICUBIC)
        return np.asarray(scaled)


@dataclass(frozen=True)
class TrainingSet:
    """Labelled images of one table or more, by place.

    Parameters
    ----------
    parts
        Pairs of a table and its rows.
    targets
        int64 [N], the classes, in the order of the parts.
    """

    parts: Sequence[tuple[ImageTable, Ints]]
    targets: Ints

    def __len__(self) -> int:
        return len(self.targets)

    def read(self, places: Ints) -> tuple[Tensor, Tensor]:
        """uint8 [n, 3, size, size] and int64 [n] of the images at `places`, in their order."""
        size = self.parts[0][0].size
        images = torch.empty(len(places), 3, size, size, dtype=torch.uint8)
        start = 0
        for table, rows in self.parts:
            own = np.flatnonzero((places >= start) & (places < start + len(rows)))
            if len(own):
                images[torch.from_numpy(own)] = table.read(rows[places[own] - start])
            start += len(rows)
        return images, torch.from_numpy(self.targets[places])

    def digest(self) -> str:
        """Hex digest of the images and their classes."""
        digest = hashlib.blake2b(np.ascontiguousarray(self.targets).tobytes(), digest_size=16)
        for table, rows in self.parts:
            digest.update(table.digest(rows).encode())
        return digest.hexdigest()
