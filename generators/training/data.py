"""Training examples: where they are, and in which order they come."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ganeval.errors import ImageSourceError
from ganeval.generators.data_kinds import Batch
from ganeval.generators.streams import ORDER, random_stream

#: Permutations that are kept: a batch and those announced after it may lie in as many epochs.
_KEPT_EPOCHS = 3


class Examples(Protocol):
    """A finite set of examples, any of which can be had by number.

    A set of two domains without pairs has two counts; their numbers are drawn apart.
    """

    @property
    def kind(self) -> str:
        """A key of `ganeval.generators.data_kinds.KINDS`."""
        ...

    @property
    def counts(self) -> tuple[int, ...]:
        """How many examples there are: one number, or one for each domain of unpaired data."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the (first domain's) images."""
        ...

    @property
    def other_shape(self) -> tuple[int, int, int] | None:
        """Channels, height and width of the second domain's images; None without one."""
        ...

    @property
    def classes(self) -> int:
        """How many classes the labels have; 0 without labels."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, where that is known; else empty."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences about the data that its user should know, such as what was left out."""
        ...

    def expect(self, chosen: Sequence[Tensor]) -> None:
        """What will be read soon, as `read` takes it: a set that isn't in memory may begin to fetch it."""
        ...

    def read(self, chosen: Sequence[Tensor]) -> Batch:
        """The examples of these numbers, one int64 tensor [N] for each count, on the CPU."""
        ...

    def digest(self) -> str:
        """Hex digest of all that is in it."""
        ...


@dataclass(frozen=True)
class ImageArrays:
    """Examples held in memory as they were stored.

    Parameters
    ----------
    images
        uint8 [N, C, H, W].
    labels
        int64 [N] from 0, or None.
    others
        uint8 [N, C', H', W'] for paired, [M, C', H', W'] for unpaired data, or None.
    kind
        A key of `ganeval.generators.data_kinds.KINDS`.
    class_names
        What the classes are called, where that is known.
    remarks
        Sentences about the data.

    Raises
    ------
    ImageSourceError
        If the parts don't fit together.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None = None
    others: npt.NDArray[np.uint8] | None = None
    kind: str = "images"
    class_names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for images in (self.images, *([] if self.others is None else [self.others])):
            if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
                raise ImageSourceError(
                    f"training images are {images.dtype} of shape {images.shape}",
                    hint="They have to be uint8 [N, channels, height, width], with one image or more.",
                )
        counts = [len(self.images), *([] if self.others is None else [len(self.others)])]
        check_parts(self.kind, counts, self.labels)

    @property
    def counts(self) -> tuple[int, ...]:
        """N, and M of unpaired data."""
        second = self.others if self.kind == "unpaired" else None
        return (len(self.images),) if second is None else (len(self.images), len(second))

    @property
    def shape(self) -> tuple[int, int, int]:
        """C, H, W."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def other_shape(self) -> tuple[int, int, int] | None:
        """C', H', W' of the second domain."""
        if self.others is None:
            return None
        channels, height, width = self.others.shape[1:]
        return channels, height, width

    @property
    def classes(self) -> int:
        """One more than the largest label."""
        return 0 if self.labels is None else int(self.labels.max()) + 1

    def expect(self, chosen: Sequence[Tensor]) -> None:
        """Nothing: all is here."""

    def read(self, chosen: Sequence[Tensor]) -> Batch:
        """The examples of these numbers."""
        rows = chosen[0].numpy()
        others = self.others
        return Batch(
            images=scaled(self.images[rows]),
            labels=None if self.labels is None or self.kind != "labelled" else torch.from_numpy(self.labels[rows]),
            others=None if others is None else scaled(others[chosen[-1].numpy()]),
        )

    def digest(self) -> str:
        """Of shapes and contents."""
        digest = hashlib.blake2b(self.kind.encode(), digest_size=16)
        for part in (self.images, self.labels, self.others):
            if part is not None:
                digest.update(repr((part.shape, str(part.dtype))).encode())
                digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()


def check_parts(kind: str, counts: Sequence[int], labels: npt.NDArray[np.int64] | None) -> None:
    """Refuse examples that aren't complete.

    Parameters
    ----------
    kind
        A key of `ganeval.generators.data_kinds.KINDS`.
    counts
        Images of each domain.
    labels
        int64 [N], or None.

    Raises
    ------
    ImageSourceError
        If labels or a second domain are missing, or numbers don't fit.
    """
    if kind == "labelled" and labels is None:
        raise ImageSourceError(
            "the training images have no labels, and this model needs them",
            hint="Put images of each class into a folder of their own and add --labels folders, or give an .npz "
            "with labels as arr_1.",
        )
    if labels is not None and (len(labels) != counts[0] or int(labels.min()) < 0):
        raise ImageSourceError(f"{len(labels)} labels don't fit {counts[0]} images, or some are below 0")
    if kind in ("paired", "unpaired") and len(counts) < 2:
        raise ImageSourceError(f"{kind} training data needs a second set of images")
    if kind == "paired" and counts[1] != counts[0]:
        raise ImageSourceError(f"{counts[0]} images can't be paired with {counts[1]}")


def scaled(images: npt.NDArray[np.uint8]) -> Tensor:
    """float32 in [-1, 1] from uint8."""
    return torch.from_numpy(images).to(torch.float32).div_(127.5).sub_(1.0)


class Order:
    """Which examples the t-th batch holds: each epoch a new permutation of all, a last incomplete batch left out.

    It follows from the seed and t alone, so that a resumed run goes on where it was.

    Parameters
    ----------
    count
        Of examples.
    batch_size
        Examples in each batch, over all processes.
    seed
        Of the permutations.
    domain
        Keeps the orders of several domains apart.

    Raises
    ------
    ImageSourceError
        If there are fewer examples than in one batch.
    """

    def __init__(self, count: int, batch_size: int, seed: int, domain: int = 0) -> None:
        if count < batch_size:
            raise ImageSourceError(
                f"{count} training images are fewer than one batch of {batch_size}",
                hint="Choose a smaller --batch-size or a larger set.",
            )
        self._count, self._size, self._seed, self._domain = count, batch_size, seed, domain
        self.batches = count // batch_size
        self._permutations: dict[int, Tensor] = {}

    def batch(self, number: int) -> Tensor:
        """Numbers of the examples in batch `number` (from 0), int64 [batch_size]."""
        epoch, position = divmod(number, self.batches)
        if epoch not in self._permutations:
            random = random_stream(self._seed, ORDER, self._domain, epoch)
            # The last few epochs': where one ends, batches of the next are announced already.
            recent = list(self._permutations.items())[1 - _KEPT_EPOCHS :]
            self._permutations = {**dict(recent), epoch: torch.randperm(self._count, generator=random)}
        return self._permutations[epoch][position * self._size : (position + 1) * self._size]
