"""What a source of images is: ordered items that are decoded on demand, with ids, labels and a fingerprint."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Label = int | str | None


@dataclass(frozen=True)
class ImageInfo:
    """What is known about one image as it was stored, before it became uint8 RGB.

    Parameters
    ----------
    format
        Container as Pillow names it (``"PNG"``, ``"JPEG"``, ...), or ``"array"`` for images from memory or npz/npy.
    mode
        Colour mode as stored (``"RGB"``, ``"L"``, ``"P"``, ``"RGBA"``, ``"CMYK"``, ``"I;16"``, ...).
    width, height
        In pixels, after EXIF orientation.
    jpeg_quality
        Estimated from the quantisation tables (1..100), 0 where the image is no JPEG or the tables tell nothing.
    digest
        16-byte BLAKE2b of the decoded pixels and their shape.
    """

    format: str
    mode: str
    width: int
    height: int
    jpeg_quality: int = 0
    digest: bytes = b""


@dataclass(frozen=True)
class DecodedImage:
    """One image as uint8 RGB of shape [height, width, 3], with what it was before."""

    pixels: npt.NDArray[np.uint8]
    info: ImageInfo


@dataclass(frozen=True)
class ImageItem:
    """One image that is not decoded yet.

    `load` may be called from any thread, decodes, and raises `ganeval.errors.CorruptImageError` with exactly one
    failure if the image can't be decoded.
    """

    id: str
    load: Callable[[], DecodedImage]
    label: Label = None


class LatentSampler(Protocol):
    """A generator that can be asked for the images of chosen latent vectors."""

    #: ``"gaussian"`` (paths between latents are spherical) or ``"linear"``.
    geometry: str
    #: Largest number of images that `render` should be asked for at once.
    batch_size: int

    def draw(self, count: int, seed: int) -> torch.Tensor:
        """`count` latent vectors from the generator's prior, [count, ...], the same for the same seed."""

    def render(self, latents: torch.Tensor) -> torch.Tensor:
        """Their images, float32 [count, 3, H, W] in 0..255; everything else that is random about them held fixed.

        Not rounded: a small step in the latent space moves pixels by less than one level.
        """


class ImageSource(ABC):
    """An ordered set of images.

    Iterating gives `ImageItem` in a deterministic order; iterating again starts anew where `repeatable` is true.
    """

    #: How the set is called in reports: the path or name as the user gave it.
    name: str
    #: In one or two words, what kind of source this is: ``"folder"``, ``"zip"``, ``"npz"``, ...
    kind: str
    #: False for one-shot iterables, which can be read only once.
    repeatable: bool = True
    #: True where the order means nothing, as that of a generator's samples: any first part is a fair sample.
    exchangeable: bool = False
    #: False where images can only be had one after the other, so that `in_order` would have to hold all of them.
    random_access: bool = True
    #: True for videos: items are frames with ids ``CLIP/FRAME``, those of a clip one after the other in time.
    in_clips: bool = False

    @property
    def class_names(self) -> Mapping[Label, str]:
        """What the labels stand for, such as 8 for "bag", where the source knows more than its labels say."""
        return {}

    @property
    def sampler(self) -> LatentSampler | None:
        """The generator behind the images, where there is one."""
        return None

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What made the images, JSON-ready, where the source knows: it goes into reports; empty where it doesn't."""
        return {}

    @abstractmethod
    def __iter__(self) -> Iterator[ImageItem]:
        """The items, in order."""

    def in_order(self, positions: Sequence[int]) -> Iterator[ImageItem]:
        """The items at `positions` (0 is the first), in that order."""
        items = list(self)
        return (items[position] for position in positions)

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        """The items at positions `start` to `stop` (exclusive), reading as little as can be of what comes before."""
        return itertools.islice(iter(self), start, stop)

    def load_many(self, items: Iterable[ImageItem]) -> Iterator[DecodedImage]:
        """What each of this source's items loads, in order; faster where a source can make several images together.

        Raises
        ------
        CorruptImageError
            As `ImageItem.load`, when that image's turn comes.
        """
        return (item.load() for item in items)

    @property
    @abstractmethod
    def count(self) -> int | None:
        """Number of images, None where it can't be known before reading."""

    @abstractmethod
    def fingerprint(self) -> str | None:
        """Hex digest that changes whenever the ids, contents or order may have changed; None if that can't be told.

        Features of a source without a fingerprint are never stored.
        """


@dataclass(frozen=True)
class SourceOptions:
    """How a set of images is opened; each source uses those options that concern it.

    Parameters
    ----------
    recursive
        Whether folders are searched with their sub-folders.
    labels
        ``"folders"`` takes each image's class from the name of the first sub-folder below the root; None reads
        labels only where the source itself carries them (npz ``arr_1``, datasets).
    value_range
        For float images: ``(0.0, 1.0)`` or ``(-1.0, 1.0)``; None accepts data that fits one of them only
        (negative values mean [-1, 1]).
    count
        How many images to draw from a source without an end (generators); None takes the source's own default.
    seed
        For sources that draw at random.
    clips
        ``"folders"`` takes each folder of a folder or zip for a video and the images in it for its frames, in natural
        order (``9.png`` before ``10.png``); None takes every image for itself. Arrays of five dimensions are videos
        in any case, and sources of other kinds have none.
    trust
        Whether sources may run code that comes with what they open (pickles, TorchScript, repositories).
    device
        Where generators run: ``"cpu"``, ``"auto"``, ``"cuda"``, ... .
    """

    recursive: bool = True
    labels: str | None = None
    value_range: tuple[float, float] | None = None
    count: int | None = None
    seed: int = 0
    clips: str | None = None
    trust: bool = False
    device: str = "cpu"
