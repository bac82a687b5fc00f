"""The deep convolutional GAN of Radford, Metz and Chintala (2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from ganeval.generators.adversarial import AdversarialConfig, AdversarialModel
from ganeval.generators.model import ModelInfo
from ganeval.generators.networks.convolutional import Discriminator, Generator, require_norm
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.sizes import halvings


@dataclass(frozen=True)
class ConvolutionalConfig(AdversarialConfig):
    """Sizes of the networks of a DCGAN, which others share.

    Parameters
    ----------
    width
        Channels next to the image, doubled at each halving of the resolution. The paper has 64 at best (128 for the
        generator); narrower networks train on a CPU.
    norm
        Of the discriminator: ``"batch"``, ``"instance"`` or ``"none"``.
    """

    latent: int = 100
    prior: str = "uniform"
    width: int = 64
    norm: str = "batch"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(width=self.width >= 1)
        require_norm(self.norm)
        self.check_size()

    def check_size(self) -> None:
        """Raise an `OptionError` if the networks can't make images of that size."""
        halvings(self.size, "a DCGAN")


class DCGAN(AdversarialModel):
    """Strided convolutions against fractionally strided ones, batch norm in both (section 3)."""

    info = ModelInfo(
        title="Deep convolutional GAN",
        paper="Radford, Metz and Chintala 2016, Unsupervised Representation Learning with Deep Convolutional "
        "Generative Adversarial Networks",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[ConvolutionalConfig]] = ConvolutionalConfig
    config: ConvolutionalConfig

    def build(self, name: str) -> nn.Module:
        """The network, with first weights from N(0, 0.02²) (section 4)."""
        config, halved = self.config, halvings(self.config.size, "a DCGAN")
        network: nn.Module = (
            Generator(config.latent, config.channels, halved, config.width)
            if name == "generator"
            else Discriminator(config.channels, halved, config.width, config.norm)
        )
        initialise_normal(network)
        return network
