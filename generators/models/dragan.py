"""DRAGAN of Kodali et al. (2017): the discriminator's gradient is held near 1 around real images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ganeval.generators.model import ModelInfo
from ganeval.generators.unconditional import UnconditionalConfig, UnconditionalModel


@dataclass(frozen=True)
class DRAGANConfig(UnconditionalConfig):
    """Defaults of DRAGAN: the non-saturating loss, weight 10, noise of half the data's standard deviation.

    The discriminator has no batch norm, as its penalty is one on each image's own gradient.
    """

    latent: int = 100
    prior: str = "uniform"
    penalty: str | None = "dragan"
    norm: str = "none"


class DRAGAN(UnconditionalModel):
    """A deep convolutional GAN with a gradient penalty on noisy real images (section 2.3).

    What deviates from the paper: the noise is as in its authors' code, uniform up to half of the batch's standard
    deviation with a share of its own for each image, where the paper writes N(0, cI); and the discriminator has no
    batch norm.
    """

    info = ModelInfo(
        title="DRAGAN",
        paper="Kodali, Abernethy, Hays and Kira 2017, On Convergence and Stability of GANs",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[DRAGANConfig]] = DRAGANConfig
    config: DRAGANConfig
