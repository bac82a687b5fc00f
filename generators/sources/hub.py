"""Generators from ``torch.hub``: an entry of a repository's ``hubconf.py``, downloaded or lying here, which is run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
import yaml
from torch import nn

from ganeval.errors import ImageSourceError, OptionError, WeightsError
from ganeval.generators.sources.foreign import ForeignModel, Interface, read_interface, require_latent
from ganeval.generators.sources.origin import Origin, module_sha256, require_trust
from ganeval.generators.sources.torchscript import latent_of

#: Options with this in front go to the entry itself: ``arg.pretrained=true``.
ARGUMENT = "arg."


class HubOrigin(Origin):
    """An entry of a repository, ``owner/repo:entry``, ``owner/repo:branch:entry`` or ``/local/folder:entry``.

    Parameters
    ----------
    target
        The repository and the entry.
    interface
        What the generator takes and gives.
    arguments
        Of the entry.
    trust
        Whether the repository's code may run.

    Raises
    ------
    ImageSourceError
        If it isn't trusted, or the target has another form.
    """

    kind = "torch.hub"

    def __init__(self, target: str, interface: Interface, arguments: Mapping[str, Any], *, trust: bool) -> None:
        super().__init__(f"hub:{target}")
        self._repository, _, self._entry = target.rpartition(":")
        self._local = os.path.isdir(self._repository)
        if not self._entry or not (self._local or "/" in self._repository):
            raise ImageSourceError(
                f"generator:hub:{target} names no entry of a repository",
                hint="Write it like generator:hub:owner/repository:entry, or generator:hub:/folder:entry.",
            )
        require_trust(trust, f"the repository {self._repository}")
        self._interface, self._arguments = interface, dict(arguments)
        self._loaded: Any = None

    def digest(self) -> str | None:
        """SHA-256 of the module's parameters and buffers; None for anything but a module."""
        module = self._module()
        return module_sha256(module) if isinstance(module, nn.Module) else None

    def load(self, device: torch.device) -> ForeignModel:
        """The generator; raises `WeightsError` if the repository or the entry can't be loaded."""
        module = self._module()
        if not callable(module):
            raise WeightsError(f"{self.name} gives a {type(module).__name__}, which can't be called for images")
        if isinstance(module, nn.Module):
            module.eval().requires_grad_(False).to(device)
        latent = require_latent(self._interface, latent_of(module), self.name)
        return ForeignModel(module, latent, self._interface, device)

    def facts(self) -> Mapping[str, Any]:
        """Repository, entry, and the entry's arguments."""
        return {"repository": self._repository, "entry": self._entry, "arguments": self._arguments}

    def fingerprint_parts(self) -> tuple[str, ...]:
        """All that was said about it."""
        return (f"{self._interface} {self._arguments}",)

    def _module(self) -> Any:
        if self._loaded is None:
            hub: Any = torch.hub
            try:
                self._loaded = hub.load(
                    self._repository,
                    self._entry,
                    source="local" if self._local else "github",
                    trust_repo=True,
                    skip_validation=True,
                    verbose=False,
                    **self._arguments,
                )
            except Exception as error:
                # The repository's own code may raise anything, and so may the network.
                raise WeightsError(
                    f"{self.name} can't be loaded: {type(error).__name__}: {error}",
                    hint="Check the repository, the entry's arguments (arg.NAME=VALUE), and the network.",
                ) from error
        return self._loaded


def open_hub(target: str, options: Mapping[str, str], *, trust: bool) -> HubOrigin:
    """The entry with the options of a name: those that begin with ``arg.`` go to the entry, read as YAML."""
    arguments = {
        name.removeprefix(ARGUMENT): _read(name, value) for name, value in options.items() if _is_argument(name)
    }
    others = {name: value for name, value in options.items() if not _is_argument(name)}
    return HubOrigin(target, read_interface(others), arguments, trust=trust)


def _read(name: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise OptionError(
            f"{name} of the generator is {value!r}, which can't be read", hint="Write values as YAML has them."
        ) from error


def _is_argument(name: str) -> bool:
    return name.startswith(ARGUMENT)
