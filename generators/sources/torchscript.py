"""Generators saved as TorchScript (``.pt``, ``.ts``, ``.jit``); their code runs when images are made."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from ganeval.errors import WeightsError
from ganeval.generators.sources.foreign import ForeignModel, Interface, require_latent
from ganeval.generators.sources.origin import FileOrigin, require_trust

#: Attributes by which modules tell the dimensions of their latent vectors.
LATENT_ATTRIBUTES = ("z_dim", "latent_dim", "dim_z", "latent", "nz")


class TorchScriptOrigin(FileOrigin):
    """A TorchScript module from latent vectors (and labels) to images.

    Parameters
    ----------
    path
        The file.
    interface
        What it takes and gives.
    trust
        Whether its code may run.

    Raises
    ------
    ImageSourceError
        If it isn't trusted.
    """

    kind = "torchscript"

    def __init__(self, path: Path, interface: Interface, *, trust: bool) -> None:
        require_trust(trust, f"the TorchScript file {path}")
        super().__init__(path)
        self._interface = interface

    def load(self, device: torch.device) -> ForeignModel:
        """The module; raises `WeightsError` if the file holds none."""
        try:
            with warnings.catch_warnings():
                # That TorchScript is on its way out is for those who save it, not for those who have only that.
                warnings.simplefilter("ignore", FutureWarning)
                warnings.simplefilter("ignore", DeprecationWarning)
                module: Any = torch.jit.load(str(self.path), map_location=device)  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsError(
                f"{self.path} holds no TorchScript module",
                hint="Weights alone don't say how to make images: save the generator with torch.jit.save, or as ONNX.",
            ) from error
        module.eval()
        latent = require_latent(self._interface, latent_of(module), str(self.path))
        return ForeignModel(module, latent, self._interface, device)

    def fingerprint_parts(self) -> tuple[str, ...]:
        """All that was said about it."""
        return (str(self._interface),)


def latent_of(module: Any) -> tuple[int, ...] | None:
    """The shape of a module's latent vectors, if one of the usual attributes tells it."""
    for name in LATENT_ATTRIBUTES:
        value = getattr(module, name, None)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return (value,)
    return None
