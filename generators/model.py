"""What a generative model is: networks, the phases that train them, and samples.

A model owns its networks and declares how they are trained. The trainer runs the phases and never asks which model it
has; sampling draws latents and renders them and never asks either.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from ganeval.errors import OptionError, did_you_mean
from ganeval.generators.configuration import ModelConfig
from ganeval.generators.data_kinds import Batch
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.streams import WEIGHTS, random_stream

#: Named terms of a loss, which are added up; scalars.
Losses = Mapping[str, Tensor]
# Bounds the memory of a pass: 32 pictures of 256×256.
_PIXELS_IN_PASS = 1 << 21
#: All that is random about some samples, each tensor with one row a sample.
Latents = dict[str, Tensor]


@dataclass
class Step:
    """What a phase's loss gets.

    Parameters
    ----------
    number
        Steps done before this one.
    size
        Samples of this (micro-)batch.
    device
        Where the networks are.
    random
        On the CPU; depends on the seed, the step, the phase, its repetition, the micro-batch and the process alone.
    read
        Gives the real examples; they are read once, when `batch` is first asked for.
    """

    number: int
    size: int
    device: torch.device
    random: torch.Generator
    read: Callable[[], Batch]
    _batch: Batch | None = field(default=None, init=False)

    @property
    def batch(self) -> Batch:
        """The real examples, on `device`."""
        if self._batch is None:
            self._batch = self.read()
        return self._batch


@dataclass(frozen=True)
class Phase:
    """One part of a training step: some networks descend along one loss.

    Parameters
    ----------
    name
        Such as ``"discriminator"``: names the losses in logs, and the optimiser.
    modules
        The model's attributes whose parameters the phase moves; all others are held fixed meanwhile.
    loss
        Named terms from a `Step`; they are added up.
    optimiser
        What moves them, or the name of an earlier phase whose optimiser is shared (lazy regularisation).
    repeats
        How often the phase runs in a step, each time on another batch (critic steps).
    every
        It runs in each step whose number is a multiple of this.
    reads
        Whether the loss asks for real examples: those that do get each image once an epoch.
    after
        Called after the descent, without gradients: clips weights, adapts what the model keeps as buffers.
    on_gradients
        Called before the descent, without gradients, when they are complete: adds to them or changes them.
    """

    name: str
    modules: tuple[str, ...]
    loss: Callable[[Step], Losses]
    optimiser: Optimiser | str
    repeats: int = 1
    every: int = 1
    reads: bool = True
    after: Callable[[], None] | None = None
    on_gradients: Callable[[], None] | None = None


@dataclass(frozen=True)
class ModelInfo:
    """What a listing says of a model.

    Parameters
    ----------
    title
        Such as ``"Deep convolutional GAN"``.
    paper
        Authors, year, title.
    task
        ``"unconditional"``, ``"conditional"`` or ``"image-to-image"``.
    data
        Kind of training data, a key of `ganeval.generators.data_kinds.KINDS`:
        ``"images"``, ``"labelled"``, ``"paired"``
        or ``"unpaired"``.
    """

    title: str
    paper: str
    task: str
    data: str


class GenerativeModel(nn.Module, ABC):
    """Networks, how they are trained, and what they make.

    A subclass names its networks, builds each, and declares the phases. Whatever else training changes (a balance, a
    probability) it registers as a buffer, so that checkpoints hold it.

    Parameters
    ----------
    config
        Of the class's `Config`.
    only
        Names of the networks to build; None builds all. Samples need those of `sampled` only.
    """

    info: ClassVar[ModelInfo]
    Config: ClassVar[type[ModelConfig]]
    #: Attributes that are networks, in the order in which they are built.
    networks: ClassVar[tuple[str, ...]]
    #: Those that make samples: averages are kept of them, and they are what is stored and shipped.
    sampled: ClassVar[tuple[str, ...]]
    #: Fewest images in a batch: batch norms of vectors need two.
    least_batch: ClassVar[int] = 2

    def __init__(self, config: ModelConfig, only: Sequence[str] | None = None) -> None:
        super().__init__()
        self.config: Any = config
        for name in self.networks if only is None else only:
            self.add_module(name, self.build(name))

    @classmethod
    def initialised(cls, config: ModelConfig, seed: int) -> Self:
        """All networks with first weights that follow from `seed`; torch's global random state stays as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_stream(seed, WEIGHTS).initial_seed())
            return cls(config)

    @abstractmethod
    def build(self, name: str) -> nn.Module:
        """The network of that name with first weights, drawn from torch's global generator."""

    @abstractmethod
    def phases(self) -> Sequence[Phase]:
        """What a training step does, in order."""

    def parts(self, names: Iterable[str]) -> list[nn.Module]:
        """The networks of these names."""
        return [self.get_submodule(name) for name in names]

    def averages(self) -> nn.ModuleDict:
        """Copies of the networks that make samples, without gradients, in evaluation mode."""
        copies = {name: copy.deepcopy(self.get_submodule(name)) for name in self.sampled}
        return nn.ModuleDict(copies).requires_grad_(False).eval()

    def with_networks(self, networks: nn.ModuleDict) -> Self:
        """The same model with other networks in place of its own of these names; buffers are shared."""
        other = copy.copy(self)
        other._modules = dict(self._modules) | dict(networks.items())
        return other

    @property
    def device(self) -> torch.device:
        """Where the networks that make samples are."""
        return next(self.get_submodule(self.sampled[0]).parameters()).device


@dataclass(frozen=True)
class Condition:
    """Something about samples that is drawn for each, and can be held at a value instead.

    Parameters
    ----------
    meaning
        With the values that it can have.
    values
        Some that show what it does: all of a few, or from one end to the other.
    """

    meaning: str
    values: tuple[float, ...]


class Conditioned:
    """What can be asked of samples beside class and truncation: nothing, until a model says so."""

    @property
    def conditions(self) -> Mapping[str, Condition]:
        """By name, as in ``--fix NAME=VALUE``; ``class`` and ``z0``, ``z1``, ... are taken."""
        return {}

    def conditioned(self, latents: Latents, fixed: Mapping[str, float]) -> Latents:
        """The same latents with conditions held at values, before truncation.

        Parameters
        ----------
        latents
            From `draw`.
        fixed
            Names of `conditions` to values.

        Raises
        ------
        OptionError
            If there is no such condition, or it can't have that value.
        """
        for name in fixed:
            raise unknown_condition(name, self.conditions)
        return latents


def unknown_condition(name: str, known: Iterable[str]) -> OptionError:
    """What is told of a condition that a model doesn't have."""
    return OptionError(
        f"this model has no {name!r} that could be fixed",
        hint=did_you_mean(name, known) or "It has no conditions but its classes, if any: --class.",
    )


class Sampler(Conditioned, GenerativeModel):
    """A generative model that makes images from noise: all but those from image to image."""

    @property
    def geometry(self) -> str:
        """How paths between latents go: ``"gaussian"`` spherically, ``"linear"`` straight."""
        return "gaussian"

    @property
    def classes(self) -> int:
        """How many classes can be asked for; 0 for models without."""
        return int(self.config.classes)

    @property
    def pass_size(self) -> int:
        """Images that go through the networks at once: 100, fewer where the pictures are large, whatever the machine.

        A network's rounding depends on the size of the pass, so it is fixed: 32 at 256 pixels, 2 at 1024.
        """
        height, width = self.config.size
        pixels: int = height * width
        return max(1, min(100, _PIXELS_IN_PASS // pixels))

    #: Methods of truncation, with their meaning; None takes no part. The first is the default of ``--truncation``.
    truncations: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """All that is random about `count` samples, on the CPU.

        Parameters
        ----------
        count
            How many.
        random
            Where it is drawn from.
        labels
            int64 [count]: classes that were asked for; None draws them too, where the model has classes.

        Returns
        -------
        Latents
            ``"z"`` float32 [count, ...]; ``"label"`` int64 [count] of models with classes; more as the model needs.
        """

    @abstractmethod
    def render(self, latents: Latents) -> Tensor:
        """The samples' images, float32 [count, channels, height, width] in [-1, 1], with gradients where asked for."""

    def truncated(self, latents: Latents, truncation: Truncation) -> Latents:
        """Latents as truncation changes them, before `render`.

        Raises
        ------
        OptionError
            If the model has no such truncation, or the value is outside its meaning.
        """
        known = ", ".join(self.truncations) or "none"
        raise OptionError(f"this model can't truncate by {truncation.method!r}", hint=f"It has: {known}.")


@dataclass(frozen=True)
class Truncation:
    """Trading diversity for fidelity. The word has several meanings; the method says which.

    Parameters
    ----------
    method
        Such as ``"threshold"`` (each coordinate of z drawn again until it is below: Brock et al. 2019) or ``"psi"``
        (styles drawn towards their mean: Karras et al. 2019).
    value
        Its strength, in the method's unit.
    """

    method: str
    value: float


#: Directions between two domains, with the domains where they start and end: 0 for the first, 1 for the second.
DIRECTIONS = {"a-to-b": (0, 1), "b-to-a": (1, 0)}


class Translator(GenerativeModel):
    """A generative model that makes images from images."""

    @property
    def directions(self) -> tuple[str, ...]:
        """Those of `DIRECTIONS` that it can go, the first by default."""
        return ("a-to-b",)

    @property
    def domain_channels(self) -> tuple[int, int]:
        """Channels of the first and the second domain's images."""
        return self.config.channels, self.config.channels

    @abstractmethod
    def translate(self, images: Tensor, direction: str, random: torch.Generator) -> Tensor:
        """Images float32 [N, C', H, W] in [-1, 1] from images float32 [N, C, H, W] in [-1, 1].

        Parameters
        ----------
        images
            Of any height and width that the networks permit.
        direction
            One of `directions`.
        random
            Of what the model leaves to chance, on the CPU.
        """
