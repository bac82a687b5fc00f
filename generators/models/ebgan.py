"""The energy-based GAN of Zhao, Mathieu and LeCun (2017): the discriminator is an autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ganeval.generators.adversarial import AdversarialConfig, AdversarialModel, on_device
from ganeval.generators.autoencoding import require_own_loss
from ganeval.generators.losses.energy import margin_loss, pulling_away, reconstruction_distance
from ganeval.generators.model import Losses, ModelInfo, Step
from ganeval.generators.networks.autoencoder import Autoencoder, until_eight
from ganeval.generators.networks.convolutional import Generator
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.sizes import halvings


@dataclass(frozen=True)
class EBGANConfig(AdversarialConfig):
    """Sizes and the margin of an energy-based GAN.

    Parameters
    ----------
    loss
        Can't be chosen: the loss is the paper's own.
    width
        Channels next to the image, doubled at each halving of the resolution.
    margin
        Energy from which on generated images no longer count. Energies are root mean squares over an image's pixels,
        on the scale [-1, 1]; the paper's unit is √(C·H·W) times as large: its 20 for faces of 64×64×3 pixels is 0.18.
    pulling_away
        Weight of the pulling-away term; 0 leaves it out. The paper's 0.1 is next to energies in its own unit.
    """

    latent: int = 100
    prior: str = "normal"
    generator_rate: float = 1e-3
    discriminator_rate: float = 1e-3
    width: int = 64
    margin: float = 0.2
    pulling_away: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            width=self.width >= 1,
            margin=0 < self.margin < float("inf"),
            pulling_away=0 <= self.pulling_away < float("inf"),
        )
        require_own_loss(self, "an EBGAN")
        # Raises for a size that the networks can't have.
        halvings(self.size, "an EBGAN")


class EBGAN(AdversarialModel):
    """A generator against an autoencoder, which reconstructs real images well and generated ones badly.

    What deviates from the paper: energies are root mean squares over the pixels, not Euclidean norms, so that one
    margin suits all sizes. The default margin, 0.2, is the paper's for faces of 64×64 pixels in that unit (0.18),
    rounded. The pulling-away term (the paper's EBGAN-PT) is on by default, and next to energies in this unit its weight
    counts √(C·H·W) times as much as in the paper's: 28 times for grey images of 28×28. Learning rates are ours.
    """

    info = ModelInfo(
        title="Energy-based GAN",
        paper="Zhao, Mathieu and LeCun 2017, Energy-based Generative Adversarial Network",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[EBGANConfig]] = EBGANConfig
    config: EBGANConfig
    discriminator: Autoencoder

    def build(self, name: str) -> nn.Module:
        """The network with first weights from N(0, 0.02²), of the autoencoder from N(0, 0.002²) (appendix D.3)."""
        config, halved = self.config, halvings(self.config.size, "an EBGAN")
        if name == "generator":
            generator = Generator(config.latent, config.channels, halved, config.width)
            initialise_normal(generator)
            return generator
        autoencoder = Autoencoder(config.channels, until_eight(halved), config.width)
        initialise_normal(autoencoder, 0.002)
        return autoencoder

    def judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Minus the energy, [N]: larger for images [N, C, H, W] that look more real."""
        return -reconstruction_distance(images, self.discriminator(images))

    def discriminator_loss(self, step: Step) -> Losses:
        """The margin loss, and the penalty where there is one."""
        real, labels = step.batch.images, step.batch.labels
        fake, _ = self.generated(step)
        energies = [-self.judge(self.seen(images, step), labels) for images in (real, fake)]
        losses = {"adversarial": margin_loss(energies[0], energies[1], self.config.margin)}
        return losses | self.prompt_penalty(step, real, fake, labels)

    def generator_loss(self, step: Step) -> Losses:
        """The energy of generated images, and the pulling-away term of their codes."""
        images = self.render(on_device(self.draw(step.size, step.random), step.device))
        seen = self.seen(images, step)
        codes = self.discriminator.encode(seen)
        losses = {"adversarial": reconstruction_distance(seen, self.discriminator.decode(codes)).mean()}
        if self.config.pulling_away:
            losses["pulling_away"] = self.config.pulling_away * pulling_away(codes)
        return losses | self.spectral_term(step, images)
