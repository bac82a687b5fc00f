"""The conditional GAN of Mirza and Osindero (2014)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from ganeval.errors import OptionError, did_you_mean
from ganeval.generators.conditional import ConditionalModel, require_labels
from ganeval.generators.model import Losses, ModelInfo, Step
from ganeval.generators.models.dcgan import ConvolutionalConfig
from ganeval.generators.networks.conditional import LabelledDiscriminator, LabelledGenerator
from ganeval.generators.networks.convolutional import Discriminator, Generator
from ganeval.generators.networks.dropout import drawing_masks
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.maxout import LabelledMaxoutDiscriminator, LabelledPerceptronGenerator
from ganeval.generators.networks.sizes import halvings


@dataclass(frozen=True)
class CGANConfig(ConvolutionalConfig):
    """Which networks a conditional GAN has, and their sizes.

    Parameters
    ----------
    architecture
        ``"convolutional"``: a DCGAN's networks, whose generator gets a learned vector and whose discriminator gets a
        learned picture of the label; or ``"perceptron"``: the paper's own (section 4.1), for images of any size.
    embedding
        Dimensions of the generator's vector of a label, of the convolutional architecture.
    dropout
        Probability that a hidden unit of the perceptrons is left out in training; the paper has 0.5.
    """

    architecture: str = "convolutional"
    embedding: int = 50
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise OptionError(
                f"unknown architecture {self.architecture!r}", hint=did_you_mean(self.architecture, ARCHITECTURES)
            )
        super().__post_init__()
        require_labels(self.classes, "a conditional GAN")
        self.require(embedding=self.embedding >= 1, dropout=0 <= self.dropout < 1)

    def check_size(self) -> None:
        """Perceptrons take any size."""
        if self.architecture == "convolutional":
            super().check_size()


def _convolutional_generator(config: CGANConfig) -> nn.Module:
    halved = halvings(config.size, "a conditional GAN")
    network = Generator(config.latent + config.embedding, config.channels, halved, config.width)
    initialise_normal(network)
    return LabelledGenerator(network, config.classes, config.embedding)


def _convolutional_discriminator(config: CGANConfig) -> nn.Module:
    halved = halvings(config.size, "a conditional GAN")
    network = Discriminator(config.channels + 1, halved, config.width, config.norm)
    initialise_normal(network)
    return LabelledDiscriminator(network, config.classes, config.size)


def _perceptron_generator(config: CGANConfig) -> nn.Module:
    return LabelledPerceptronGenerator(config.latent, config.classes, config.channels, config.size, config.dropout)


def _perceptron_discriminator(config: CGANConfig) -> nn.Module:
    return LabelledMaxoutDiscriminator(config.classes, config.channels, config.size, config.dropout)


#: Makers of the networks, by architecture and network.
ARCHITECTURES: dict[str, dict[str, Callable[[CGANConfig], nn.Module]]] = {
    "convolutional": {"generator": _convolutional_generator, "discriminator": _convolutional_discriminator},
    "perceptron": {"generator": _perceptron_generator, "discriminator": _perceptron_discriminator},
}


class CGAN(ConditionalModel):
    """Labels as one more input of both networks (equation 2).

    What deviates from the paper: the networks are a DCGAN's by default, and Adam moves them, not SGD with momentum.
    """

    info = ModelInfo(
        title="Conditional GAN",
        paper="Mirza and Osindero 2014, Conditional Generative Adversarial Nets",
        task="conditional",
        data="labelled",
    )
    Config: ClassVar[type[CGANConfig]] = CGANConfig
    config: CGANConfig

    def build(self, name: str) -> nn.Module:
        """The network of the chosen architecture; convolutions start as a DCGAN's."""
        return ARCHITECTURES[self.config.architecture][name](self.config)

    def discriminator_loss(self, step: Step) -> Losses:
        """As of all adversarial models, with dropout's masks from the step."""
        with drawing_masks(self, step.random):
            return super().discriminator_loss(step)

    def generator_loss(self, step: Step) -> Losses:
        """As of all adversarial models, with dropout's masks from the step."""
        with drawing_masks(self, step.random):
            return super().generator_loss(step)
