"""Penalties on a discriminator's gradient with respect to images, per sample and in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganeval.errors import OptionError, did_you_mean

#: Gives a discriminator's outputs [N, ...] for images [N, C, H, W]; whatever it is conditioned on is fixed.
Judge = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Penalty:
    """A term that a discriminator's loss may have.

    Parameters
    ----------
    name
        As the command line has it.
    paper
        Authors, year, equation.
    weight
        The paper's.
    compute
        From the judge, real and generated images [N, C, H, W] and a generator on the CPU: the term with weight 1.
    """

    name: str
    paper: str
    weight: float
    compute: Callable[[Judge, Tensor, Tensor, torch.Generator], Tensor]


def gradient_norms(judge: Judge, images: Tensor) -> Tensor:
    """‖∇ judge(x)‖₂ of each image, float32 [N], differentiable.

    Outputs of more than one number an image (patches) are added up.
    """
    with torch.autocast(images.device.type, enabled=False):
        inputs = images.detach().float().requires_grad_(True)
        outputs = judge(inputs)
        (gradients,) = torch.autograd.grad(outputs.float().sum(), inputs, create_graph=True)
        # The root's slope at exactly 0 isn't finite, and a dead unit gets there.
        return (gradients.flatten(1).square().sum(dim=1) + 1e-16).sqrt()


def squared_gradient_norms(judge: Judge, images: Tensor) -> Tensor:
    """‖∇ judge(x)‖₂² of each image, float32 [N], differentiable."""
    with torch.autocast(images.device.type, enabled=False):
        inputs = images.detach().float().requires_grad_(True)
        (gradients,) = torch.autograd.grad(judge(inputs).float().sum(), inputs, create_graph=True)
        squared: Tensor = gradients.flatten(1).square().sum(dim=1)
        return squared


def _gradient_penalty(judge: Judge, real: Tensor, fake: Tensor, random: torch.Generator) -> Tensor:
    shares = torch.rand(len(real), 1, 1, 1, generator=random).to(real.device)
    return (gradient_norms(judge, real + shares * (fake - real)) - 1).square().mean()


def _dragan(judge: Judge, real: Tensor, fake: Tensor, random: torch.Generator) -> Tensor:
    noise = torch.rand(real.shape, generator=random).to(real.device)
    shares = torch.rand(len(real), 1, 1, 1, generator=random).to(real.device)
    around = real + shares * (0.5 * real.std() * noise)
    return (gradient_norms(judge, around) - 1).square().mean()


def _r1(judge: Judge, real: Tensor, fake: Tensor, random: torch.Generator) -> Tensor:
    return squared_gradient_norms(judge, real).mean() / 2


def _r2(judge: Judge, real: Tensor, fake: Tensor, random: torch.Generator) -> Tensor:
    return squared_gradient_norms(judge, fake).mean() / 2


PENALTIES = {
    penalty.name: penalty
    for penalty in (
        Penalty("gradient-penalty", "Gulrajani et al. 2017, equation 3", 10.0, _gradient_penalty),
        Penalty("dragan", "Kodali et al. 2017, section 2.3", 10.0, _dragan),
        Penalty("r1", "Mescheder et al. 2018, equation 9", 10.0, _r1),
        Penalty("r2", "Mescheder et al. 2018, equation 10", 10.0, _r2),
    )
}


def find_penalty(name: str) -> Penalty:
    """The penalty of that name.

    Raises
    ------
    OptionError
        If there is none, with the nearest name.
    """
    if name not in PENALTIES:
        raise OptionError(f"unknown penalty {name!r}", hint=did_you_mean(name, PENALTIES))
    return PENALTIES[name]
