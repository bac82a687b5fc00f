"""The least squares GAN of Mao et al. (2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ganeval.generators.model import ModelInfo
from ganeval.generators.unconditional import UnconditionalConfig, UnconditionalModel


@dataclass(frozen=True)
class LSGANConfig(UnconditionalConfig):
    """Defaults of the least squares GAN.

    Parameters
    ----------
    loss
        ``"lsgan"`` (equation 9: targets 0 and 1) or ``"lsgan-pearson"`` (equation 8: −1 and 1, which makes the
        generator descend along Pearson's χ²).
    """

    latent: int = 1024
    prior: str = "uniform"
    loss: str = "lsgan"


class LSGAN(UnconditionalModel):
    """Outputs are regressed to targets, which pulls even samples on the right side of the boundary towards it.

    z has 1,024 dimensions as in the paper's networks for scenes. What deviates from the paper: those networks
    (figure 5) have further layers between the ones that change the size, and are for 112×112 pixels; here they are a
    DCGAN's, for any size, and with its learning rate.
    """

    info = ModelInfo(
        title="Least squares GAN",
        paper="Mao et al. 2017, Least Squares Generative Adversarial Networks",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[LSGANConfig]] = LSGANConfig
    config: LSGANConfig
