"""Optimisers by name, as models declare them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganeval.errors import OptionError, did_you_mean
from ganeval.generators.schedules import CONSTANT, Schedule


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
    schedule
        How the learning rate changes.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    kind: str = "adam"
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0
    schedule: Schedule = CONSTANT

    def __post_init__(self) -> None:
        if self.kind not in OPTIMISERS:
            raise OptionError(f"unknown optimiser {self.kind!r}", hint=did_you_mean(self.kind, OPTIMISERS))
        if not 0 < self.learning_rate < math.inf:
            raise OptionError(f"the learning rate is {self.learning_rate}", hint="It has to be above 0.")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise OptionError(f"betas are {self.betas}", hint="They have to be two numbers from 0 to below 1.")
        if not 0 <= self.weight_decay < math.inf:
            raise OptionError(f"the weight decay is {self.weight_decay}", hint="It has to be 0 or more.")

    def build(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The optimiser of these parameters."""
        return OPTIMISERS[self.kind](self, list(parameters))

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.learning_rate * self.schedule.share(step)

    def set_rate(self, optimiser: torch.optim.Optimizer, step: int) -> None:
        """Give the optimiser that was built from this the learning rate of a step."""
        if self.schedule.changes:
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
