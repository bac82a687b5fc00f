"""The self-attention GAN of Zhang et al. (2019), without classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from ganeval.generators.adversarial import AdversarialConfig, AdversarialModel
from ganeval.generators.model import ModelInfo
from ganeval.generators.networks.architectures import Sizes, residual_discriminator, residual_generator
from ganeval.generators.networks.attention import SelfAttention
from ganeval.generators.networks.sizes import halvings
from ganeval.generators.networks.spectral_norm import with_spectral_norm


@dataclass(frozen=True)
class SAGANConfig(AdversarialConfig):
    """Defaults of the paper: hinge, learning rates 1e-4 and 4e-4, one critic step.

    Parameters
    ----------
    width
        Channels next to the image, doubled at each halving of the resolution.
    widest
        Most channels of a map.
    """

    prior: str = "normal"
    loss: str = "hinge"
    generator_rate: float = 1e-4
    discriminator_rate: float = 4e-4
    betas: tuple[float, float] = (0.0, 0.9)
    width: int = 64
    widest: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(width=self.width >= 1, widest=self.widest >= 1)
        # Raises for a size that the networks can't have.
        halvings(self.size, "a SAGAN")


class SAGAN(AdversarialModel):
    """Residual networks that attend to their own maps, with spectral normalisation in both and two time scales.

    The paper's networks are conditional; here the generator's batch norms are plain and the discriminator has no
    projection of a label.
    """

    info = ModelInfo(
        title="Self-attention GAN",
        paper="Zhang, Goodfellow, Metaxas and Odena 2019, Self-Attention Generative Adversarial Networks",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[SAGANConfig]] = SAGANConfig
    config: SAGANConfig

    def build(self, name: str) -> nn.Module:
        """The network with first weights, all of them spectrally normalised."""
        config = self.config
        sizes = Sizes(config.size, config.channels, config.width, config.widest)
        if name == "generator":
            return with_spectral_norm(residual_generator(config.latent, sizes, SelfAttention))
        return with_spectral_norm(residual_discriminator(sizes, attention=SelfAttention))
