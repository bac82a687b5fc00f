"""The training images that are nearest to a sample: whether a generator makes pictures or repeats them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.features.engine import extract
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.images.opening import open_source
from ganeval.images.source import ImageItem, ImageSource
from ganeval.progress import Progress, SilentProgress

_CHUNK = 512
_PIXELS = "pixels"


@dataclass(frozen=True)
class Neighbour:
    """A real image near a sample.

    Parameters
    ----------
    id
        Of the real image.
    distance
        Root mean square difference in grey levels (0..255) for pixels; Euclidean distance for features.
    image
        uint8 [3, H, W], of the samples' size.
    """

    id: str
    distance: float
    image: Tensor


def nearest(
    samples: Sequence[Tensor],
    real: ImageSource,
    k: int,
    *,
    by: str = _PIXELS,
    device: str = "auto",
    store: FeatureStore | None = None,
    progress: Progress | None = None,
    trust: bool = False,
) -> list[list[Neighbour]]:
    """For each sample, its `k` nearest real images, the nearest first.

    Parameters
    ----------
    samples
        uint8 [C, H, W] with 1 or 3 channels, of one size.
    real
        The training set. For pixels, images of another size are scaled to the samples'.
    k
        1 or more; fewer are found where there are fewer.
    by
        ``"pixels"``, or the name of an extractor (see `ganeval extractors`).
    device
        Where the extractor runs.
    store
        Keeps the real images' features.
    progress
        Told of what is read.
    trust
        Whether an extractor may run code from the network or from a weights file.

    Raises
    ------
    OptionError
        If `k` is below 1 or there are no samples.
    ImageSourceError, ExtractorError
        If images or the extractor can't be used.
    """
    if k < 1 or not samples:
        raise OptionError(f"{k} neighbours of {len(samples)} samples are asked for", hint="Ask for 1 or more.")
    colour = torch.stack([sample.expand(3, -1, -1) for sample in samples])
    height, width = int(colour.shape[2]), int(colour.shape[3])
    listener = progress or SilentProgress()
    if by == _PIXELS:
        order, distances = _by_pixels(colour, real, k, listener)
    else:
        order, distances = _by_features(
            colour, real, k, by, ExtractorRequest(progress=listener, trust=trust), device, store
        )
    wanted = sorted({int(place) for row in order for place in row})
    items = dict(zip(wanted, real.in_order(wanted), strict=True))
    shown = {place: torch.from_numpy(_pixels(item, height, width).transpose(2, 0, 1)) for place, item in items.items()}
    return [
        [
            Neighbour(items[int(place)].id, float(distance), shown[int(place)])
            for place, distance in zip(row, distance_row, strict=True)
        ]
        for row, distance_row in zip(order, distances, strict=True)
    ]


def _by_pixels(
    samples: Tensor, real: ImageSource, k: int, progress: Progress
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    height, width = samples.shape[2:]
    # Whole numbers below 2**53: distances of copies are 0 exactly.
    flat = samples.permute(0, 2, 3, 1).reshape(len(samples), -1).double()
    found = _Nearest(len(samples), k)
    task = progress.start("reading real images", real.count)
    try:
        for chunk in _chunks(real):
            images = np.stack([_pixels(item, height, width) for item in chunk]).reshape(len(chunk), -1)
            values = torch.from_numpy(images).double()
            squared = (flat**2).sum(1)[:, None] + (values**2).sum(1) - 2 * flat @ values.T
            found.add(squared.clamp(min=0) / flat.shape[1])
            task.advance(len(chunk))
    finally:
        task.finish()
    return found.order.numpy(), found.values.sqrt().numpy()


def _by_features(
    samples: Tensor,
    real: ImageSource,
    k: int,
    by: str,
    request: ExtractorRequest,
    device: str,
    store: FeatureStore | None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    network, _ = resolve_extractor(by, request)
    sets = [
        extract(source, network, device=device, store=kept, progress=request.progress, label=label).features.pooled
        for source, kept, label in (
            (open_source(samples), None, "samples"),
            (real, store, f"real: {real.name}"),
        )
    ]
    generated, known = (torch.as_tensor(np.asarray(values)).double() for values in sets)
    found = _Nearest(len(samples), k)
    found.add(torch.cdist(generated, known, compute_mode="donot_use_mm_for_euclid_dist"))
    return found.order.numpy(), found.values.numpy()


class _Nearest:
    """The smallest values of each row so far, and where they are."""

    def __init__(self, rows: int, k: int) -> None:
        self._k, self._seen = k, 0
        self.values = torch.empty(rows, 0, dtype=torch.float64)
        self.order = torch.empty(rows, 0, dtype=torch.int64)

    def add(self, values: Tensor) -> None:
        """Values [rows, n] of the next n candidates."""
        places = torch.arange(self._seen, self._seen + values.shape[1]).expand(len(values), -1)
        self._seen += values.shape[1]
        everything, where = torch.cat([self.values, values], 1), torch.cat([self.order, places], 1)
        # Stable, so that among equals the first is kept.
        kept = torch.argsort(everything, dim=1, stable=True)[:, : self._k]
        self.values, self.order = everything.gather(1, kept), where.gather(1, kept)


def _chunks(source: ImageSource) -> Iterator[list[ImageItem]]:
    waiting: list[ImageItem] = []
    for item in source:
        waiting.append(item)
        if len(waiting) == _CHUNK:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _pixels(item: ImageItem, height: int, width: int) -> npt.NDArray[np.uint8]:
    pixels = item.load().pixels
    if pixels.shape[:2] == (height, width):
        return pixels
    scaled = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(scaled, dtype=np.uint8)
