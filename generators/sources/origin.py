"""Where a generator comes from: what loads it, what tells its weights from others, and what a report says of it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from ganeval.errors import ImageSourceError, WeightsError
from ganeval.generators.sampling.samplable import Samplable


class Origin(ABC):
    """One generator, not loaded yet.

    Parameters
    ----------
    name
        How it is called after ``generator:``.
    """

    #: What kind of origin it is, for reports.
    kind: ClassVar[str]

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def digest(self) -> str | None:
        """SHA-256 of the weights in hexadecimal; None where that can't be told."""

    @abstractmethod
    def load(self, device: torch.device) -> Samplable:
        """The generator, in evaluation mode, on `device`.

        Raises
        ------
        WeightsError
            If it can't be loaded.
        """

    def facts(self) -> Mapping[str, Any]:
        """What else a report should say of it, JSON-ready."""
        return {}

    def fingerprint_parts(self) -> Sequence[str]:
        """What else, besides name and weights, decides which images it makes."""
        return ()


class FileOrigin(Origin):
    """A generator in one file.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path
        self._digest: str | None = None

    def digest(self) -> str:
        """SHA-256 of the file; raises `WeightsError` if it can't be read."""
        if self._digest is None:
            self._digest = file_sha256(self.path)
        return self._digest


def require_trust(trust: bool, what: str) -> None:
    """Check that code which comes with a generator may run.

    Raises
    ------
    ImageSourceError
        If the user hasn't said so.
    """
    if not trust:
        raise ImageSourceError(
            f"{what} runs code that comes with it, and is not trusted",
            hint="Pass --trust (from Python: trust=True) if you know where it comes from.",
        )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; raises `WeightsError` if it can't be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise WeightsError(f"can't read the generator {path}: {(error.strerror or str(error)).lower()}") from error
    return digest.hexdigest()


def module_sha256(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of a module's parameters and buffers, in order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
