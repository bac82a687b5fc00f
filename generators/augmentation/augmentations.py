"""The table of augmentations that keep a discriminator from learning few images by heart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganeval.errors import OptionError, did_you_mean
from ganeval.generators.augmentation.ada import ada
from ganeval.generators.augmentation.diffaugment import diffaugment


@dataclass(frozen=True)
class Augmentation:
    """A differentiable change of images, at random.

    Parameters
    ----------
    name
        As the command line has it.
    paper
        Authors, year.
    apply
        From images [N, C, H, W], the probability of each transformation and a generator on the CPU: float32 images of
        the same shape.
    adaptive
        Whether the probability follows the discriminator's outputs; else it is 1.
    """

    name: str
    paper: str
    apply: Callable[[Tensor, float, torch.Generator], Tensor]
    adaptive: bool


AUGMENTATIONS = {
    augmentation.name: augmentation
    for augmentation in (
        Augmentation("diffaugment", "Zhao et al. 2020, Differentiable Augmentation", diffaugment, adaptive=False),
        Augmentation("ada", "Karras et al. 2020, Training GANs with Limited Data", ada, adaptive=True),
    )
}


def find_augmentation(name: str) -> Augmentation:
    """The augmentation of that name.

    Raises
    ------
    OptionError
        If there is none, with the nearest name.
    """
    if name not in AUGMENTATIONS:
        raise OptionError(f"unknown augmentation {name!r}", hint=did_you_mean(name, AUGMENTATIONS))
    return AUGMENTATIONS[name]
