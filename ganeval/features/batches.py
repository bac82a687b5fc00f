"""One batch on its way: decoded, resized in groups of equal size, through the network, back as a chunk."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import CorruptImageError, ExtractorError
from ganeval.features.chunks import FeatureChunk
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import Preview, StageTimes
from ganeval.features.lanes import Lane, lane_to
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


@dataclass(frozen=True)
class StagedBatch:
    """Images on the device: `parts` of one size each, resized or (`raw`) not yet, that hold the images `order`."""

    order: list[int]
    parts: list[torch.Tensor]
    raw: bool
    mark: Any


@dataclass(frozen=True)
class LaunchedBatch:
    """What the network gives for a batch, on its way to the CPU."""

    order: list[int]
    outputs: list[tuple[torch.Tensor, ...]]
    mark: Any


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
    lane
        How batches get to the device; None takes the best.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        device: torch.device,
        previews: PreviewChoice,
        clock: StageClock,
        lane: Lane | None = None,
    ) -> None:
        self.extractor = extractor
        self.device = device
        self.lane = lane or lane_to(device)
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

    def compute(self, pixels: Sequence[Pixels]) -> tuple[torch.Tensor, ...]:
        """Network outputs (pooled, and logits and spatial where there are any, else empty) of images, on the CPU."""
        return self.collect(self.launch(self.stage(pixels)))

    @torch.inference_mode()
    def stage(self, pixels: Sequence[Pixels], *, ahead: bool = False) -> StagedBatch:
        """Bring images to the device and resize them, `ahead` beside what the network computes.

        An extractor that isn't thread-safe doesn't resize beside anything: `launch` does it then.
        """
        raw = ahead and not self.extractor.thread_safe
        with self.clock.time("resize"):
            if not ahead:
                return StagedBatch(*self._prepare(pixels, raw=raw), raw, None)
            with self.lane.ahead():
                return StagedBatch(*self._prepare(pixels, raw=raw), raw, self.lane.mark())

    @torch.inference_mode()
    def launch(self, staged: StagedBatch) -> LaunchedBatch:
        """Start the network on a staged batch."""
        parts = staged.parts
        if staged.mark is not None:
            self.lane.follow(staged.mark, parts)
        if staged.raw:
            with self.clock.time("resize"):
                parts = [self.extractor.prepare(part) for part in parts]
        with self.clock.time("network"):
            outputs = [self._downloaded(self.extractor.forward(part), len(part)) for part in _joined(parts)]
            return LaunchedBatch(staged.order, outputs, self.lane.mark())

    @torch.inference_mode()
    def collect(self, launched: LaunchedBatch) -> tuple[torch.Tensor, ...]:
        """Outputs of a launched batch, as `compute` gives them."""
        with self.clock.time("network"):
            if launched.mark is not None:
                self.lane.arrived(launched.mark)
            for output in launched.outputs:
                self._refuse_infinite(output[0])
            back = torch.from_numpy(np.argsort(launched.order))
            return tuple(
                torch.cat(tensors)[back] if len(tensors[0]) else tensors[0]
                for tensors in zip(*launched.outputs, strict=True)
            )

    def _prepare(self, pixels: Sequence[Pixels], *, raw: bool = False) -> tuple[list[int], list[torch.Tensor]]:
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
                # A permuted view is an N×3×H×W batch that lies in memory as channels_last, without a copy.
                images = self.lane.upload([pixels[index] for index in some]).permute(0, 3, 1, 2)
                parts.append(images if raw else self.extractor.prepare(images))
                order += some
        return order, parts

    def _downloaded(self, output: ExtractorOutput, count: int) -> tuple[torch.Tensor, ...]:
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
        return tuple(torch.empty(0) if part is None else self.lane.download(part) for part in parts)

    def _refuse_infinite(self, pooled: torch.Tensor) -> None:
        if not torch.isfinite(pooled).all():
            raise ExtractorError(
                f"the extractor {self.extractor.info.name!r} returned features that are NaN or infinite",
                hint="Its weights are damaged, or its precision is too low for these images.",
            )

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
