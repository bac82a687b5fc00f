"""Unconditional GANs whose two networks are chosen by name: models differ in losses and in how networks are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from ganeval.generators.adversarial import AdversarialConfig, AdversarialModel
from ganeval.generators.networks.architectures import Sizes, find_architecture
from ganeval.generators.networks.convolutional import require_norm
from ganeval.generators.networks.sizes import halvings


@dataclass(frozen=True)
class UnconditionalConfig(AdversarialConfig):
    """Which networks, and how large they are.

    Parameters
    ----------
    architecture
        A name in `ganeval.generators.networks.architectures.ARCHITECTURES`.
    width
        Channels next to the image, doubled at each halving of the resolution. Papers have 64 and more; narrower
        networks train on a CPU.
    widest
        Most channels of a map; equal to `width` it makes all maps equally wide.
    discriminator_width
        As `width`, for the discriminator; None takes `width`.
    norm
        Of the discriminator: ``"batch"``, ``"instance"`` or ``"none"``.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    architecture: str = "convolutional"
    width: int = 64
    widest: int = 1024
    discriminator_width: int | None = None
    norm: str = "batch"

    def __post_init__(self) -> None:
        super().__post_init__()
        find_architecture(self.architecture)
        require_norm(self.norm)
        self.require(
            width=self.width >= 1,
            widest=self.widest >= 1,
            discriminator_width=self.discriminator_width is None or self.discriminator_width >= 1,
        )
        # Raises for a size that the networks can't have.
        halvings(self.size, f"the {self.architecture} architecture")

    @property
    def generator_sizes(self) -> Sizes:
        """Of the generator."""
        return Sizes(self.size, self.channels, self.width, self.widest)

    @property
    def discriminator_sizes(self) -> Sizes:
        """Of the discriminator."""
        return Sizes(self.size, self.channels, self.discriminator_width or self.width, self.widest)


class UnconditionalModel(AdversarialModel):
    """A GAN of the networks that its configuration names."""

    Config: ClassVar[type[UnconditionalConfig]] = UnconditionalConfig
    config: UnconditionalConfig

    def build(self, name: str) -> nn.Module:
        """The network with the architecture's first weights."""
        config, architecture = self.config, find_architecture(self.config.architecture)
        if name == "generator":
            return architecture.generator(config.latent, config.generator_sizes)
        return architecture.discriminator(config.discriminator_sizes, config.norm)
