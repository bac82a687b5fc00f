"""The translator learnt from pairs of images by Isola, Zhu, Zhou and Efros (2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ganeval.errors import OptionError
from ganeval.generators.configuration import ModelConfig
from ganeval.generators.losses.adversarial import find_loss
from ganeval.generators.model import DIRECTIONS, Losses, ModelInfo, Phase, Step
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.jitter import jittered
from ganeval.generators.networks.patch import PatchDiscriminator
from ganeval.generators.networks.unet import UNet, unet_depth
from ganeval.generators.translation import TranslationConfig, TranslationModel


@dataclass(frozen=True)
class Pix2PixConfig(TranslationConfig):
    """Sizes and losses of pix2pix; the defaults are the paper's, adapted to the size.

    Parameters
    ----------
    direction
        ``"a-to-b"`` or ``"b-to-a"``: what is learnt.
    depth
        Halvings of the U-Net; None takes as many as the size permits, 8 at most.
    norm
        ``"instance"`` is what the paper's batch norm is with one image in a batch, in training and afterwards;
        ``"batch"`` keeps running statistics, ``"none"`` none.
    dropout
        The share that is dropped: the generator's noise.
    adversarial_weight, l1_weight
        Of the generator's terms: 1 and 100 in the paper.
    jitter
        Share by which images are enlarged before they are cropped at random: 30/256 in the paper, for 256 pixels.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    loss: str = "non-saturating"
    direction: str = "a-to-b"
    depth: int | None = None
    dropout: float = 0.5
    l1_weight: float = 100.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.direction not in DIRECTIONS:
            raise OptionError(f"unknown direction {self.direction!r}", hint=f"Choose {' or '.join(DIRECTIONS)}.")
        self.require(
            depth=self.depth is None or self.depth >= 1,
            dropout=0 <= self.dropout < 1,
            l1_weight=self.l1_weight >= 0,
        )
        if self.depth is not None and self.depth > unet_depth(self.size):
            raise OptionError(
                f"a U-Net of depth {self.depth} is too deep for {self.size[0]}×{self.size[1]} pixels",
                hint=f"Choose {unet_depth(self.size)} or less.",
            )


class Pix2Pix(TranslationModel):
    """A U-Net against a discriminator of patches, which sees input and output together, and the L1 distance."""

    info = ModelInfo(
        title="pix2pix",
        paper="Isola, Zhu, Zhou and Efros 2017, Image-to-Image Translation with Conditional Adversarial Networks",
        task="image-to-image",
        data="paired",
    )
    Config: ClassVar[type[ModelConfig]] = Pix2PixConfig
    networks: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    sampled: ClassVar[tuple[str, ...]] = ("generator",)
    generator: nn.Module
    discriminator: nn.Module
    config: Pix2PixConfig

    @property
    def directions(self) -> tuple[str, ...]:
        """The one that was learnt."""
        return (self.config.direction,)

    def build(self, name: str) -> nn.Module:
        """The network, with first weights from N(0, 0.02²) (appendix 6.2)."""
        config = self.config
        inputs, outputs = (config.both_channels[end] for end in DIRECTIONS[config.direction])
        depth = unet_depth(config.size) if config.depth is None else config.depth
        network: nn.Module = (
            UNet(inputs, outputs, depth, config.width, config.norm, config.dropout)
            if name == "generator"
            else PatchDiscriminator(inputs + outputs, config.size, config.patches, config.width, config.norm)
        )
        initialise_normal(network)
        return network

    def translate(self, images: Tensor, direction: str, random: torch.Generator) -> Tensor:
        """Images of any size, with the noise of `random`."""
        translated: Tensor = self.generator(images, random)
        return translated

    def phases(self) -> Sequence[Phase]:
        """The discriminator's and the generator's, each on pairs of its own."""
        optimiser = self.config.optimiser()
        return [
            Phase("discriminator", ("discriminator",), self.discriminator_loss, optimiser),
            Phase("generator", ("generator",), self.generator_loss, optimiser),
        ]

    def discriminator_loss(self, step: Step) -> Losses:
        """Half of the adversarial loss (section 3.3), real pairs against pairs of input and translation."""
        inputs, outputs = self._pairs(step)
        with torch.no_grad():
            fake = self.generator(inputs, step.random)
        loss = find_loss(self.config.loss).discriminator(self._judge(inputs, outputs), self._judge(inputs, fake))
        return {"adversarial": loss / 2}

    def generator_loss(self, step: Step) -> Losses:
        """Equation 4: the adversarial loss and λ times the mean absolute difference."""
        inputs, outputs = self._pairs(step)
        fake = self.generator(inputs, step.random)
        adversarial = find_loss(self.config.loss).generator(self._judge(inputs, fake))
        return {
            "adversarial": self.config.adversarial_weight * adversarial,
            "l1": self.config.l1_weight * l1_loss(fake, outputs),
        }

    def _judge(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        judged: Tensor = self.discriminator(torch.cat([inputs, outputs.to(inputs.dtype)], dim=1))
        return judged

    def _pairs(self, step: Step) -> tuple[Tensor, Tensor]:
        batch = step.batch
        assert batch.others is not None
        images, others = jittered([batch.images, batch.others], self.config.jitter, step.random)
        start, end = DIRECTIONS[self.config.direction]
        return (images, others)[start], (images, others)[end]
