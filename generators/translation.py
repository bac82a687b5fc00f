"""What models from image to image share: two domains, discriminators of patches, how they are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ganeval.generators.configuration import ModelConfig
from ganeval.generators.losses.adversarial import find_loss
from ganeval.generators.model import Translator
from ganeval.generators.networks.convolutional import require_norm
from ganeval.generators.networks.patch import check_patches, patch_layers
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.schedules import Schedule


@dataclass(frozen=True)
class TranslationConfig(ModelConfig):
    """Sizes and losses of translators against discriminators of patches; models set defaults and add their own.

    Parameters
    ----------
    other_channels
        Of the second domain's images; None for as many as the first's.
    width
        Channels next to the image, of all networks.
    patch_layers
        Strided layers of a discriminator: 3 make patches of 70 pixels, 2 of 34, 1 of 16; None goes by the size.
    norm
        ``"instance"``, ``"batch"`` or ``"none"``.
    loss
        A name in `ganeval.generators.losses.adversarial.LOSSES`.
    adversarial_weight
        Of a generator's adversarial term.
    jitter
        Share by which images are enlarged before they are cropped at random.
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
    width: int = 64
    patch_layers: int | None = None
    norm: str = "instance"
    loss: str = "lsgan"
    adversarial_weight: float = 1.0
    jitter: float = 0.0
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay_after: int = 0
    decay_steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        find_loss(self.loss)
        require_norm(self.norm)
        self.require(
            other_channels=self.other_channels is None or self.other_channels >= 1,
            width=self.width >= 1,
            adversarial_weight=self.adversarial_weight >= 0,
            jitter=0 <= self.jitter <= 1,
        )
        check_patches(self.size, self.patches)
        self.optimiser()

    @property
    def patches(self) -> int:
        """Strided layers of a discriminator."""
        return patch_layers(self.size) if self.patch_layers is None else self.patch_layers

    @property
    def both_channels(self) -> tuple[int, int]:
        """Channels of the two domains."""
        return self.channels, self.channels if self.other_channels is None else self.other_channels

    def optimiser(self) -> Optimiser:
        """Of all phases."""
        schedule = Schedule("linear" if self.decay_steps else "constant", self.decay_after, self.decay_steps)
        return Optimiser("adam", self.learning_rate, self.betas, schedule=schedule)


class TranslationModel(Translator):
    """A translator between two domains whose images may have different channels."""

    Config: ClassVar[type[ModelConfig]] = TranslationConfig
    # As in the papers' experiments.
    least_batch: ClassVar[int] = 1
    config: TranslationConfig

    @property
    def domain_channels(self) -> tuple[int, int]:
        """As the configuration has them."""
        return self.config.both_channels
