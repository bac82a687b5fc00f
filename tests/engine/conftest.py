"""A source and an extractor whose every number is known, to test the engine and the store by themselves."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from ganeval.errors import CorruptImageError
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource


class KnownSource(ImageSource):
    """Random images of mixed sizes; counts how many were decoded, and can be made to fail at some positions."""

    kind = "known"

    def __init__(self, count: int, *, bad: frozenset[int] = frozenset(), seed: int = 0, length_known: bool = True):
        rng = np.random.default_rng(seed)
        self.name = f"known-{count}"
        self.arrays = [
            rng.integers(0, 256, (int(h), int(w), 3), dtype=np.uint8) for h, w in rng.integers(4, 9, (count, 2))
        ]
        self.bad = bad
        self.decoded: list[int] = []
        self.length_known = length_known
        self.stop_at: int | None = None
        self._lock = threading.Lock()

    @property
    def count(self) -> int | None:
        return len(self.arrays) if self.length_known else None

    def fingerprint(self) -> str | None:
        return hashlib.sha256(b"".join(array.tobytes() for array in self.arrays)).hexdigest()

    def __iter__(self) -> Iterator[ImageItem]:
        for index in range(len(self.arrays)):
            yield ImageItem(id=f"image-{index}", load=self._loader(index), label=index % 3)

    def _loader(self, index: int) -> Callable[[], DecodedImage]:
        def load() -> DecodedImage:
            if self.stop_at is not None and index >= self.stop_at:
                raise KeyboardInterrupt
            with self._lock:
                self.decoded.append(index)
            if index in self.bad:
                raise CorruptImageError([(f"image-{index}", "truncated")])
            pixels = self.arrays[index]
            height, width = pixels.shape[:2]
            digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
            return DecodedImage(pixels, ImageInfo("PNG", "RGB", width, height, 0, digest))

        return load


class ChannelSums(FeatureExtractor):
    """Features are the mean of each channel and the size; logits their negatives: closed form for each image."""

    def __init__(self, *, thread_safe: bool = True, weights: str = "a", fits: int | None = None) -> None:
        self.info = ExtractorInfo("channel-sums", weights, "none", feature_dim=5, class_count=5)
        self.thread_safe = thread_safe
        self.fits = fits
        self.largest = 0
        self.threads: set[str] = set()

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        assert images.dtype == torch.uint8
        assert images.shape[1] == 3
        sizes = torch.tensor([[images.shape[2], images.shape[3]]] * len(images), dtype=torch.float32)
        return torch.cat([images.float().mean((2, 3)), sizes], 1)

    def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
        self.threads.add(threading.current_thread().name)
        if self.fits is not None and len(prepared) > self.fits:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.largest = max(self.largest, len(prepared))
        return ExtractorOutput(prepared, -prepared)


def expected_features(source: KnownSource) -> np.ndarray:
    rows = [
        [*array.reshape(-1, 3).mean(0), *array.shape[:2]]
        for index, array in enumerate(source.arrays)
        if index not in source.bad
    ]
    return np.array(rows)


@pytest.fixture
def known_source() -> type[KnownSource]:
    return KnownSource


@pytest.fixture
def channel_sums() -> type[ChannelSums]:
    return ChannelSums


@pytest.fixture
def expected() -> Callable[[KnownSource], np.ndarray]:
    return expected_features
