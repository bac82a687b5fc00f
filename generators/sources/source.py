"""A generator as an image source: all that evaluation sees of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from ganeval.errors import ImageSourceError, OptionError
from ganeval.features.devices import resolve_device
from ganeval.generators.sampling.blocks import BLOCK_SIZE, SAMPLING_VERSION, Blocks, levels
from ganeval.generators.sampling.samplable import Samplable
from ganeval.generators.sources.asked import Asked
from ganeval.generators.sources.origin import Origin
from ganeval.generators.streams import random_stream
from ganeval.images.digest import pixel_digest, set_fingerprint
from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource

DEFAULT_COUNT = 2000
# Keeps the latents of `ModelSampler.draw` apart from those of the samples, whose streams have another key.
_CHOSEN_LATENTS = 1 << 32


class SampleSource(ImageSource):
    """Samples of a generator, made on demand.

    Image `i` is a function of the weights, the seed and `i`: it depends neither on how many images are asked for, nor
    in which order or by how many threads they are loaded. Bytes are the same on the same machine with the same
    version of torch; elsewhere a pixel may be off by one.

    Parameters
    ----------
    origin
        Where the generator comes from; it is loaded when the first image is asked for.
    count
        How many images the source has.
    seed
        Chooses the latent vectors.
    asked
        Class, truncation and conditions.
    device
        ``"cpu"``, ``"auto"``, ``"cuda"``, ... .

    Raises
    ------
    OptionError
        If `count` is below 1 or `seed` below 0, or the generator has no such class, truncation or condition.
    """

    kind = "generator"
    exchangeable = True

    def __init__(
        self,
        origin: Origin,
        count: int = DEFAULT_COUNT,
        seed: int = 0,
        asked: Asked | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        if count < 1:
            raise OptionError(f"the number of images to generate is {count}", hint="Ask for 1 or more.")
        if seed < 0:
            raise OptionError(f"the seed of generator:{origin.name} is {seed}", hint="Choose 0 or more.")
        self._origin, self._count, self._seed, self._asked = origin, count, seed, asked or Asked()
        self.name = f"generator:{origin.name}{self._asked.words()}"
        self._device = resolve_device(device)
        self._lock = threading.Lock()
        self._model: Samplable | None = None
        self._blocks: Blocks | None = None
        if self._asked.anything:
            # What a model can't do is told before any work.
            self.blocks()

    def __iter__(self) -> Iterator[ImageItem]:
        """Items ``generator:NAME/seed-SEED/000123``, with the class as label where the generator has classes."""
        return self.between(0, self._count)

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        """The items from `start` to `stop` (exclusive); none before them is made."""
        blocks = self.blocks()
        for index in range(self._count)[start:stop]:
            name = f"{self.name}/seed-{self._seed}/{index:06d}"
            yield ImageItem(name, partial(self._load, index), blocks.label(index))

    @property
    def count(self) -> int:
        """Number of images."""
        return self._count

    @property
    def seed(self) -> int:
        """Chooses the latent vectors."""
        return self._seed

    @property
    def sampler(self) -> ModelSampler | None:
        """The generator itself, where its images change along paths of latent vectors."""
        model = self.model()
        return None if model.geometry == "none" else ModelSampler(model)

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Origin, checksum of the weights, seed, class, truncation and device, with what the origin tells of itself."""
        truncation = (
            None if self._asked.truncation is None else self._asked.drawing(self.model(), self._seed).truncation
        )
        return {
            "origin": self._origin.kind,
            "generator": self._origin.name,
            "weights_sha256": self._origin.digest(),
            "seed": self._seed,
            "class": self._asked.label,
            "fixed": [f"{name}={value}" for name, value in self._asked.fixed_as_text().items()] or None,
            "truncation": None if truncation is None else {"method": truncation.method, "value": truncation.value},
            "device": self._device.type,
            "sampling": SAMPLING_VERSION,
            **self._origin.facts(),
        }

    def fingerprint(self) -> str | None:
        """Hex digest of weights, seed, count, class, truncation and device, and the versions of this code and of torch.

        None where the weights can't be told from others.
        """
        weights = self._origin.digest()
        if weights is None:
            return None
        numbers = f"seed {self._seed} count {self._count} block {BLOCK_SIZE} sampling {SAMPLING_VERSION}"
        parts = [self.name, weights, numbers, f"torch {torch.__version__}", *self._origin.fingerprint_parts()]
        if self._device.type != "cpu":
            parts.append(self._device.type)
        return set_fingerprint(self.kind, parts)

    def model(self) -> Samplable:
        """The generator; raises `WeightsError` if it can't be loaded."""
        with self._lock:
            if self._model is None:
                self._model = self._origin.load(self._device)
            return self._model

    def blocks(self) -> Blocks:
        """Its images by number, as they are before they become RGB."""
        model = self.model()
        with self._lock:
            if self._blocks is None:
                self._blocks = Blocks(model, self._asked.drawing(model, self._seed))
            return self._blocks

    def _load(self, index: int) -> DecodedImage:
        planes = self.blocks().image(index)[0].numpy()
        channels, height, width = planes.shape
        if channels not in (1, 3):
            raise ImageSourceError(
                f"{self.name} makes images of {channels} channels",
                hint="Pictures of 1 (grey) or 3 (red, green, blue) can be shown and scored.",
            )
        pixels = np.ascontiguousarray(np.broadcast_to(planes, (3, height, width)).transpose(1, 2, 0))
        mode = "L" if channels == 1 else "RGB"
        return DecodedImage(pixels, ImageInfo("array", mode, width, height, digest=pixel_digest(pixels)))


class ModelSampler:
    """A model as a `ganeval.images.source.LatentSampler`: images of chosen latent vectors.

    Parameters
    ----------
    model
        In evaluation mode.
    """

    def __init__(self, model: Samplable) -> None:
        self._model = model
        #: How paths between latents go.
        self.geometry = model.geometry
        #: Largest number of images at once.
        self.batch_size = model.pass_size

    def draw(self, count: int, seed: int) -> torch.Tensor:
        """`count` latent vectors, float32 [count, D]."""
        return self._model.draw(count, random_stream(seed, _CHOSEN_LATENTS))["z"]

    def render(self, latents: torch.Tensor) -> torch.Tensor:
        """Their images, float32 [count, 3, H, W] in 0..255, not rounded; all else is as for the first sample."""
        drawn = self._model.draw(1, random_stream(0, _CHOSEN_LATENTS))
        fixed = {name: values.expand(len(latents), *values.shape[1:]) for name, values in drawn.items()}
        values = levels(self._model, fixed | {"z": latents}).clamp(0, 255)
        return values.expand(-1, 3, -1, -1) if values.shape[1] == 1 else values
