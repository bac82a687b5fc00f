"""What discriminator and generator descend along, from the discriminator's outputs alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus

from ganeval.errors import OptionError, did_you_mean


@dataclass(frozen=True)
class AdversarialLoss:
    """A pair of losses.

    Parameters
    ----------
    name
        As the command line has it.
    paper
        Authors, year, equation.
    discriminator
        From the outputs [N] for real and [M] for generated images (any shape), larger for more real: a scalar.
    generator
        From the outputs for generated images: a scalar.
    boundary
        The output for an image of which the discriminator is undecided; None where there is none.
    """

    name: str
    paper: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    boundary: float | None = 0.0


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


def _non_saturating(fake: Tensor) -> Tensor:
    return softplus(-fake).mean()


def _saturating(fake: Tensor) -> Tensor:
    # log(1 − D) with D = σ(output), which the generator minimises: −softplus(output).
    return -softplus(fake).mean()


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return relu(1 - real).mean() + relu(1 + fake).mean()


def _least_squares(real: Tensor, fake: Tensor) -> Tensor:
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def _least_squares_generator(fake: Tensor) -> Tensor:
    return (fake - 1).square().mean() / 2


def _pearson(real: Tensor, fake: Tensor) -> Tensor:
    return ((real - 1).square().mean() + (fake + 1).square().mean()) / 2


def _pearson_generator(fake: Tensor) -> Tensor:
    return fake.square().mean() / 2


def _wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def _larger(fake: Tensor) -> Tensor:
    return -fake.mean()


LOSSES = {
    loss.name: loss
    for loss in (
        AdversarialLoss("non-saturating", "Goodfellow et al. 2014, section 3", _cross_entropy, _non_saturating),
        AdversarialLoss("minimax", "Goodfellow et al. 2014, equation 1", _cross_entropy, _saturating),
        AdversarialLoss("hinge", "Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17", _hinge, _larger),
        AdversarialLoss("lsgan", "Mao et al. 2017, equation 9", _least_squares, _least_squares_generator, 0.5),
        AdversarialLoss("lsgan-pearson", "Mao et al. 2017, equation 8", _pearson, _pearson_generator),
        AdversarialLoss("wasserstein", "Arjovsky et al. 2017, equations 2 and 3", _wasserstein, _larger, None),
    )
}


def find_loss(name: str) -> AdversarialLoss:
    """The adversarial loss of that name.

    Raises
    ------
    OptionError
        If there is none, with the nearest name.
    """
    if name not in LOSSES:
        raise OptionError(f"unknown adversarial loss {name!r}", hint=did_you_mean(name, LOSSES))
    return LOSSES[name]
