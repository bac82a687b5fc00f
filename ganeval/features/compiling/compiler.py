"""What makes a faster network out of an extractor's, and the table of those that do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ganeval.errors import OptionError
from ganeval.features.extractor import FeatureExtractor
from ganeval.registry import Registry

#: Prepared images to pooled features, logits and spatial features; None for those that the extractor doesn't give.
Outputs = tuple[torch.Tensor | None, ...]
Network = Callable[[torch.Tensor], Outputs]


class Compiler(ABC):
    """One way to make an extractor's network faster; subclass and register it to add another."""

    #: What compiling is supposed to cost (seconds) and to save (a part of the network's time) until it was measured.
    supposed_seconds: float = 60.0
    supposed_saving: float = 0.2

    @property
    @abstractmethod
    def version(self) -> str:
        """What measurements hold for: the name, and the versions of all that takes part."""

    @abstractmethod
    def unsuited(self, extractor: FeatureExtractor, device: torch.device) -> str | None:
        """Why it can't take this extractor on this device, None if it can; costs no import."""

    @abstractmethod
    def compiled(self, extractor: FeatureExtractor, batch: torch.Tensor, folder: Path | None) -> Network:
        """`extractor.forward` for prepared batches of the layout of `batch`, for any number of threads at a time.

        Parameters
        ----------
        extractor
            On its device, with its network as `network`.
        batch
            Prepared images.
        folder
            Where what was made may be kept for the next run, under keys of the compiler's own; None keeps nothing.

        Raises
        ------
        Exception
            Whatever goes wrong in the compiler: the caller goes on without.
        """

    def forget(self, extractor: FeatureExtractor, batch: torch.Tensor, folder: Path | None) -> None:
        """Delete what `compiled` kept for these arguments: it turned out to be wrong."""
        return


class OutputsOf(nn.Module):
    """An extractor's `forward` in the form that compilers take: a module, and tensors out of it."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        super().__init__()
        # So that the weights are known as such.
        self.network = extractor.network  # type: ignore[attr-defined]
        self._extractor = extractor
        # Of this module alone: the network is as its owner left it.
        self.training = False

    def forward(self, prepared: torch.Tensor) -> Outputs:
        output = self._extractor.forward(prepared)
        return output.pooled, output.logits, output.spatial


_HERE = "ganeval.features.compiling"

#: By name; other packages add theirs in the entry-point group ``ganeval.compilers``.
COMPILERS: Registry[Compiler] = Registry(
    "compiler",
    "ganeval.compilers",
    {"onnxruntime": f"{_HERE}.onnx_runtime:COMPILER", "inductor": f"{_HERE}.inductor:COMPILER"},
    OptionError,
    Compiler,
)
