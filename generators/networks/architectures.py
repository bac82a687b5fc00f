"""Pairs of generator and discriminator by name, which models with other losses choose from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ganeval.errors import OptionError, did_you_mean
from ganeval.generators.networks.autoencoder import until_eight
from ganeval.generators.networks.convolutional import NORMS, Discriminator, Generator, channel_counts
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.residual import Norm, ResidualDiscriminator, ResidualGenerator
from ganeval.generators.networks.sizes import Halvings, halvings

#: Most pixels on the shorter side of an image that counts as small: there the residual discriminator of Miyato et al.
#: (2018) keeps maps of 8×8 (table 4), and else halves to the smallest (tables 5 and 6).
_SMALL = 32
#: Pixels on the shorter side of the map that attends to itself, at most: the best of Zhang et al. (2019), table 1.
_ATTENTION = 32


@dataclass(frozen=True)
class Sizes:
    """How large networks are.

    Parameters
    ----------
    size
        Height and width of the images.
    channels
        Of the images.
    width
        Channels next to the image, doubled at each halving up to `widest`.
    widest
        Most channels of a map.
    """

    size: tuple[int, int]
    channels: int
    width: int
    widest: int = 1024

    @property
    def halved(self) -> Halvings:
        """Of the images' size.

        Raises
        ------
        OptionError
            If the size can't be halved to a smallest map.
        """
        return halvings(self.size, "this architecture")


@dataclass(frozen=True)
class Architecture:
    """How the two networks are built.

    Parameters
    ----------
    name
        As the command line has it.
    paper
        Where the networks are from.
    generator
        From the dimensions of the latent vectors and the sizes.
    discriminator
        From the sizes and the name of a norm in `ganeval.generators.networks.convolutional.NORMS`.
    """

    name: str
    paper: str
    generator: Callable[[int, Sizes], nn.Module]
    discriminator: Callable[[Sizes, str], nn.Module]


def _convolutional_generator(latent: int, sizes: Sizes) -> nn.Module:
    network = Generator(latent, sizes.channels, sizes.halved, sizes.width, sizes.widest)
    initialise_normal(network)
    return network


def _convolutional_discriminator(sizes: Sizes, norm: str) -> nn.Module:
    network = Discriminator(sizes.channels, sizes.halved, sizes.width, norm, widest=sizes.widest)
    initialise_normal(network)
    return network


def residual_generator(latent: int, sizes: Sizes, attention: Norm | None = None) -> ResidualGenerator:
    """A generator of up-blocks, with first weights; `attention` makes a layer for a map in its midst."""
    halved = sizes.halved
    widths = channel_counts(halved.count + 1, sizes.width, sizes.widest)[::-1]
    sides = [min(halved.base) << number for number in range(halved.count)]
    place = max(number for number, side in enumerate(sides) if side <= _ATTENTION)
    between = {max(place, 1): attention} if attention else None
    network = ResidualGenerator(latent, sizes.channels, halved.base, widths, between)
    initialise_residual(network)
    return network


def residual_discriminator(sizes: Sizes, norm: str = "none", attention: Norm | None = None) -> ResidualDiscriminator:
    """A discriminator of down-blocks, with first weights; `attention` makes a layer for a map in its midst."""
    halved = sizes.halved
    widths = channel_counts(halved.count + 1, sizes.width, sizes.widest)
    count = (until_eight(halved) if min(sizes.size) <= _SMALL else halved).count
    sides = [min(sizes.size) >> number for number in range(count + 1)]
    place = min((number for number, side in enumerate(sides) if number and side <= _ATTENTION), default=count)
    between = {place: attention} if attention else None
    layer = None if norm == "none" else lambda channels: nn.Sequential(*NORMS[norm](channels))
    network = ResidualDiscriminator(sizes.channels, widths, count, layer, between)
    initialise_residual(network)
    return network


def initialise_residual(network: nn.Module) -> None:
    """Draw weights as Glorot and Bengio (2010) with gain √2 before ReLUs and 1 elsewhere; biases are 0.

    As Miyato et al. (2018) did; from torch's global generator.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            inner = name.rpartition(".")[2] in ("conv1", "conv2")
            nn.init.xavier_uniform_(module.weight, gain=math.sqrt(2) if inner else 1.0)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "convolutional", "Radford et al. 2016, section 3", _convolutional_generator, _convolutional_discriminator
        ),
        Architecture("residual", "Miyato et al. 2018, tables 4 to 6", residual_generator, residual_discriminator),
    )
}


def find_architecture(name: str) -> Architecture:
    """The architecture of that name.

    Raises
    ------
    OptionError
        If there is none, with the nearest name.
    """
    if name not in ARCHITECTURES:
        raise OptionError(f"unknown architecture {name!r}", hint=did_you_mean(name, ARCHITECTURES))
    return ARCHITECTURES[name]
