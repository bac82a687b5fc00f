"""The Wasserstein GAN of Arjovsky, Chintala and Bottou (2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from ganeval.generators.model import ModelInfo, Phase
from ganeval.generators.unconditional import UnconditionalConfig, UnconditionalModel


@dataclass(frozen=True)
class WGANConfig(UnconditionalConfig):
    """Defaults of algorithm 1, which names no smoothing of RMSprop: 0.99 is torch's own.

    Parameters
    ----------
    clip
        Largest absolute value of the critic's weights.
    """

    latent: int = 100
    prior: str = "normal"
    loss: str = "wasserstein"
    critic_steps: int = 5
    optimiser: str = "rmsprop"
    generator_rate: float = 5e-5
    discriminator_rate: float = 5e-5
    # RMSprop takes the second for its smoothing.
    betas: tuple[float, float] = (0.0, 0.99)
    clip: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(clip=0 < self.clip < float("inf"))


class WGAN(UnconditionalModel):
    """A critic that estimates the earth mover's distance, kept Lipschitz by clipping its weights.

    The logged ``discriminator/adversarial`` is minus the estimate, in the unknown unit that the clipping sets.
    """

    info = ModelInfo(
        title="Wasserstein GAN",
        paper="Arjovsky, Chintala and Bottou 2017, Wasserstein GAN",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[WGANConfig]] = WGANConfig
    config: WGANConfig

    def phases(self) -> Sequence[Phase]:
        """As of any GAN, with clipping after each descent of the critic."""
        return [self._clipping(phase) if "discriminator" in phase.modules else phase for phase in super().phases()]

    def _clipping(self, phase: Phase) -> Phase:
        def after() -> None:
            self.clip_critic()
            if phase.after is not None:
                phase.after()

        return replace(phase, after=after)

    @torch.no_grad()
    def clip_critic(self) -> None:
        """Move each of the critic's weights into [−clip, clip] (algorithm 1, line 7)."""
        for parameter in self.discriminator.parameters():
            parameter.clamp_(-self.config.clip, self.config.clip)
