"""The boundary equilibrium GAN of Berthelot, Schumm and Metz (2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganeval.generators.adversarial import AdversarialConfig, AdversarialModel, on_device
from ganeval.generators.autoencoding import require_own_loss
from ganeval.generators.losses.energy import convergence_measure, equilibrium, reconstruction_error
from ganeval.generators.model import Latents, Losses, ModelInfo, Phase, Step
from ganeval.generators.networks.autoencoder import Decoder, Encoder, until_eight
from ganeval.generators.networks.sizes import Halvings, halvings
from ganeval.generators.training.processes import Processes


@dataclass(frozen=True)
class BEGANConfig(AdversarialConfig):
    """Sizes and the balance of a boundary equilibrium GAN.

    Parameters
    ----------
    latent
        Dimensions of the latent vector, and of the autoencoder's code.
    loss
        Can't be chosen: the loss is the paper's own.
    width
        Channels of the generator's maps, and of the autoencoder's next to the image.
    gamma
        Ratio of the errors of generated and of real images that is aimed at: lower for less diversity.
    gain
        λ_k, how fast the balance follows.
    skips
        Whether the decoders' first map comes again at every size.
    """

    latent: int = 64
    prior: str = "uniform"
    generator_rate: float = 1e-4
    discriminator_rate: float = 1e-4
    width: int = 64
    gamma: float = 0.5
    gain: float = 1e-3
    skips: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(width=self.width >= 1, gamma=0 <= self.gamma <= 1, gain=0 <= self.gain < float("inf"))
        require_own_loss(self, "a BEGAN")
        # Raises for a size that the networks can't have.
        halvings(self.size, "a BEGAN")


class BEGAN(AdversarialModel):
    """A generator against an autoencoder, whose errors on real and generated images are kept in a ratio.

    What is logged besides the losses: ``generator/convergence``, the paper's measure M of how far training got, and
    ``generator/balance``, k. Both are terms without gradient, which move nothing.
    """

    info = ModelInfo(
        title="Boundary equilibrium GAN",
        paper="Berthelot, Schumm and Metz 2017, BEGAN: Boundary Equilibrium Generative Adversarial Networks",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[BEGANConfig]] = BEGANConfig
    config: BEGANConfig
    #: k, the share of generated images in the discriminator's loss, from 0 to 1.
    balance: Tensor
    _errors: Tensor

    def __init__(self, config: BEGANConfig, only: Sequence[str] | None = None) -> None:
        super().__init__(config, only)
        self.register_buffer("balance", torch.zeros(()))
        # Sums over the micro-batches of one step of the errors on real and on generated images, and their numbers.
        self.register_buffer("_errors", torch.zeros(2, 2), persistent=False)

    def build(self, name: str) -> nn.Module:
        """The network with torch's own first weights."""
        config, halved = self.config, until_eight(halvings(self.config.size, "a BEGAN"))
        if name == "generator":
            return self._decoder(halved)
        return nn.Sequential(Encoder(config.channels, halved, config.width, config.latent), self._decoder(halved))

    def _decoder(self, halved: Halvings) -> Decoder:
        config = self.config
        return Decoder(config.latent, config.channels, halved, config.width, config.skips)

    def phases(self) -> Sequence[Phase]:
        """As of any GAN; the balance follows after the generator."""
        return [replace(phase, after=self.follow) if phase.name == "generator" else phase for phase in super().phases()]

    def render(self, latents: Latents) -> Tensor:
        """Images of ``z``: unbounded in training, where clipped pixels would have no gradient, and clipped after it."""
        images = super().render(latents)
        return images if self.generator.training else images.clamp(-1, 1)

    def judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Minus the reconstruction error, [N]: larger for images [N, C, H, W] that look more real."""
        return -reconstruction_error(images, self.discriminator(images))

    def discriminator_loss(self, step: Step) -> Losses:
        """L(x) and −k·L(G(z)) (equation 8), and the penalty where there is one."""
        real, labels = step.batch.images, step.batch.labels
        fake, _ = self.generated(step)
        errors = [-self.judge(self.seen(images, step), labels).mean() for images in (real, fake)]
        self._note(0, errors[0])
        losses = {"real": errors[0], "fake": -self.balance * errors[1]}
        return losses | self.prompt_penalty(step, real, fake, labels)

    def generator_loss(self, step: Step) -> Losses:
        """L(G(z)); the convergence measure and the balance, without gradients."""
        images = self.render(on_device(self.draw(step.size, step.random), step.device))
        error = -self.judge(self.seen(images, step), None).mean()
        self._note(1, error)
        real, fake = self._means()
        measure = convergence_measure(real, fake, self.config.gamma)
        losses = {"adversarial": error, "convergence": measure, "balance": self.balance.clone()}
        return losses | self.spectral_term(step, images)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the balance by λ_k(γ·L(x) − L(G(z))), within [0, 1] (equation 8).

        The errors are means over all micro-batches and processes.
        """
        real, fake = Processes().mean(self._means())
        self.balance.add_(self.config.gain * equilibrium(real, fake, self.config.gamma)).clamp_(0, 1)
        self._errors.zero_()

    def _note(self, side: int, error: Tensor) -> None:
        self._errors[side] += torch.stack([error.detach().float(), torch.ones_like(self.balance)])

    def _means(self) -> Tensor:
        return self._errors[:, 0] / self._errors[:, 1]
