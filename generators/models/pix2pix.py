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
from ganeval.generators.model import DIRECTIONS, Losses, ModelInfo, Phase, Step, Translator
from ganeval.generators.networks.convolutional import NORMS
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.jitter import jittered
from ganeval.generators.networks.patch import PatchDiscriminator, check_patches, patch_layers
from ganeval.generators.networks.unet import UNet, unet_depth
from ganeval.generators.optimisers import Optimiser


@dataclass(frozen=True)
class Pix2PixConfig(ModelConfig):
    """Sizes and losses of pix2pix; the defaults are the paper's, adapted to the size.

    Parameters
    ----------
    other_channels
        Of the second domain's images; None for as many as the first's.
    direction
        ``"a-to-b"`` or ``"b-to-a"``: what is learnt.
    width
        Channels next to the image, of both networks.
    depth
        Halvings of the U-Net; None takes as many as the size permits, 8 at most.
    patch_layers
        Strided layers of the discriminator: 3 make patches of 70 pixels, 2 of 34, 1 of 16; None goes by the size.
    norm
        ``"instance"`` is what the paper's batch norm is with one image in a batch, in training and afterwards;
        ``"batch"`` keeps running statistics, ``"none"`` none.
    dropout
        The share that is dropped: the generator's noise.
    loss
        A name in `ganeval.generators.losses.adversarial.LOSSES`.
    adversarial_weight, l1_weight
        Of the generator's terms: 1 and 100 in the paper.
    jitter
        Share by which images are enlarged before they are cropped at random: 30/256 in the paper, for 256 pixels.
    learning_rate, betas
        Of Adam.
    decay_after, decay_steps
        The learning rate falls linearly to 0 in so many steps after the first ones; 0 steps keep it.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    other_channels: int | None = None
    direction: str = "a-to-b"
    width: int = 64
    depth: int | None = None
    patch_layers: int | None = None
    norm: str = "instance"
    dropout: float = 0.5
    loss: str = "non-saturating"
    adversarial_weight: float = 1.0
    l1_weight: float = 100.0
    jitter: float = 0.0
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay_after: int = 0
    decay_steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        find_loss(self.loss)
        if self.direction not in DIRECTIONS:
            raise OptionError(f"unknown direction {self.direction!r}", hint=f"Choose {' or '.join(DIRECTIONS)}.")
        if self.norm not in NORMS:
            raise OptionError(f"unknown norm {self.norm!r}", hint=f"Known: {', '.join(NORMS)}.")
        self.require(
            other_channels=self.other_channels is None or self.other_channels >= 1,
            width=self.width >= 1,
            depth=self.depth is None or self.depth >= 1,
            dropout=0 <= self.dropout < 1,
            adversarial_weight=self.adversarial_weight >= 0,
            l1_weight=self.l1_weight >= 0,
            jitter=0 <= self.jitter <= 1,
        )
        if self.depth is not None and self.depth > unet_depth(self.size):
            raise OptionError(
                f"a U-Net of depth {self.depth} is too deep for {self.size[0]}×{self.size[1]} pixels",
                hint=f"Choose {unet_depth(self.size)} or less.",
            )
        check_patches(self.size, self.patches)
        self.optimiser()

    @property
    def patches(self) -> int:
        """Strided layers of the discriminator."""
        return patch_layers(self.size) if self.patch_layers is None else self.patch_layers

    @property
    def both_channels(self) -> tuple[int, int]:
        """Channels of the two domains."""
        return self.channels, self.channels if self.other_channels is None else self.other_channels

    def optimiser(self) -> Optimiser:
        """Of both phases."""
        return Optimiser(
            "adam", self.learning_rate, self.betas, decay_after=self.decay_after, decay_steps=self.decay_steps
        )


class Pix2Pix(Translator):
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
    # As in the paper's experiments.
    least_batch: ClassVar[int] = 1
    generator: nn.Module
    discriminator: nn.Module
    config: Pix2PixConfig

    @property
    def directions(self) -> tuple[str, ...]:
        """The one that was learnt."""
        return (self.config.direction,)

    @property
    def domain_channels(self) -> tuple[int, int]:
        """As the configuration has them."""
        return self.config.both_channels

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
