"""Training examples that don't fit into memory: decoded when they are asked for, the next ones ahead in threads."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ganeval.generators.data_kinds import Batch
from ganeval.generators.training.data import check_parts, scaled
from ganeval.generators.training.images import Pixels, TrainingImages, decoding_threads

#: Batches that are held for being asked for; what was expected before is forgotten.
_KEPT_BATCHES = 3


class ImagesOnDemand:
    """Examples of which only those of the next batches are in memory; the same as `ImageArrays` gives.

    Parameters
    ----------
    kind
        A key of `ganeval.generators.data_kinds.KINDS`.
    domains
        The images, and the second domain's of paired and unpaired data.
    labels
        int64 [N] from 0, or None.
    class_names
        What the classes are called.
    remarks
        Sentences about the data.

    Raises
    ------
    ImageSourceError
        If the parts don't fit together.
    """

    def __init__(
        self,
        kind: str,
        domains: Sequence[TrainingImages],
        labels: npt.NDArray[np.int64] | None = None,
        class_names: tuple[str, ...] = (),
        remarks: tuple[str, ...] = (),
    ) -> None:
        self.kind, self.class_names, self.remarks = kind, class_names, remarks
        self._domains, self._labels = list(domains), labels
        check_parts(kind, [len(images) for images in domains], labels)
        self._threads: ThreadPoolExecutor | None = None
        self._expected: OrderedDict[tuple[int, int], Future[Pixels]] = OrderedDict()

    @property
    def counts(self) -> tuple[int, ...]:
        """N, and M of unpaired data."""
        counts = tuple(len(images) for images in self._domains)
        return counts if self.kind == "unpaired" else counts[:1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """C, H, W."""
        return self._domains[0].shape

    @property
    def other_shape(self) -> tuple[int, int, int] | None:
        """C', H', W' of the second domain."""
        return self._domains[1].shape if len(self._domains) > 1 else None

    @property
    def classes(self) -> int:
        """One more than the largest label."""
        return 0 if self._labels is None else int(self._labels.max()) + 1

    def expect(self, chosen: Sequence[Tensor]) -> None:
        """Begin to decode these examples."""
        asked = [(domain, number) for domain in range(len(self._domains)) for number in _numbers(chosen, domain)]
        for key in asked:
            if key not in self._expected:
                self._expected[key] = self._submitted(key)
            self._expected.move_to_end(key)
        while len(self._expected) > _KEPT_BATCHES * len(asked):
            self._expected.popitem(last=False)[1].cancel()

    def read(self, chosen: Sequence[Tensor]) -> Batch:
        """The examples of these numbers."""
        parts = [self._gathered(domain, _numbers(chosen, domain)) for domain in range(len(self._domains))]
        labels = None
        if self._labels is not None and self.kind == "labelled":
            labels = torch.from_numpy(self._labels[chosen[0].numpy()])
        return Batch(parts[0], labels, parts[1] if len(parts) > 1 else None)

    def digest(self) -> str:
        """Of the sources' fingerprints and what is done to the images; of all pixels where a source has none."""
        digest = hashlib.blake2b(f"on demand {self.kind}".encode(), digest_size=16)
        for images in self._domains:
            fingerprint = images.fingerprint()
            digest.update(repr((images.shape, len(images), fingerprint)).encode())
            if fingerprint is None:
                for number in range(len(images)):
                    digest.update(images.image(number).data)
        if self._labels is not None:
            digest.update(self._labels.tobytes())
        return digest.hexdigest()

    def _gathered(self, domain: int, numbers: Sequence[int]) -> Tensor:
        futures = [self._taken((domain, number)) for number in numbers]
        return scaled(np.stack([future.result() for future in futures]))

    def _taken(self, key: tuple[int, int]) -> Future[Pixels]:
        return self._expected.pop(key) if key in self._expected else self._submitted(key)

    def _submitted(self, key: tuple[int, int]) -> Future[Pixels]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(decoding_threads(), thread_name_prefix="decode")
        domain, number = key
        return self._threads.submit(self._domains[domain].image, number)


def _numbers(chosen: Sequence[Tensor], domain: int) -> list[int]:
    # Pairs have one number for both of their images.
    numbers: list[int] = chosen[min(domain, len(chosen) - 1)].tolist()
    return numbers
