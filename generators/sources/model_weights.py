"""Generators of ganeval's own models: bundled ones, and those in run folders, checkpoints and safetensors files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ganeval.errors import WeightsError
from ganeval.generators.bundled import BundledGenerator
from ganeval.generators.model import GenerativeModel, Sampler
from ganeval.generators.sources.origin import Origin
from ganeval.generators.training.run_folder import weights_of
from ganeval.generators.weights_file import read_header, read_model


class BundledOrigin(Origin):
    """A model that comes with ganeval.

    Parameters
    ----------
    bundled
        Which one.
    """

    kind = "bundled"

    def __init__(self, bundled: BundledGenerator) -> None:
        super().__init__(bundled.name)
        self._bundled = bundled

    def digest(self) -> str:
        """SHA-256 of the weights file, the number on its card."""
        return hashlib.sha256(self._bundled.weights()).hexdigest()

    def load(self, device: torch.device) -> Sampler:
        """The model; raises `WeightsError` if the installation lacks it or it makes no images from noise."""
        return _sampler(read_model(self._bundled.weights(), self._bundled.file), self.name).to(device)

    def facts(self) -> Mapping[str, Any]:
        """Model, and how it was trained."""
        return _facts(self._bundled.weights())


class TrainedOrigin(Origin):
    """A model that `ganeval train` wrote.

    Parameters
    ----------
    path
        A run folder (its newest checkpoint), a checkpoint folder, or a safetensors file.

    Raises
    ------
    WeightsError
        If there are no such weights.
    """

    kind = "weights"

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._weights = weights_of(path)
        self._read: bytes | None = None

    def digest(self) -> str:
        """SHA-256 of the weights file."""
        return hashlib.sha256(self._content()).hexdigest()

    def load(self, device: torch.device) -> Sampler:
        """The model; raises `WeightsError` for damaged files and for models that make images from images."""
        return _sampler(read_model(self._content(), str(self._weights)), self.name).to(device)

    def facts(self) -> Mapping[str, Any]:
        """Weights file, model, and how it was trained."""
        return {"file": str(self._weights), **_facts(self._content())}

    def _content(self) -> bytes:
        # Read once: a run that goes on replaces its weights, and checksum and images have to be of the same ones.
        if self._read is None:
            try:
                self._read = self._weights.read_bytes()
            except OSError as error:
                raise WeightsError(
                    f"can't read the generator's weights {self._weights}: {(error.strerror or str(error)).lower()}"
                ) from error
        return self._read


class ModelOrigin(Origin):
    """A model in memory, as it is while it trains.

    Parameters
    ----------
    model
        In evaluation mode.
    name
        How it is called.
    """

    kind = "memory"

    def __init__(self, model: Sampler, name: str) -> None:
        super().__init__(name)
        self._model = model

    def digest(self) -> None:
        """None: it may change at any time."""

    def load(self, device: torch.device) -> Sampler:
        """The model itself, wherever it is."""
        return self._model


def _sampler(model: GenerativeModel, name: str) -> Sampler:
    if not isinstance(model, Sampler):
        raise WeightsError(f"{name} makes images from images", hint="Use `ganeval translate`.")
    return model


def _facts(content: bytes) -> Mapping[str, Any]:
    try:
        header = read_header(content)
    except (ValueError, KeyError, TypeError):
        # Told in words when the weights are loaded.
        return {}
    return {name: header[name] for name in ("model", "made") if name in header}
