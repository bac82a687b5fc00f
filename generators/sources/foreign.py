"""Generators that aren't ganeval's models: any function from latent vectors (and labels) to images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import GanevalError, ImageRangeError, OptionError, WeightsError
from ganeval.generators.adversarial import PRIORS, truncated_normal
from ganeval.generators.configuration import configured
from ganeval.generators.model import Conditioned, Latents, Truncation
from ganeval.generators.sampling.blocks import BLOCK_SIZE

#: Takes latent vectors float32 [N, ...] and, of generators with classes, labels; gives images [N, C, H, W].
Function = Callable[..., Any]

_RANGES = {"-1,1": (-1.0, 1.0), "0,1": (0.0, 1.0), "0,255": (0.0, 255.0)}
_LABELS = ("index", "one-hot")
# Networks without a last tanh overshoot; another range altogether is off by far more.
_OVERSHOOT = 2.0
_LARGEST_SEED = 1 << 62


@dataclass(frozen=True)
class Interface:
    """What a generator from elsewhere takes and gives, as its file doesn't say.

    Parameters
    ----------
    latent
        Shape of one latent vector, such as ``(128,)`` or ``(100, 1, 1)``; None where the generator itself tells.
    prior
        Of the latent vectors, ``"normal"`` or ``"uniform"`` on [-1, 1).
    classes
        How many classes it has; 0 calls it with latent vectors alone.
    labels
        How it takes classes: ``"index"`` (int64 [N]) or ``"one-hot"`` (float32 [N, classes]).
    range
        Of its images: ``"-1,1"``, ``"0,1"`` or ``"0,255"``.
    batch
        Images it makes at once, 1 to 100. Part of what an image is, as rounding hangs on it.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    latent: tuple[int, ...] | None = None
    prior: str = "normal"
    classes: int = 0
    labels: str = "index"
    range: str = "-1,1"
    batch: int = 50

    def __post_init__(self) -> None:
        allowed = {
            "latent": (
                self.latent is None or (len(self.latent) >= 1 and min(self.latent) >= 1),
                "It is a number of dimensions, such as 128, or a shape, such as 100x1x1.",
            ),
            "prior": (self.prior in PRIORS, f"Choose one of {', '.join(PRIORS)}."),
            "classes": (self.classes >= 0, "It has to be 0 or more."),
            "labels": (self.labels in _LABELS, f"Choose one of {', '.join(_LABELS)}."),
            "range": (self.range in _RANGES, f"Choose one of {', '.join(_RANGES)}."),
            "batch": (1 <= self.batch <= BLOCK_SIZE, f"It has to be from 1 to {BLOCK_SIZE}."),
        }
        for name, (fits, hint) in allowed.items():
            if not fits:
                raise OptionError(f"{name} of the generator is {getattr(self, name)!r}", hint=hint)


def read_interface(options: Mapping[str, Any]) -> Interface:
    """An `Interface` from text, such as ``latent=100x1x1`` and ``range=0,1``; raises `OptionError`."""
    values = dict(options)
    latent = values.get("latent")
    if isinstance(latent, str) and latent.isdecimal():
        values["latent"] = [int(latent)]
    return configured(Interface, values, what="the generator")


def require_latent(interface: Interface, told: Sequence[int] | None, what: str) -> tuple[int, ...]:
    """The latent shape that the user gave, else the one that the generator itself tells.

    Raises
    ------
    OptionError
        If neither does.
    """
    shape = interface.latent or (None if told is None else tuple(told))
    if not shape:
        raise OptionError(
            f"{what} doesn't tell what its latent vectors are",
            hint="Say how many dimensions they have, as in generator:FILE?latent=128, or their shape, latent=100x1x1.",
        )
    return shape


class ForeignModel(Conditioned):
    """A function as a `ganeval.generators.sampling.samplable.Samplable`.

    What the function draws from torch's global generator depends on the seed too, and that generator's state stays as
    it was.

    Parameters
    ----------
    function
        From latent vectors, and labels where there are classes, to images.
    latent
        Shape of one latent vector.
    interface
        All else.
    device
        Where the function takes its arguments.
    """

    def __init__(
        self, function: Function, latent: tuple[int, ...], interface: Interface, device: torch.device | str = "cpu"
    ) -> None:
        self._function, self._latent, self._interface = function, latent, interface
        self._prior, self.geometry = PRIORS[interface.prior]
        self.device = torch.device(device)
        self.classes, self.pass_size = interface.classes, interface.batch
        self.truncations: Mapping[str, str] = _TRUNCATIONS if interface.prior == "normal" else {}

    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """Latent vectors ``"z"`` [count, ...], ``"label"`` where there are classes, and a ``"seed"`` for all else."""
        latents = {"z": self._prior((count, *self._latent), random)}
        if self.classes:
            drawn = torch.randint(self.classes, (count,), generator=random)
            latents["label"] = drawn if labels is None else labels
        return latents | {"seed": torch.randint(_LARGEST_SEED, (count,), generator=random)}

    def render(self, latents: Latents) -> Tensor:
        """Images float32 [N, C, H, W] in [-1, 1].

        Raises
        ------
        WeightsError
            If the function fails.
        ImageRangeError
            If the function gives no images, NaN, or values far outside the range that was declared.
        """
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            torch.manual_seed(int(latents["seed"][0]))
            made = self._made(latents["z"], *self._labels(latents))
        low, high = _RANGES[self._interface.range]
        images = _images(made, len(latents["z"])).float()
        values = (images - low) * (2 / (high - low)) - 1
        furthest = float(values.abs().max())
        if not math.isfinite(furthest):
            raise ImageRangeError("the generator gives images that are NaN or infinite")
        if furthest > 1 + _OVERSHOOT:
            raise ImageRangeError(
                f"the generator's images go from {float(images.min()):g} to {float(images.max()):g}, "
                f"which is far outside the range {self._interface.range}",
                hint="Say which range they have: -1,1 or 0,1 or 0,255 (generator:FILE?range=0,1).",
            )
        return values

    def truncated(self, latents: Latents, truncation: Truncation) -> Latents:
        """With method ``"threshold"``: coordinates of a normal z within the value (Brock et al. 2019)."""
        if truncation.method not in self.truncations:
            known = ", ".join(self.truncations) or "none"
            raise OptionError(f"this model can't truncate by {truncation.method!r}", hint=f"It has: {known}.")
        if not 0 < truncation.value < float("inf"):
            raise OptionError(f"the truncation threshold is {truncation.value}", hint="It has to be above 0.")
        return latents | {"z": truncated_normal(latents["z"], truncation.value)}

    def _made(self, z: Tensor, *labels: Tensor) -> Any:
        try:
            return self._function(z, *labels)
        except GanevalError:
            raise
        except Exception as error:
            # Somebody else's code, and each runtime has errors of its own; the last line is the one that tells.
            said = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
            inputs = " and labels" if labels else ""
            raise WeightsError(
                f"the generator fails on latent vectors of shape {tuple(z.shape)}{inputs}: {said.strip()}",
                hint="Check what was said about it: latent, classes and labels (generator:FILE?latent=128).",
            ) from error

    def _labels(self, latents: Latents) -> tuple[Tensor, ...]:
        if not self.classes:
            return ()
        labels = latents["label"]
        if self._interface.labels == "one-hot":
            labels = torch.nn.functional.one_hot(labels, self.classes).float()
        return (labels,)


_TRUNCATIONS = {"threshold": "coordinates of z are kept below the value"}


def _images(made: Any, count: int) -> Tensor:
    """What a function returned, if it is a batch of so many images; the first of several things is taken for them."""
    first = made[0] if isinstance(made, tuple | list) and made else made
    images = first if isinstance(first, Tensor) else None
    if images is None and hasattr(first, "__array__"):
        images = torch.as_tensor(first.__array__())
    if images is None or images.ndim != 4 or len(images) != count:
        shape = f"of shape {tuple(images.shape)}" if images is not None else f"of type {type(first).__name__}"
        raise ImageRangeError(
            f"the generator gives something {shape} for {count} latent vectors", hint="It must be [N, C, H, W]."
        )
    return images
