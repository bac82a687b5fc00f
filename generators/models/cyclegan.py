"""The translators learnt without pairs, from there and back, by Zhu, Park, Isola and Efros (2017)."""

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
from ganeval.generators.networks.history import ImageHistory
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.jitter import jittered
from ganeval.generators.networks.patch import PatchDiscriminator
from ganeval.generators.networks.residual_translator import ResidualTranslator, residual_blocks
from ganeval.generators.translation import TranslationConfig, TranslationModel


@dataclass(frozen=True)
class CycleGANConfig(TranslationConfig):
    """Sizes and losses of CycleGAN; the defaults are the paper's, adapted to the size.

    Parameters
    ----------
    blocks
        Residual blocks of the generators; None takes 9 from 256 pixels, else 6.
    norm
        Of the discriminators: ``"instance"``, ``"batch"`` or ``"none"``.
    adversarial_weight
        Of the generators' adversarial terms. The table's least squares loss has the factor 1/2 of Mao et al. (2017),
        which Zhu et al. have for the discriminators only: 2 undoes it.
    cycle_weight
        λ of equation 3.
    identity_weight
        Of the identity loss (section 5.2), relative to λ; None takes 0.5, and 0 where the domains' channels differ.
    history
        Earlier images that each discriminator may see again.
    jitter
        Share by which images are enlarged before they are cropped at random: 30/256 in the authors' experiments.
    decay_after, decay_steps
        The learning rate falls linearly to 0 in so many steps after the first ones: as many in the paper (100 epochs
        each); 0 steps keep it.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    adversarial_weight: float = 2.0
    blocks: int | None = None
    cycle_weight: float = 10.0
    identity_weight: float | None = None
    history: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            blocks=self.blocks is None or self.blocks >= 0,
            cycle_weight=self.cycle_weight >= 0,
            identity_weight=self.identity_weight is None or self.identity_weight >= 0,
            history=self.history >= 0,
        )
        first, second = self.both_channels
        if first != second and self.identity_weight:
            raise OptionError(
                f"the identity loss compares images of {first} and {second} channels",
                hint="Leave out identity_weight where the domains have different channels, or set it to 0.",
            )

    @property
    def identity(self) -> float:
        """Weight of the identity loss relative to that of the cycle."""
        if self.identity_weight is not None:
            return self.identity_weight
        first, second = self.both_channels
        return 0.5 if first == second else 0.0


class CycleGAN(TranslationModel):
    """A translator for each direction, which undo each other, and a discriminator of patches for each domain.

    ``generator_ab`` and ``generator_ba`` are the paper's G and F; ``discriminator_a`` and ``discriminator_b`` its D_X
    and D_Y.
    """

    info = ModelInfo(
        title="CycleGAN",
        paper="Zhu, Park, Isola and Efros 2017, Unpaired Image-to-Image Translation using Cycle-Consistent "
        "Adversarial Networks",
        task="image-to-image",
        data="unpaired",
    )
    Config: ClassVar[type[ModelConfig]] = CycleGANConfig
    networks: ClassVar[tuple[str, ...]] = (
        "generator_ab",
        "generator_ba",
        "discriminator_a",
        "discriminator_b",
        "history_a",
        "history_b",
    )
    sampled: ClassVar[tuple[str, ...]] = ("generator_ab", "generator_ba")
    generator_ab: nn.Module
    generator_ba: nn.Module
    discriminator_a: nn.Module
    discriminator_b: nn.Module
    history_a: ImageHistory
    history_b: ImageHistory
    config: CycleGANConfig

    @property
    def directions(self) -> tuple[str, ...]:
        """Both."""
        return tuple(DIRECTIONS)

    def build(self, name: str) -> nn.Module:
        """The network, with first weights from N(0, 0.02²) (appendix 7.1); or the history of a domain's images."""
        config, channels = self.config, self.config.both_channels
        kind, _, domains = name.partition("_")
        ends = ["ab".index(letter) for letter in domains]
        if kind == "history":
            return ImageHistory(config.history, channels[ends[0]], config.size)
        blocks = residual_blocks(config.size) if config.blocks is None else config.blocks
        network: nn.Module = (
            ResidualTranslator(channels[ends[0]], channels[ends[1]], config.width, blocks)
            if kind == "generator"
            else PatchDiscriminator(channels[ends[0]], config.size, config.patches, config.width, config.norm)
        )
        initialise_normal(network)
        return network

    def translate(self, images: Tensor, direction: str, random: torch.Generator) -> Tensor:
        """Images of any size; nothing is left to chance."""
        start, end = DIRECTIONS[direction]
        translated: Tensor = self.get_submodule(f"generator_{'ab'[start]}{'ab'[end]}")(images)
        return translated

    def phases(self) -> Sequence[Phase]:
        """The generators' and the discriminators', as the paper's algorithm has them in turn."""
        optimiser = self.config.optimiser()
        return [
            Phase("generators", ("generator_ab", "generator_ba"), self.generators_loss, optimiser),
            Phase("discriminators", ("discriminator_a", "discriminator_b"), self.discriminators_loss, optimiser),
        ]

    def generators_loss(self, step: Step) -> Losses:
        """Equation 3 with equations 1 (as least squares, section 4) and 2, and the identity loss of section 5.2."""
        config, (a, b) = self.config, self._domains(step)
        b_of_a, a_of_b = self.generator_ab(a), self.generator_ba(b)
        loss = find_loss(config.loss)
        losses = {
            "adversarial_a": config.adversarial_weight * loss.generator(self.discriminator_a(a_of_b)),
            "adversarial_b": config.adversarial_weight * loss.generator(self.discriminator_b(b_of_a)),
            "cycle_a": config.cycle_weight * l1_loss(self.generator_ba(b_of_a), a),
            "cycle_b": config.cycle_weight * l1_loss(self.generator_ab(a_of_b), b),
        }
        weight = config.cycle_weight * config.identity
        if weight:
            losses["identity_a"] = weight * l1_loss(self.generator_ba(a), a)
            losses["identity_b"] = weight * l1_loss(self.generator_ab(b), b)
        return losses

    def discriminators_loss(self, step: Step) -> Losses:
        """The adversarial loss of each domain, half of it from earlier images."""
        a, b = self._domains(step)
        with torch.no_grad():
            fake_a, fake_b = self.generator_ba(b), self.generator_ab(a)
        fake_a = self.history_a.swapped(fake_a, step.random)
        fake_b = self.history_b.swapped(fake_b, step.random)
        loss = find_loss(self.config.loss)
        return {
            "adversarial_a": loss.discriminator(self.discriminator_a(a), self.discriminator_a(fake_a)),
            "adversarial_b": loss.discriminator(self.discriminator_b(b), self.discriminator_b(fake_b)),
        }

    def _domains(self, step: Step) -> tuple[Tensor, Tensor]:
        batch = step.batch
        assert batch.others is not None
        jitter = self.config.jitter
        return jittered([batch.images], jitter, step.random)[0], jittered([batch.others], jitter, step.random)[0]
