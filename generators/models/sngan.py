"""The spectrally normalised GAN of Miyato et al. (2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from ganeval.generators.model import ModelInfo
from ganeval.generators.networks.spectral_norm import with_spectral_norm
from ganeval.generators.unconditional import UnconditionalConfig, UnconditionalModel


@dataclass(frozen=True)
class SNGANConfig(UnconditionalConfig):
    """Defaults of the paper's residual networks for 32×32 pixels: hinge, 5 critic steps, Adam 2e-4 (0, 0.9).

    Widths are the paper's for larger images; its networks for 32×32 pixels are ``width=256 widest=256
    discriminator_width=128``. With ``architecture=convolutional`` both networks are those of a DCGAN.
    """

    prior: str = "normal"
    architecture: str = "residual"
    loss: str = "hinge"
    critic_steps: int = 5
    betas: tuple[float, float] = (0.0, 0.9)
    norm: str = "none"


class SNGAN(UnconditionalModel):
    """A discriminator all of whose weights are divided by their largest singular value (section 2.1)."""

    info = ModelInfo(
        title="Spectrally normalised GAN",
        paper="Miyato, Kataoka, Koyama and Yoshida 2018, Spectral Normalization for Generative Adversarial Networks",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[SNGANConfig]] = SNGANConfig
    config: SNGANConfig

    def build(self, name: str) -> nn.Module:
        """The architecture's network; the discriminator's with spectral normalisation."""
        network = super().build(name)
        return with_spectral_norm(network) if name == "discriminator" else network
