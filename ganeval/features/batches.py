"""One batch on its way: decoded, resized in groups of equal size, through the network, back as a chunk."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import CorruptImageError, ExtractorError
from ganeval.features.chunks import FeatureChunk
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import Preview, StageTimes
from ganeval.features.previews import PreviewChoice, make_preview
from ganeval.images.source import DecodedImage, ImageItem
from ganeval.wording import counted

# Images of one size are resized together up to this many bytes of uint8 pixels, so that large ones don't pile up.
_RESIZE_BYTES = 64 * 2**20

Pixels = npt.NDArray[np.uint8]


class StageClock:
    """Seconds of work by stage, summed over threads."""

    def __init__(self) -> None:
        self._seconds = {"decode": 0.0, "resize": 0.0, "network": 0.0, "store": 0.0}
        self._lock = threading.Lock()

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Count the block's time to `stage`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[stage] += time.perf_counter() - began

    def times(self, *, wall: float, images: int) -> StageTimes:
        """The sums so far, with the whole's wall time and number of images."""
        return StageTimes(**self._seconds, wall=wall, images=images)


def _in_words(widths: tuple[int | None, ...]) -> str:
    names = ("features", "logits", "spatial features")
    return " and ".join(f"{width} {name}" for width, name in zip(widths, names, strict=True) if width is not None)


def _joined(parts: list[torch.Tensor]) -> list[torch.Tensor]:
    """One batch where the prepared images are all of one shape; extractors that don't resize keep them apart."""
    return [torch.cat(parts)] if len(parts) > 1 and len({part.shape[1:] for part in parts}) == 1 else parts


@dataclass(frozen=True)
class DecodedBatch:
    """A batch after decoding: `items` and `images` without those in `skipped`."""

    start: int
    positions: int
    items: list[ImageItem]
    images: list[DecodedImage]
    skipped: list[tuple[str, str]]
    previews: list[Preview]

    @property
    def pixels(self) -> list[Pixels]:
        """The images themselves, uint8 [H, W, 3] each."""
        return [image.pixels for image in self.images]

    @classmethod
    def joined(cls, pieces: Sequence[DecodedBatch]) -> DecodedBatch:
        """One batch out of consecutive ones, in order."""
        return cls(
            pieces[0].start,
            sum(piece.positions for piece in pieces),
            [item for piece in pieces for item in piece.items],
            [image for piece in pieces for image in piece.images],
            [pair for piece in pieces for pair in piece.skipped],
            [preview for piece in pieces for preview in piece.previews],
        )


class BatchWorker:
    """Does the work of single batches; its methods may run in any thread.

    Parameters
    ----------
    extractor
        On `device` already.
    device
        Where the network runs.
    previews
        Which images get a preview.
    clock
        Told where the time goes.
    """

    def __init__(
        self, extractor: FeatureExtractor, device: torch.device, previews: PreviewChoice, clock: StageClock
    ) -> None:
        self.extractor = extractor
        self.device = device
        self.previews = previews
        self.clock = clock
        self._widths: tuple[int | None, ...] | None = None

    def decode(self, start: int, items: Sequence[ImageItem]) -> DecodedBatch:
        """Decode the items from position `start` on; corrupt ones are set aside."""
        batch = DecodedBatch(start, len(items), [], [], [], [])
        with self.clock.time("decode"):
            for position, item in enumerate(items, start):
                try:
                    image = item.load()
                except CorruptImageError as error:
                    batch.skipped.extend(error.failures)
                    continue
                batch.items.append(item)
                batch.images.append(image)
                if position in self.previews:
                    batch.previews.append(make_preview(item.id, image.pixels))
        return batch

    def failures(self, batch: tuple[int, list[ImageItem]]) -> list[tuple[str, str]]:
        """Only what can't be decoded in the batch."""
        return self.decode(*batch).skipped

    @torch.inference_mode()
    def compute(self, pixels: Sequence[Pixels]) -> tuple[torch.Tensor, ...]:
        """Network outputs (pooled, and logits and spatial where there are any, else empty) of images, on the CPU."""
        with self.clock.time("resize"):
            order, parts = self._prepare(pixels)
        with self.clock.time("network"):
            outputs = [self._checked(self.extractor.forward(part), len(part)) for part in _joined(parts)]
            back = torch.from_numpy(np.argsort(order))
            return tuple(
                torch.cat(tensors)[back] if len(tensors[0]) else tensors[0] for tensors in zip(*outputs, strict=True)
            )

    def _prepare(self, pixels: Sequence[Pixels]) -> tuple[list[int], list[torch.Tensor]]:
        """Prepared batches, one or more for each size of image, and which images they hold, in order."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(pixels):
            groups.setdefault(image.shape, []).append(index)
        order: list[int] = []
        parts: list[torch.Tensor] = []
        for shape, members in groups.items():
            at_once = max(1, _RESIZE_BYTES // int(np.prod(shape)))
            for i in range(0, len(members), at_once):
                some = members[i : i + at_once]
                stacked = torch.from_numpy(np.stack([pixels[index] for index in some])).to(self.device)
                # A permuted view is an N×3×H×W batch that lies in memory as channels_last, without a copy.
                parts.append(self.extractor.prepare(stacked.permute(0, 3, 1, 2)))
                order += some
        return order, parts

    def _checked(self, output: ExtractorOutput, count: int) -> tuple[torch.Tensor, ...]:
        name = self.extractor.info.name
        parts = (output.pooled, output.logits, output.spatial)
        for what, part in zip(("features", "logits", "spatial features"), parts, strict=True):
            if part is not None and (part.ndim != 2 or len(part) != count):
                raise ExtractorError(
                    f"the extractor {name!r} returned shape {tuple(part.shape)} as {what} for "
                    f"{counted(count, 'image')}",
                    hint=f"It must return one row an image: [{count}, D].",
                )
        widths = tuple(None if part is None else part.shape[1] for part in parts)
        self._widths = self._widths or widths
        if widths != self._widths:
            raise ExtractorError(
                f"the extractor {name!r} returned {_in_words(self._widths)} for some images, and "
                f"{_in_words(widths)} for others",
                hint="Every image must give as many numbers as any other, whatever its size: resize, or pool.",
            )
        tensors = [torch.empty(0) if part is None else part.detach().to("cpu", torch.float32) for part in parts]
        if not torch.isfinite(tensors[0]).all():
            raise ExtractorError(
                f"the extractor {name!r} returned features that are NaN or infinite",
                hint="Its weights are damaged, or its precision is too low for these images.",
            )
        return tuple(tensors)

    def chunk(self, batch: DecodedBatch, outputs: Sequence[tuple[torch.Tensor, ...]]) -> FeatureChunk:
        """The chunk of a decoded batch from the outputs of its pieces, in order."""
        pooled, logits, spatial = (
            torch.cat([output[i] for output in outputs]).numpy() if outputs else None for i in range(3)
        )
        return FeatureChunk(
            start=batch.start,
            positions=batch.positions,
            pooled=pooled if pooled is not None else np.zeros((0, 0), np.float32),
            logits=logits if logits is not None and logits.size else None,
            spatial=spatial if spatial is not None and spatial.size else None,
            ids=tuple(item.id for item in batch.items),
            labels=tuple(item.label for item in batch.items),
            images=tuple(image.info for image in batch.images),
            skipped=tuple(batch.skipped),
            previews=tuple(batch.previews),
        )
