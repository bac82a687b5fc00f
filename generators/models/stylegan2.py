"""StyleGAN2: Karras, Laine, Aittala, Hellsten, Lehtinen and Aila (2020)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganeval.errors import OptionError
from ganeval.generators.adversarial import AdversarialConfig, AdversarialModel, shared_lazily
from ganeval.generators.losses.adversarial import find_loss
from ganeval.generators.losses.path_length import path_length_penalty, path_lengths
from ganeval.generators.model import Latents, Losses, ModelInfo, Phase, Step, Truncation
from ganeval.generators.networks.sizes import halvings
from ganeval.generators.networks.stylegan2 import Mapping as MappingNetwork
from ganeval.generators.networks.stylegan2 import StyleGenerator, Synthesis
from ganeval.generators.networks.stylegan2_discriminator import StyleDiscriminator
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.training.processes import Processes

#: Truncation strengths: from the opposite of a style, over the mean at 0, to twice its distance.
_LOWEST_PSI, _HIGHEST_PSI = -2.0, 2.0


@dataclass(frozen=True)
class StyleConfig(AdversarialConfig):
    """Sizes and regularisation of a StyleGAN2; defaults are the paper's configuration F.

    Parameters
    ----------
    style
        Dimensions of w, and of the mapping network's layers.
    mapping_layers
        Of the mapping network.
    width
        Channels next to the image, doubled at each halving of the resolution up to `widest`. The paper has 16,384 over
        the side in pixels; narrower networks train on a CPU.
    widest
        Most channels of a map.
    mixing
        Probability that a training image has two styles, one below a layer at random, one from there on.
    path_weight
        Of path length regularisation; 0 leaves it out.
    path_every
        Steps between two path length regularisations.
    path_share
        Of the batch that they take, one in so many images.
    path_decay
        Share by which the mean path length moves.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    latent: int = 512
    penalty: str | None = "r1"
    penalty_every: int = 16
    generator_rate: float = 0.002
    discriminator_rate: float = 0.002
    betas: tuple[float, float] = (0.0, 0.99)
    style: int = 512
    mapping_layers: int = 8
    width: int = 64
    widest: int = 512
    mixing: float = 0.9
    path_weight: float = 2.0
    path_every: int = 4
    path_share: int = 2
    path_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            style=self.style >= 1,
            mapping_layers=self.mapping_layers >= 1,
            width=self.width >= 1,
            widest=self.widest >= 1,
            mixing=0 <= self.mixing <= 1,
            path_weight=0 <= self.path_weight < math.inf,
            path_every=self.path_every >= 1,
            path_share=self.path_share >= 1,
            path_decay=0 < self.path_decay <= 1,
        )
        halvings(self.size, "StyleGAN2")


class StyleGAN2(AdversarialModel):
    """Modulated convolutions and a skip generator against a residual discriminator.

    Latents are ``z`` [N, latent] and ``noise`` [N, numbers of all layers]; ``label`` [N] with classes. Further ones
    change which styles the layers get: ``z_2`` [N, latent] from layer ``crossover`` int64 [N] on; ``w`` float32
    [N, style_count, style] in place of z; ``psi`` float32 [N], how far styles are from their mean.
    """

    info = ModelInfo(
        title="StyleGAN2",
        paper="Karras, Laine, Aittala, Hellsten, Lehtinen and Aila 2020, Analyzing and Improving the Image Quality of "
        "StyleGAN",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[StyleConfig]] = StyleConfig
    config: StyleConfig
    generator: StyleGenerator
    truncations: ClassVar[Mapping[str, str]] = {
        "psi": "styles are drawn towards their mean: 1 leaves them, 0 gives the mean (-2 to 2)"
    }
    #: Mean of the path lengths, which regularisation draws all of them towards.
    path_mean: Tensor

    def __init__(self, config: StyleConfig, only: Sequence[str] | None = None) -> None:
        super().__init__(config, only)
        self.register_buffer("path_mean", torch.zeros(()))

    def build(self, name: str) -> nn.Module:
        """The network, with first weights from N(0, 1), scaled as they run; noise has no strength yet."""
        config, halved = self.config, halvings(self.config.size, "StyleGAN2")
        if name == "discriminator":
            return StyleDiscriminator(config.channels, halved, config.width, config.widest, config.classes)
        return StyleGenerator(
            MappingNetwork(config.latent, config.style, config.mapping_layers, config.classes),
            Synthesis(config.channels, halved, config.width, config.widest, config.style),
        )

    @property
    def style_count(self) -> int:
        """How many layers' styles an image has; the first two are those of the smallest map."""
        return self.generator.synthesis.style_count

    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """As any adversarial model, with the noise of all layers."""
        latents = super().draw(count, random, labels)
        latents["noise"] = torch.randn(count, self.generator.synthesis.noise_count, generator=random)
        return latents

    def styles(self, latents: Latents) -> Tensor:
        """w of each layer, float32 [N, style_count, style] on the model's device, truncated if the latents say so."""
        latents = {name: values.to(self.device) for name, values in latents.items() if name != "noise"}
        mapping, labels = self.generator.mapping, latents.get("label")
        shape = (-1, self.style_count, -1)
        if "w" in latents:
            w = latents["w"]
        else:
            w = mapping(latents["z"], labels)[:, None].expand(shape)
            if "z_2" in latents:
                second = mapping(latents["z_2"], labels)[:, None].expand(shape)
                layers = torch.arange(self.style_count, device=self.device)
                w = torch.where((layers < latents["crossover"][:, None])[:, :, None], w, second)
        if "psi" in latents:
            w = mapping.average + latents["psi"][:, None, None] * (w - mapping.average)
        return w

    def render(self, latents: Latents) -> Tensor:
        """Images; while the generator is in training mode they aren't cut off at −1 and 1."""
        images: Tensor = self.generator(self.styles(latents), latents.get("noise"))
        return images if self.generator.training else images.clamp(-1, 1)

    def mix(self, latents_a: Latents, latents_b: Latents, layers: Collection[int]) -> Latents:
        """Latents with the styles of `latents_b` in some layers, and all else of `latents_a` (style mixing).

        Parameters
        ----------
        latents_a, latents_b
            Of equally many images; truncated before, where they are to be.
        layers
            Those that take the style of `latents_b`, from 0 to `style_count` − 1. The first have the coarse content
            (pose, outline), the last the fine (colours, texture).

        Returns
        -------
        Latents
            On the CPU, with ``w``.

        Raises
        ------
        OptionError
            If there is no such layer.
        """
        wrong = sorted(layer for layer in layers if not 0 <= layer < self.style_count)
        if wrong:
            raise OptionError(
                f"layer {wrong[0]} is asked for", hint=f"The model has the layers 0 to {self.style_count - 1}."
            )
        taken = torch.tensor([layer in layers for layer in range(self.style_count)], device=self.device)
        w = torch.where(taken[:, None], self.styles(latents_b), self.styles(latents_a))
        kept = {name: values for name, values in latents_a.items() if name not in ("psi", "z_2", "crossover")}
        return kept | {"w": w.cpu()}

    def truncated(self, latents: Latents, truncation: Truncation) -> Latents:
        """With method ``"psi"``: w' = w̄ + ψ·(w − w̄), with w̄ the mean of w (Karras et al. 2019, appendix B)."""
        if truncation.method != "psi":
            return super().truncated(latents, truncation)
        if not _LOWEST_PSI <= truncation.value <= _HIGHEST_PSI:
            raise OptionError(
                f"the truncation psi is {truncation.value}",
                hint="It has to be from -2 to 2; 1 leaves samples as they are.",
            )
        count = len(next(iter(latents.values())))
        return latents | {"psi": torch.full((count,), truncation.value)}

    def judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The discriminator's outputs [N], of images as examples of their classes where there are some.

        Raises
        ------
        OptionError
            If the model has classes and the images have none.
        """
        if self.config.classes and labels is None:
            raise OptionError("the images have no labels, and this model has classes", hint="Give labelled images.")
        outputs: Tensor = self.discriminator(images, labels)
        return outputs

    def phases(self) -> Sequence[Phase]:
        """Those of any adversarial model, and path length regularisation with the generator's optimiser."""
        phases, config = super().phases(), self.config
        if config.path_weight == 0:
            return phases
        every = config.path_every
        return [
            replace(phase, optimiser=shared_lazily(phase.optimiser, every))
            if phase.name == "generator" and isinstance(phase.optimiser, Optimiser)
            else phase
            for phase in phases
        ] + [Phase("path-length", ("generator",), self.path_loss, "generator", every=every, reads=False)]

    def drawn(self, step: Step, count: int, labels: Tensor | None = None) -> Latents:
        """Latents of training images, on the step's device: some have two styles, noise is drawn where it is used."""
        latents = AdversarialModel.draw(self, count, step.random, labels)
        latents["z_2"] = AdversarialModel.draw(self, count, step.random)["z"]
        places = torch.randint(1, self.style_count, (count,), generator=step.random)
        mixed = torch.rand(count, generator=step.random) < self.config.mixing
        latents["crossover"] = torch.where(mixed, places, self.style_count)
        latents = {name: values.to(step.device) for name, values in latents.items()}
        # Large images have a million numbers of noise; drawing those on the CPU would take longer than the step.
        seed = int(torch.randint(1 << 62, (), generator=step.random))
        source = torch.Generator(step.device).manual_seed(seed)
        shape = (count, self.generator.synthesis.noise_count)
        return latents | {"noise": torch.randn(shape, generator=source, device=step.device)}

    def generated(self, step: Step) -> tuple[Tensor, Latents]:
        """As many images as the batch has, of the same classes, without gradients; and their latents, on the device."""
        latents = self.drawn(step, len(step.batch.images), step.batch.labels)
        with torch.no_grad():
            return self.render(latents), latents

    def generator_loss(self, step: Step) -> Losses:
        """As any adversarial model; the mean of w follows that of the batch."""
        latents = self.drawn(step, step.size)
        styles = self.styles(latents)
        self.generator.mapping.track(Processes().mean(styles[:, 0].detach().mean(dim=0)))
        images: Tensor = self.generator(styles, latents["noise"])
        outputs = self.judge(self.seen(images, step), latents.get("label"))
        return {"adversarial": find_loss(self.config.loss).generator(outputs)} | self.spectral_term(step, images)

    def path_loss(self, step: Step) -> Losses:
        """Path length regularisation, in float32, times the steps that it stands for."""
        config = self.config
        latents = self.drawn(step, max(step.size // config.path_share, 1))
        with torch.autocast(step.device.type, enabled=False):
            styles = self.styles(latents)
            lengths = path_lengths(self.generator(styles, latents["noise"]), styles, step.random)
            penalty = path_length_penalty(lengths, self.path_mean, config.path_decay, Processes().mean)
        return {"penalty": config.path_every * config.path_weight * penalty}
