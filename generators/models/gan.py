"""The first generative adversarial network, of Goodfellow et al. (2014): fully connected layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from ganeval.generators.adversarial import AdversarialConfig, AdversarialModel
from ganeval.generators.model import Losses, ModelInfo, Step
from ganeval.generators.networks.dropout import drawing_masks
from ganeval.generators.networks.mlp import MaxoutDiscriminator, MLPGenerator


@dataclass(frozen=True)
class GANConfig(AdversarialConfig):
    """Sizes of the fully connected networks.

    The networks' sizes are those that the authors published for MNIST. The paper descends by SGD with momentum; Adam,
    the default here, gets to the same pictures in fewer steps.

    Parameters
    ----------
    loss
        ``"non-saturating"``, which the paper trains with, or ``"minimax"``, its equation 1; any other works too.
    width
        Units of a hidden layer of the generator.
    depth
        Hidden layers of each network.
    units
        Of a hidden layer of the discriminator.
    pieces
        Linear functions of which each of the discriminator's units takes the largest (maxout).
    dropout
        Share of the discriminator's hidden units that are dropped; of pixels it is 2/5 of that.
    """

    latent: int = 100
    prior: str = "uniform"
    width: int = 1200
    depth: int = 2
    units: int = 240
    pieces: int = 5
    dropout: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            width=self.width >= 1,
            depth=self.depth >= 1,
            units=self.units >= 1,
            pieces=self.pieces >= 1,
            dropout=0 <= self.dropout < 1,
        )


class GAN(AdversarialModel):
    """A rectifier network against a maxout network with dropout (section 5)."""

    info = ModelInfo(
        title="Generative adversarial network",
        paper="Goodfellow et al. 2014, Generative Adversarial Nets",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[GANConfig]] = GANConfig
    config: GANConfig

    def build(self, name: str) -> nn.Module:
        """The network with torch's own first weights."""
        config = self.config
        shape = (config.channels, *config.size)
        if name == "generator":
            return MLPGenerator(config.latent, shape, config.width, config.depth)
        return MaxoutDiscriminator(shape, config.units, config.pieces, config.depth, config.dropout)

    def discriminator_loss(self, step: Step) -> Losses:
        """The adversarial loss, with dropout in the discriminator."""
        with drawing_masks(self.discriminator, step.random):
            return super().discriminator_loss(step)

    def generator_loss(self, step: Step) -> Losses:
        """The adversarial loss, with dropout in the discriminator."""
        with drawing_masks(self.discriminator, step.random):
            return super().generator_loss(step)
