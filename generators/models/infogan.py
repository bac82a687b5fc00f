"""The information maximising GAN of Chen et al. (2016)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganeval.errors import OptionError
from ganeval.generators.adversarial import AdversarialModel, on_device
from ganeval.generators.losses.adversarial import find_loss
from ganeval.generators.losses.information import categorical_information, gaussian_information
from ganeval.generators.model import Condition, Latents, Losses, ModelInfo, Step, unknown_condition
from ganeval.generators.models.dcgan import ConvolutionalConfig
from ganeval.generators.networks.convolutional import Generator
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.recognition import Recognised, RecognisingDiscriminator
from ganeval.generators.networks.sizes import halvings


@dataclass(frozen=True)
class InfoGANConfig(ConvolutionalConfig):
    """An InfoGAN's codes, sizes and weights; the defaults are the paper's for MNIST (appendix C.1).

    Parameters
    ----------
    categories
        How many values each categorical code has.
    continuous
        How many continuous codes there are, uniform on [-1, 1].
    hidden
        Units of the fully connected layer of each network.
    category_weight, continuous_weight
        λ of the two kinds of codes: 1 for categorical ones; less for continuous ones, whose log-densities have a
        larger scale (section 6).
    """

    latent: int = 62
    generator_rate: float = 1e-3
    categories: tuple[int, ...] = (10,)
    continuous: int = 2
    hidden: int = 1024
    category_weight: float = 1.0
    continuous_weight: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            categories=all(values >= 2 for values in self.categories),
            continuous=self.continuous >= 0,
            hidden=self.hidden >= 1,
            category_weight=self.category_weight >= 0,
            continuous_weight=self.continuous_weight >= 0,
        )
        if not self.categories and not self.continuous:
            raise OptionError("an InfoGAN needs a code", hint="Set categories or continuous.")


class InfoGAN(AdversarialModel):
    """A GAN whose generator keeps the mutual information of some of its inputs, the codes, and its images high.

    Q, a head on the discriminator's trunk, guesses the codes; E[log Q] plus their entropy is a lower bound L_I of the
    mutual information, and min over G, Q and max over D of V(D, G) − λ L_I is sought (equation 6). As the trunk is
    shared, Q and it climb along λ L_I in the discriminator's phase, the generator in its own.
    """

    info = ModelInfo(
        title="InfoGAN",
        paper="Chen et al. 2016, InfoGAN: Interpretable Representation Learning by Information Maximizing Generative "
        "Adversarial Nets",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[InfoGANConfig]] = InfoGANConfig
    config: InfoGANConfig
    discriminator: RecognisingDiscriminator

    def build(self, name: str) -> nn.Module:
        """The network, with a DCGAN's first weights."""
        config, halved = self.config, halvings(self.config.size, "an InfoGAN")
        network: nn.Module
        if name == "generator":
            inputs = config.latent + sum(config.categories) + config.continuous
            network = nn.Sequential(
                nn.Linear(inputs, config.hidden, bias=False),
                nn.BatchNorm1d(config.hidden),
                nn.ReLU(),
                Generator(config.hidden, config.channels, halved, config.width),
            )
        else:
            network = RecognisingDiscriminator(
                config.channels,
                halved,
                config.width,
                config.norm,
                config.hidden,
                config.categories,
                config.continuous,
            )
        initialise_normal(network)
        return network

    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """Noise ``z``, ``categories`` int64 [count, number of categorical codes], ``codes`` float32 [count, M]."""
        drawn = [torch.randint(values, (count,), generator=random) for values in self.config.categories]
        return super().draw(count, random, labels) | {
            "categories": torch.stack(drawn, dim=1) if drawn else torch.empty(count, 0, dtype=torch.int64),
            "codes": torch.rand(count, self.config.continuous, generator=random) * 2 - 1,
        }

    def render(self, latents: Latents) -> Tensor:
        """Images of noise, one-hot categories and codes."""
        columns = zip(latents["categories"].T, self.config.categories, strict=True)
        marked = [one_hot(column, values).to(latents["z"].dtype) for column, values in columns]
        images: Tensor = self.generator(torch.cat([latents["z"], *marked, latents["codes"]], dim=1))
        return images

    def fixed(
        self, latents: Latents, categories: Mapping[int, int] | None = None, codes: Mapping[int, float] | None = None
    ) -> Latents:
        """The same latents with some codes at given values.

        Parameters
        ----------
        latents
            From `draw`.
        categories
            Value, from 0, by number of the categorical code, from 0.
        codes
            Value by number of the continuous code. Those beyond [-1, 1] weren't seen in training, but are allowed.

        Raises
        ------
        OptionError
            If there is no such code or category.
        """
        chosen, values = latents["categories"].clone(), latents["codes"].clone()
        for number, category in (categories or {}).items():
            if not 0 <= number < len(self.config.categories):
                raise OptionError(f"this model has no categorical code {number}", hint=self._codes_in_words())
            if not 0 <= category < self.config.categories[number]:
                raise OptionError(f"categorical code {number} can't be {category}", hint=self._codes_in_words())
            chosen[:, number] = category
        for number, value in (codes or {}).items():
            if not 0 <= number < self.config.continuous:
                raise OptionError(f"this model has no continuous code {number}", hint=self._codes_in_words())
            values[:, number] = value
        return latents | {"categories": chosen, "codes": values}

    @property
    def conditions(self) -> Mapping[str, Condition]:
        """The codes as the paper numbers them: first the categorical ones, then the continuous: c1, c2, c3."""
        categories = [
            Condition(f"categorical code, 0 to {values - 1}", tuple(range(values))) for values in self.config.categories
        ]
        continuous = [Condition("continuous code, -1 to 1", (-1.0, -0.5, 0.0, 0.5, 1.0))] * self.config.continuous
        return {f"c{number}": one for number, one in enumerate([*categories, *continuous], start=1)}

    def conditioned(self, latents: Latents, fixed: Mapping[str, float]) -> Latents:
        """Codes at values, by their names in `conditions`; see `fixed`.

        Raises
        ------
        OptionError
            If there is no such code or category.
        """
        categories, codes = {}, {}
        names, first = list(self.conditions), len(self.config.categories)
        for name, value in fixed.items():
            if name not in names:
                raise unknown_condition(name, names)
            number = names.index(name)
            if number >= first:
                codes[number - first] = value
            elif not float(value).is_integer() or not 0 <= value < self.config.categories[number]:
                raise OptionError(f"{name} is to be {value:g}", hint=f"It is a {self.conditions[name].meaning}.")
            else:
                categories[number] = int(value)
        return self.fixed(latents, categories, codes)

    def _codes_in_words(self) -> str:
        return (
            f"It has {len(self.config.categories)} categorical codes of {list(self.config.categories)} values and "
            f"{self.config.continuous} continuous ones, all numbered from 0."
        )

    def discriminator_loss(self, step: Step) -> Losses:
        """The adversarial loss, −λ L_I, and the penalty unless it's lazy."""
        real, labels = step.batch.images, step.batch.labels
        fake, latents = self.generated(step)
        judged = self.judge(self.seen(real, step), labels)
        self.watch(judged)
        outputs, recognised = self.discriminator.judge_and_recognise(self.seen(fake, step))
        losses = {"adversarial": find_loss(self.config.loss).discriminator(judged, outputs)}
        return losses | self._uninformative(recognised, latents) | self.prompt_penalty(step, real, fake, labels)

    def generator_loss(self, step: Step) -> Losses:
        """The adversarial loss, −λ L_I, and the spectral loss if it has a weight."""
        latents = on_device(self.draw(step.size, step.random), step.device)
        images = self.render(latents)
        outputs, recognised = self.discriminator.judge_and_recognise(self.seen(images, step))
        losses = {"adversarial": find_loss(self.config.loss).generator(outputs)}
        return losses | self._uninformative(recognised, latents) | self.spectral_term(step, images)

    def _uninformative(self, recognised: Recognised, latents: Latents) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        if recognised.categories:
            columns = zip(recognised.categories, latents["categories"].T, strict=True)
            known = [categorical_information(scores, column) for scores, column in columns]
            losses["categories"] = -self.config.category_weight * torch.stack(known).sum()
        if self.config.continuous:
            known_codes = gaussian_information(recognised.mean, recognised.log_deviation, latents["codes"])
            losses["codes"] = -self.config.continuous_weight * known_codes
        return losses
