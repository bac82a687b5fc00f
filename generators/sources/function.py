"""A Python function or module that makes images from latent vectors, as a set of images to score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ganeval.errors import WeightsError
from ganeval.generators.sources.asked import Asked
from ganeval.generators.sources.foreign import ForeignModel, Function, Interface
from ganeval.generators.sources.origin import Origin, module_sha256
from ganeval.generators.sources.source import DEFAULT_COUNT, SampleSource


class FunctionOrigin(Origin):
    """A function in memory.

    Parameters
    ----------
    function
        From latent vectors (and labels) to images.
    latent
        Shape of one latent vector.
    interface
        What it takes and gives.
    name
        How it is called; None takes the function's own name.
    identity
        Text that changes whenever the function does; None means that it can't be told.
    """

    kind = "callable"

    def __init__(
        self,
        function: Function,
        latent: tuple[int, ...],
        interface: Interface,
        name: str | None = None,
        identity: str | None = None,
    ) -> None:
        super().__init__(name or str(getattr(function, "__name__", type(function).__name__)))
        self._function, self._latent, self._interface, self._identity = function, latent, interface, identity

    def digest(self) -> str | None:
        """The identity that was given; with that of a module's weights."""
        if self._identity is None:
            return None
        return f"{self._identity} {self._weights() or ''}".strip()

    def load(self, device: torch.device) -> ForeignModel:
        """The function, in evaluation mode if it is a module."""
        if isinstance(self._function, nn.Module):
            self._function.eval().to(device)
        return ForeignModel(self._function, self._latent, self._interface, device)

    def facts(self) -> Mapping[str, Any]:
        """Prior and shape of its latent vectors, and the checksum of a module's weights."""
        return {"weights_sha256": self._weights(), "prior": self._interface.prior, "latent": list(self._latent)}

    def fingerprint_parts(self) -> tuple[str, ...]:
        """All that was said about it."""
        return (f"{self._latent} {self._interface}",)

    def _weights(self) -> str | None:
        return module_sha256(self._function) if isinstance(self._function, nn.Module) else None


class CallableSource(SampleSource):
    """Images that a function of your own makes from latent vectors: what `ganeval.score` takes as samples.

    Image `i` depends on the seed and `i` alone, as with ``generator:`` names, and path lengths can be measured. The
    function is called with latent vectors float32 [N, *latent] on `device`, and with labels where there are `classes`;
    it returns images [N, C, H, W].

    Parameters
    ----------
    function
        A function, or a module, which is put into evaluation mode.
    latent
        Dimensions of the latent vectors, or the shape of one.
    count, seed
        How many images, and which.
    label
        The class of all images; None draws each one's.
    truncation
        Threshold for the coordinates of a normal z; None for none.
    prior, classes, labels, value_range, batch_size
        See `Interface`; `value_range` is a pair.
    name
        How it is called in reports.
    identity
        Text that changes whenever the function or its weights do: features are stored for the next run only with it.
    device
        Where the function takes its arguments.

    Raises
    ------
    OptionError
        If a value can't be used.

    Examples
    --------
    >>> import torch
    >>> from ganeval.generators.sources import CallableSource
    >>> source = CallableSource(lambda z: z.reshape(-1, 1, 4, 4).tanh(), latent=16, count=10)
    >>> next(iter(source)).load().pixels.shape
    (4, 4, 3)
    """

    def __init__(
        self,
        function: Function,
        latent: int | tuple[int, ...],
        *,
        count: int = DEFAULT_COUNT,
        seed: int = 0,
        label: int | None = None,
        truncation: float | None = None,
        prior: str = "normal",
        classes: int = 0,
        labels: str = "index",
        value_range: tuple[float, float] = (-1.0, 1.0),
        batch_size: int = 50,
        name: str | None = None,
        identity: str | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        if not callable(function):
            raise WeightsError(f"a {type(function).__name__} can't be called for images", hint="Give a function.")
        shape = (latent,) if isinstance(latent, int) else tuple(latent)
        spelt = ",".join(f"{end:g}" for end in value_range)
        interface = Interface(shape, prior, classes, labels, spelt, batch_size)
        origin = FunctionOrigin(function, shape, interface, name, identity)
        super().__init__(origin, count, seed, Asked(label, truncation), device)
