"""BigGAN, of Brock, Donahue and Simonyan (2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import nn

from ganeval.errors import OptionError
from ganeval.generators.adversarial import AdversarialConfig
from ganeval.generators.conditional import ConditionalModel, require_labels
from ganeval.generators.losses.orthogonal import add_orthogonal_gradients, regularised_weights
from ganeval.generators.model import ModelInfo, Phase
from ganeval.generators.networks.attention import SelfAttention
from ganeval.generators.networks.biggan import BigGANDiscriminator, BigGANGenerator, Layer, discriminator_widths
from ganeval.generators.networks.initial import initialise_orthogonal
from ganeval.generators.networks.sizes import Halvings, halvings
from ganeval.generators.networks.spectral_norm import with_spectral_norm

#: Where the paper's networks attend, and from which size of images on they do.
PAPERS_ATTENTION, ATTENTIVE_FROM = 64, 128


@dataclass(frozen=True)
class BigGANConfig(AdversarialConfig):
    """A BigGAN's sizes and regularisation.

    Parameters
    ----------
    latent
        Dimensions of z: 20 for each of its parts at 128 pixels in the paper.
    width
        Unit of the networks' channels: the paper has 96, the authors' networks for 32 pixels 64; 16 to 32 train on a
        CPU.
    shared
        Dimensions of a class's vector, which all conditional norms of the generator share.
    hierarchical
        Whether each block gets a part of z.
    attention
        Smaller side in pixels of the maps with self-attention; 0 for none; None for the paper's: 64 in images of 128
        or more.
    orthogonal
        β, the strength of orthogonal regularisation of the generator (equation 3).
    """

    latent: int = 120
    loss: str = "hinge"
    critic_steps: int = 2
    generator_rate: float = 1e-4
    discriminator_rate: float = 4e-4
    betas: tuple[float, float] = (0.0, 0.999)
    width: int = 64
    shared: int = 128
    hierarchical: bool = True
    attention: int | None = None
    orthogonal: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        require_labels(self.classes, "BigGAN")
        halved = self.halvings
        self.require(width=self.width >= 1, shared=self.shared >= 1, orthogonal=0 <= self.orthogonal < float("inf"))
        if self.hierarchical and self.latent < halved.count + 1:
            raise OptionError(
                f"z of {self.latent} dimensions can't be split into {halved.count + 1} parts",
                hint=f"Choose latent {halved.count + 1} or more, or no hierarchical z.",
            )
        if self.attention and self.attention not in self.attentive_sizes:
            sizes = ", ".join(map(str, self.attentive_sizes)) or "none but 0"
            raise OptionError(
                f"BigGAN of {self.size[0]}×{self.size[1]} pixels has no maps of {self.attention} pixels for attention",
                hint=f"It has: {sizes}.",
            )

    @property
    def halvings(self) -> Halvings:
        """Of the images' size."""
        return halvings(self.size, "BigGAN")

    @property
    def attentive_sizes(self) -> list[int]:
        """Smaller sides of the maps that both networks have after one of their blocks."""
        halved = self.halvings
        found = [min(halved.base) << doublings for doublings in range(1, halved.count)]
        return [side for side in found if min(self.size) >> discriminator_widths(halved, 1)[1] <= side]

    @property
    def attended(self) -> int:
        """Smaller side of the maps with attention; 0 for none."""
        if self.attention is not None:
            return self.attention
        fits = min(self.size) >= ATTENTIVE_FROM and PAPERS_ATTENTION in self.attentive_sizes
        return PAPERS_ATTENTION if fits else 0


class BigGAN(ConditionalModel):
    """Residual networks with conditional batch norm, spectral norm and a projection discriminator, hinge loss."""

    info = ModelInfo(
        title="BigGAN",
        paper="Brock, Donahue and Simonyan 2019, Large Scale GAN Training for High Fidelity Natural Image Synthesis",
        task="conditional",
        data="labelled",
    )
    Config: ClassVar[type[BigGANConfig]] = BigGANConfig
    config: BigGANConfig
    generator: BigGANGenerator
    truncations: ClassVar[Mapping[str, str]] = {
        "threshold": "coordinates of z beyond the value are replaced by ones within it",
    }

    def build(self, name: str) -> nn.Module:
        """The network with orthogonal first weights, spectral norm on all but the generator's vectors of classes."""
        config, halved = self.config, self.config.halvings
        if name == "generator":
            generator = BigGANGenerator(
                config.latent,
                config.classes,
                config.shared,
                config.channels,
                halved,
                config.width,
                config.hierarchical,
                self._between(min(halved.base), doubling=True),
            )
            initialise_orthogonal(generator)
            for part in generator.unshared():
                with_spectral_norm(part)
            return generator
        discriminator = BigGANDiscriminator(
            config.classes, config.channels, halved, config.width, self._between(min(config.size), doubling=False)
        )
        initialise_orthogonal(discriminator)
        return with_spectral_norm(discriminator)

    def _between(self, side: int, doubling: bool) -> dict[int, Layer]:
        """Attention by number of blocks before it, in a network whose first map has that smaller side."""
        if not self.config.attended:
            return {}
        ratio = self.config.attended // side if doubling else side // self.config.attended
        return {ratio.bit_length() - 1: SelfAttention}

    def phases(self) -> Sequence[Phase]:
        """As of all adversarial models; the generator's gradients get those of orthogonal regularisation."""
        *others, generator = super().phases()
        if not self.config.orthogonal:
            return [*others, generator]
        return [*others, replace(generator, on_gradients=self._orthogonalise)]

    def _orthogonalise(self) -> None:
        add_orthogonal_gradients(regularised_weights(self.generator.unshared()), self.config.orthogonal)
