"""Optimisers by name, as models declare them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganeval.errors import OptionError, did_you_mean


@dataclass(frozen=True)
class Optimiser:
    """Which optimiser moves a phase's networks, and how.

    Parameters
    ----------
    kind
        ``"adam"``, ``"adamw"``, ``"rmsprop"`` or ``"sgd"``.
    learning_rate
        Above 0.
    betas
        Of Adam's two averages; RMSprop takes the second as its smoothing, SGD the first as its momentum.
    weight_decay
        0 or more.
    decay_after, decay_steps
        The learning rate falls linearly to 0 over `decay_steps` steps, after `decay_after` at its full height; with 0
        `decay_steps` it stays.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    kind: str = "adam"
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0
    decay_after: int = 0
    decay_steps: int = 0

    def __post_init__(self) -> None:
        if self.kind not in OPTIMISERS:
            raise OptionError(f"unknown optimiser {self.kind!r}", hint=did_you_mean(self.kind, OPTIMISERS))
        if not 0 < self.learning_rate < math.inf:
            raise OptionError(f"the learning rate is {self.learning_rate}", hint="It has to be above 0.")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise OptionError(f"betas are {self.betas}", hint="They have to be two numbers from 0 to below 1.")
        if not 0 <= self.weight_decay < math.inf:
            raise OptionError(f"the weight decay is {self.weight_decay}", hint="It has to be 0 or more.")
        if self.decay_after < 0 or self.decay_steps < 0:
            raise OptionError(
                f"the learning rate falls after {self.decay_after} steps, over {self.decay_steps}",
                hint="Both have to be 0 or more.",
            )

    def build(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The optimiser of these parameters."""
        return OPTIMISERS[self.kind](self, list(parameters))

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if not self.decay_steps:
            return self.learning_rate
        return self.learning_rate * max(0.0, 1 - max(0, step - self.decay_after) / self.decay_steps)

    def schedule(self, optimiser: torch.optim.Optimizer, step: int) -> None:
        """Give the optimiser that was built from this the learning rate of a step."""
        if self.decay_steps:
            for group in optimiser.param_groups:
                group["lr"] = self.rate(step)


def _adam(how: Optimiser, parameters: list[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, how.learning_rate, how.betas, weight_decay=how.weight_decay)


def _adamw(how: Optimiser, parameters: list[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, how.learning_rate, how.betas, weight_decay=how.weight_decay)


def _rmsprop(how: Optimiser, parameters: list[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(parameters, how.learning_rate, alpha=how.betas[1], weight_decay=how.weight_decay)


def _sgd(how: Optimiser, parameters: list[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, how.learning_rate, momentum=how.betas[0], weight_decay=how.weight_decay)


OPTIMISERS: dict[str, Callable[[Optimiser, list[Tensor]], torch.optim.Optimizer]] = {
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}
