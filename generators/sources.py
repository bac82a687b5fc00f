"""Bundled generators as image sources: ``generator:dcgan-fashion-mnist`` and the like."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import OptionError
from ganeval.generators.bundled import BundledGenerator, find_bundled
from ganeval.generators.models.dcgan import Generator
from ganeval.generators.training.dcgan import draw_latents, random_stream
from ganeval.generators.weights_file import read_generator
from ganeval.images.digest import pixel_digest, set_fingerprint
from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource, SourceOptions

DEFAULT_COUNT = 2000
#: Images made in one pass. Part of what an image is: a network's rounding may depend on the size of the batch.
BLOCK_SIZE = 100
#: Raised whenever the same weights and seed come to give other images.
SAMPLING_VERSION = 1
KEPT_BLOCKS = 8
# Keeps the latents of `DCGANSampler.draw` apart from those of the samples, whose streams have another key.
_CHOSEN_LATENTS = 1 << 32


class GeneratorSource(ImageSource):
    """Samples of a generative model, made on demand.

    Image `i` is a function of the weights, the seed and `i`: it depends neither on how many images are asked for, nor
    in which order or by how many threads they are loaded. Bytes are the same on the same machine with the same
    version of torch; elsewhere a pixel may be off by one.

    Parameters
    ----------
    model
        One of the bundled models.
    count
        How many images the source has.
    seed
        Chooses the latent vectors.

    Raises
    ------
    OptionError
        If `count` is below 1 or `seed` below 0.
    """

    kind = "generator"
    exchangeable = True

    def __init__(self, model: BundledGenerator, count: int = DEFAULT_COUNT, seed: int = 0) -> None:
        if count < 1:
            raise OptionError(f"the number of images to generate is {count}", hint="Ask for 1 or more.")
        if seed < 0:
            raise OptionError(f"the seed of generator:{model.name} is {seed}", hint="Choose 0 or more.")
        self.name = f"generator:{model.name}"
        self._model, self._count, self._seed = model, count, seed
        self._lock = threading.Lock()
        self._generator: Generator | None = None
        self._blocks: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()

    def __iter__(self) -> Iterator[ImageItem]:
        """Items ``generator:NAME/seed-SEED/000123``, without labels."""
        for index in range(self._count):
            yield ImageItem(f"{self.name}/seed-{self._seed}/{index:06d}", partial(self._load, index))

    @property
    def count(self) -> int:
        """Number of images."""
        return self._count

    @property
    def sampler(self) -> DCGANSampler:
        """The generator itself."""
        with self._lock:
            return DCGANSampler(self._loaded())

    def fingerprint(self) -> str:
        """Hex digest of the weights, seed, count, and the versions of this code and of torch."""
        weights = hashlib.sha256(self._model.weights()).hexdigest()
        numbers = f"seed {self._seed} count {self._count} block {BLOCK_SIZE} sampling {SAMPLING_VERSION}"
        return set_fingerprint(self.kind, [self.name, weights, numbers, f"torch {torch.__version__}"])

    def _load(self, index: int) -> DecodedImage:
        block, position = divmod(index, BLOCK_SIZE)
        with self._lock:
            images = self._blocks.get(block)
            if images is None:
                images = self._blocks[block] = self._make_block(block)
            self._blocks.move_to_end(block)
            while len(self._blocks) > KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        planes = images[position]
        channels, height, width = planes.shape
        pixels = np.ascontiguousarray(np.broadcast_to(planes, (3, height, width)).transpose(1, 2, 0))
        mode = "L" if channels == 1 else "RGB"
        return DecodedImage(pixels, ImageInfo("array", mode, width, height, digest=pixel_digest(pixels)))

    def _make_block(self, block: int) -> npt.NDArray[np.uint8]:
        generator = self._loaded()
        random = random_stream(self._seed, block)
        values = _levels(generator, draw_latents(BLOCK_SIZE, generator.config.latent, random))
        rounded: npt.NDArray[np.uint8] = values.round().clamp(0, 255).to(torch.uint8).numpy()
        return rounded

    def _loaded(self) -> Generator:
        if self._generator is None:
            self._generator = read_generator(self._model.weights(), self._model.file)
        return self._generator


class DCGANSampler:
    """A DCGAN as a `ganeval.images.source.LatentSampler`: images of chosen latent vectors.

    Parameters
    ----------
    generator
        In evaluation mode, on the CPU.
    """

    #: The prior is uniform on a cube, which is convex: straight lines between latents stay in it.
    geometry = "linear"
    batch_size = BLOCK_SIZE

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def draw(self, count: int, seed: int) -> torch.Tensor:
        """`count` latent vectors, float32 [count, D], uniform on [-1, 1)."""
        return draw_latents(count, self._generator.config.latent, random_stream(seed, _CHOSEN_LATENTS))

    def render(self, latents: torch.Tensor) -> torch.Tensor:
        """Their images, float32 [count, 3, H, W] in 0..255, not rounded."""
        values: torch.Tensor = _levels(self._generator, latents).clamp(0, 255)
        return values.expand(-1, 3, -1, -1) if values.shape[1] == 1 else values


@torch.inference_mode()
def _levels(generator: Generator, latents: torch.Tensor) -> torch.Tensor:
    """Images [N, channels, H, W] on the scale 0..255."""
    images: torch.Tensor = (generator(latents) + 1) * 127.5
    return images


def open_generator(argument: str, options: SourceOptions) -> GeneratorSource:
    """A source of samples for ``generator:ARGUMENT``.

    Parameters
    ----------
    argument
        Name or alias of a bundled model, such as ``"dcgan-fashion-mnist"`` or ``"dcgan"``.
    options
        `count` (default 2,000) and `seed` are used.

    Raises
    ------
    ImageSourceError
        If there is no such model, with the nearest name.
    OptionError
        If the count or seed can't be used.
    """
    count = DEFAULT_COUNT if options.count is None else options.count
    return GeneratorSource(find_bundled(argument), count, options.seed)
