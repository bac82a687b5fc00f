"""The Wasserstein GAN with gradient penalty of Gulrajani et al. (2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ganeval.generators.model import ModelInfo
from ganeval.generators.unconditional import UnconditionalConfig, UnconditionalModel


@dataclass(frozen=True)
class WGANGPConfig(UnconditionalConfig):
    """Defaults of algorithm 1; the weight of the penalty is 10.

    The critic has no batch norm, since the penalty is one on each image's own gradient (section 4).
    """

    prior: str = "normal"
    loss: str = "wasserstein"
    penalty: str | None = "gradient-penalty"
    critic_steps: int = 5
    generator_rate: float = 1e-4
    discriminator_rate: float = 1e-4
    betas: tuple[float, float] = (0.0, 0.9)
    norm: str = "none"


class WGANGP(UnconditionalModel):
    """A critic that estimates the earth mover's distance, its gradient held near 1 between real and generated images.

    The logged ``discriminator/adversarial`` is minus the estimate, which follows the quality of samples (section 5.3).
    """

    info = ModelInfo(
        title="Wasserstein GAN with gradient penalty",
        paper="Gulrajani et al. 2017, Improved Training of Wasserstein GANs",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[WGANGPConfig]] = WGANGPConfig
    config: WGANGPConfig
