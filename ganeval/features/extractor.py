"""What a feature extractor is, and the table of those that exist."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ganeval.errors import ExtractorError
from ganeval.features.features import ExtractorInfo
from ganeval.progress import Progress
from ganeval.registry import Registry


@dataclass(frozen=True)
class ExtractorOutput:
    """What an extractor returns for a batch: pooled float32 [N, D] and, where it has them, logits float32 [N, C]."""

    pooled: torch.Tensor
    logits: torch.Tensor | None = None
    spatial: torch.Tensor | None = None


class FeatureExtractor(ABC):
    """A network (or plain function) from image batches to features.

    Work is split in two so that images of different sizes can share a pass: `prepare` resizes a batch of one size to
    the network's input, `forward` runs the network on prepared images of any origin.
    """

    #: Identity, part of the feature store's key and of every report.
    info: ExtractorInfo
    #: True if `prepare` and `forward` may run in several threads at once.
    thread_safe: bool = False
    #: Images a batch that are fastest on the CPU, where each core runs batches of its own.
    cpu_batch_size: int = 8
    #: Names of the logits' classes, None where they have none.
    class_names: tuple[str, ...] | None = None

    @abstractmethod
    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Resize and normalise: uint8 [N, 3, H, W] in 0..255 to whatever `forward` takes, first dimension N."""

    @abstractmethod
    def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
        """Features of prepared images."""

    def to(self, device: torch.device) -> FeatureExtractor:
        """Move to `device` in place and return self."""
        return self

    def __call__(self, images: torch.Tensor) -> ExtractorOutput:
        """Features of a uint8 batch [N, 3, H, W]."""
        return self.forward(self.prepare(images))


@dataclass(frozen=True)
class Availability:
    """Whether something can be used on this machine now, and why or why not, in a sentence."""

    available: bool
    reason: str


@dataclass(frozen=True)
class ExtractorRequest:
    """What a user asked of an extractor.

    Parameters
    ----------
    weights
        A weights file to use instead of the default ones.
    preprocessing
        ``"tf1"`` or ``"clean"``; None takes the extractor's default.
    precision
        ``"float32"``, ``"bfloat16"`` or ``"float16"`` for the network's arithmetic; None takes the extractor's own,
        which is float32 for those of ganeval.
    download
        Whether weights may be fetched over the network.
    progress
        Told of a download's progress.
    trust
        Whether code that comes with weights (TorchScript archives, torch.hub repositories) may be run.
    spatial
        Whether spatial features are wanted too, of an extractor that makes them only when asked.
    """

    weights: Path | None = None
    preprocessing: str | None = None
    precision: str | None = None
    download: bool = True
    progress: Progress | None = None
    trust: bool = False
    spatial: bool = False


@dataclass(frozen=True)
class ExtractorSpec:
    """An entry of the table of extractors.

    `create` raises `ganeval.errors.WeightsError` or `ExtractorError`; `availability` never touches the network.
    """

    name: str
    summary: str
    feature_dim: int | None
    class_count: int | None
    preprocessings: tuple[str, ...]
    availability: Callable[[], Availability]
    create: Callable[[ExtractorRequest], FeatureExtractor]


EXTRACTORS: Registry[ExtractorSpec] = Registry(
    kind="extractor",
    group="ganeval.extractors",
    builtin={
        "inception-v3": "ganeval.features.inception:SPEC",
        "efficientnet-lite0": "ganeval.features.efficientnet_lite:SPEC",
        "dinov2-vit-s-14": "ganeval.features.dinov2:VIT_S_14",
        "dinov2-vit-b-14": "ganeval.features.dinov2:VIT_B_14",
        "dinov2-vit-l-14": "ganeval.features.dinov2:VIT_L_14",
        "dinov2-vit-g-14": "ganeval.features.dinov2:VIT_G_14",
        "clip-rn50": "ganeval.features.clip:RN50",
        "clip-vit-b-32": "ganeval.features.clip:VIT_B_32",
        "clip-vit-b-16": "ganeval.features.clip:VIT_B_16",
        "clip-vit-l-14": "ganeval.features.clip:VIT_L_14",
        "clip-vit-l-14-336px": "ganeval.features.clip:VIT_L_14_336",
        "pixels": "ganeval.features.pixels:SPEC",
    },
    error=ExtractorError,
    of=ExtractorSpec,
)
