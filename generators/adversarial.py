"""Models of a generator against a discriminator: their phases, from a loss and a penalty by name."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganeval.errors import OptionError
from ganeval.generators.augmentation.adapting import EVERY, adapted
from ganeval.generators.augmentation.augmentations import find_augmentation
from ganeval.generators.configuration import ModelConfig
from ganeval.generators.losses.adversarial import find_loss
from ganeval.generators.losses.penalties import find_penalty
from ganeval.generators.losses.spectral import mean_profile, spectral_loss
from ganeval.generators.model import Latents, Losses, Phase, Sampler, Step, Truncation
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.training.processes import Processes


@dataclass(frozen=True)
class AdversarialConfig(ModelConfig):
    """How a generator is trained against a discriminator; models set defaults and add their sizes.

    Parameters
    ----------
    latent
        Dimensions of the latent vector.
    prior
        ``"normal"`` or ``"uniform"`` on [-1, 1).
    loss
        A name in `ganeval.generators.losses.adversarial.LOSSES`.
    penalty
        A name in `ganeval.generators.losses.penalties.PENALTIES`, or None.
    penalty_weight
        None takes the penalty's own.
    penalty_every
        Steps between two penalties; above 1 they get a phase of their own, and the weight is multiplied (lazy
        regularisation, Karras et al. 2020, section 3.1).
    critic_steps
        Steps of the discriminator for each of the generator.
    optimiser
        ``"adam"``, ``"adamw"``, ``"rmsprop"`` or ``"sgd"``.
    generator_rate, discriminator_rate
        Learning rates; two of them are the two time-scale update rule (Heusel et al. 2017).
    betas
        Of Adam.
    augment
        What images go through before the discriminator sees them: a name in
        `ganeval.generators.augmentation.augmentations.AUGMENTATIONS`, or None.
    augment_target
        Of an adaptive augmentation: the mean sign of the outputs for real images that its probability keeps to.
    augment_images
        Of an adaptive augmentation: real images in which its probability can go from 0 to 1.
    spectral_weight
        Of the spectral loss (Durall et al. 2020), which is added to the generator's; 0 leaves it out.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    latent: int = 128
    prior: str = "normal"
    loss: str = "non-saturating"
    penalty: str | None = None
    penalty_weight: float | None = None
    penalty_every: int = 1
    critic_steps: int = 1
    optimiser: str = "adam"
    generator_rate: float = 2e-4
    discriminator_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    augment: str | None = None
    augment_target: float = 0.6
    augment_images: int = 500_000
    spectral_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        loss = find_loss(self.loss)
        if self.augment is not None and find_augmentation(self.augment).adaptive and loss.boundary is None:
            raise OptionError(
                f"{self.augment!r} can't adapt to the loss {self.loss!r}, whose outputs don't say real or generated",
                hint="Choose augment=diffaugment, or another loss.",
            )
        if self.penalty is not None:
            find_penalty(self.penalty)
        if self.prior not in PRIORS:
            raise OptionError(f"unknown prior {self.prior!r}", hint=f"Known: {', '.join(PRIORS)}.")
        self.require(
            latent=self.latent >= 1,
            critic_steps=self.critic_steps >= 1,
            penalty_every=self.penalty_every >= 1,
            augment_target=-1 <= self.augment_target <= 1,
            augment_images=self.augment_images >= 1,
            spectral_weight=0 <= self.spectral_weight < math.inf,
        )
        for rate in (self.generator_rate, self.discriminator_rate):
            Optimiser(self.optimiser, rate, self.betas)


def _normal(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=random)


def _uniform(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=random) * 2 - 1


#: Priors of latent vectors, with how paths between two go.
PRIORS = {"normal": (_normal, "gaussian"), "uniform": (_uniform, "linear")}


class AdversarialModel(Sampler):
    """A generator against a discriminator.

    A subclass builds ``"generator"`` and ``"discriminator"``. Where they take more than z and an image (labels, codes),
    it overrides `draw`, `render` and `judge`; where its losses differ, `discriminator_loss` and `generator_loss`. These
    pass `seen` images to the discriminator, tell `watch` how real ones were judged, and add `prompt_penalty` and
    `spectral_term`.
    """

    networks: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    sampled: ClassVar[tuple[str, ...]] = ("generator",)
    generator: nn.Module
    discriminator: nn.Module
    config: AdversarialConfig
    #: Of an adaptive augmentation: its probability; and of the real images that were judged since it last changed, the
    #: sum of signs, the number of images and that of minibatches.
    augment_probability: Tensor
    augment_watched: Tensor

    def __init__(self, config: AdversarialConfig, only: Sequence[str] | None = None) -> None:
        super().__init__(config, only)
        if self._adapts:
            self.register_buffer("augment_probability", torch.zeros(()))
            self.register_buffer("augment_watched", torch.zeros(3))

    @abstractmethod
    def build(self, name: str) -> nn.Module:
        """``"generator"`` or ``"discriminator"``."""

    @property
    def geometry(self) -> str:
        """As the prior has it: a cube is convex, and straight paths stay in it."""
        return PRIORS[self.config.prior][1]

    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """Latent vectors of the prior; with classes, uniform labels where none are asked for."""
        prior, _ = PRIORS[self.config.prior]
        latents = {"z": prior((count, self.config.latent), random)}
        if self.config.classes:
            drawn = torch.randint(self.config.classes, (count,), generator=random)
            latents["label"] = drawn if labels is None else labels
        return latents

    def render(self, latents: Latents) -> Tensor:
        """Images of ``z``."""
        images: Tensor = self.generator(latents["z"])
        return images

    def judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The discriminator's outputs, larger for images [N, C, H, W] that look more real."""
        outputs: Tensor = self.discriminator(images)
        return outputs

    def truncated(self, latents: Latents, truncation: Truncation) -> Latents:
        """With method ``"threshold"``: coordinates of z beyond the value are replaced by ones within it.

        A coordinate's replacement follows from itself: its quantile within the truncated normal distribution, so that
        one seed gives one series of pictures whose values shrink with the threshold.
        """
        if truncation.method != "threshold" or truncation.method not in self.truncations:
            return super().truncated(latents, truncation)
        if self.config.prior != "normal":
            raise OptionError(f"z of a {self.config.prior} prior isn't truncated", hint="Only a normal one has tails.")
        if not 0 < truncation.value < float("inf"):
            raise OptionError(f"the truncation threshold is {truncation.value}", hint="It has to be above 0.")
        return latents | {"z": truncated_normal(latents["z"], truncation.value)}

    def phases(self) -> Sequence[Phase]:
        """The discriminator's, its lazy penalty's where there is one, and the generator's."""
        config = self.config
        every = config.penalty_every if config.penalty is not None else 1
        judging = Optimiser(config.optimiser, config.discriminator_rate, config.betas)
        if every > 1:
            judging = shared_lazily(judging, every)
        phases = [
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator_loss,
                judging,
                repeats=config.critic_steps,
                after=self._adapt if self._adapts else None,
            ),
        ]
        if every > 1:
            phases.append(Phase("penalty", ("discriminator",), self._lazy_penalty, "discriminator", every=every))
        optimiser = Optimiser(config.optimiser, config.generator_rate, config.betas)
        reads = config.spectral_weight > 0
        phases.append(Phase("generator", ("generator",), self.generator_loss, optimiser, reads=reads))
        return phases

    def discriminator_loss(self, step: Step) -> Losses:
        """The adversarial loss, and the penalty unless it's lazy."""
        real, labels = step.batch.images, step.batch.labels
        fake, fake_labels = self._generated(step)
        judged = self.judge(self.seen(real, step), labels)
        self.watch(judged)
        loss = find_loss(self.config.loss).discriminator(judged, self.judge(self.seen(fake, step), fake_labels))
        return {"adversarial": loss} | self.prompt_penalty(step, real, fake, labels)

    def generator_loss(self, step: Step) -> Losses:
        """The adversarial loss, and the spectral one if it has a weight."""
        latents = on_device(self.draw(step.size, step.random), step.device)
        images = self.render(latents)
        outputs = self.judge(self.seen(images, step), latents.get("label"))
        return {"adversarial": find_loss(self.config.loss).generator(outputs)} | self.spectral_term(step, images)

    def seen(self, images: Tensor, step: Step) -> Tensor:
        """What the discriminator sees of images [N, C, H, W], real and generated alike: augmented, or as they are."""
        if self.config.augment is None:
            return images
        probability = float(self.augment_probability) if self._adapts else 1.0
        return find_augmentation(self.config.augment).apply(images, probability, step.random)

    @torch.no_grad()
    def watch(self, outputs: Tensor) -> None:
        """Keep in mind the discriminator's outputs for real images, to which an adaptive augmentation adapts."""
        if self._adapts:
            signs = torch.sign(outputs.detach().float() - (find_loss(self.config.loss).boundary or 0.0))
            self.augment_watched[0] += signs.mean() * len(outputs)
            self.augment_watched[1] += len(outputs)

    def spectral_term(self, step: Step, images: Tensor) -> dict[str, Tensor]:
        """The spectral loss of generated images against the batch's as a term; none where it has no weight."""
        if self.config.spectral_weight == 0:
            return {}
        target = mean_profile(step.batch.images)
        return {"spectral": self.config.spectral_weight * spectral_loss(images, target)}

    def generated(self, step: Step) -> tuple[Tensor, Latents]:
        """As many images as the batch has, of the same classes, without gradients; and their latents, on the device."""
        # A discriminator that saw other shares of the classes in generated images would learn those instead.
        latents = self.draw(len(step.batch.images), step.random, step.batch.labels)
        latents = on_device(latents, step.device)
        with torch.no_grad():
            return self.render(latents), latents

    def prompt_penalty(self, step: Step, real: Tensor, fake: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """The penalty as a term of the discriminator's loss; none where there is no penalty or it's lazy."""
        if self.config.penalty is None or self.config.penalty_every > 1:
            return {}
        return {"penalty": self._penalty(step, real, fake, labels)}

    def _generated(self, step: Step) -> tuple[Tensor, Tensor | None]:
        images, latents = self.generated(step)
        return images, latents.get("label")

    def _lazy_penalty(self, step: Step) -> Losses:
        real, labels = step.batch.images, step.batch.labels
        fake, _ = self._generated(step)
        return {"penalty": self.config.penalty_every * self._penalty(step, real, fake, labels)}

    def _penalty(self, step: Step, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        penalty = find_penalty(self.config.penalty or "")
        weight = penalty.weight if self.config.penalty_weight is None else self.config.penalty_weight
        term: Tensor = weight * penalty.compute(
            lambda images: self.judge(self.seen(images, step), labels), real, fake, step.random
        )
        return term

    @property
    def _adapts(self) -> bool:
        return self.config.augment is not None and find_augmentation(self.config.augment).adaptive

    def _adapt(self) -> None:
        """Count a minibatch, and after every fourth move the probability of the augmentation."""
        self.augment_watched[2] += 1
        if self.augment_watched[2] < EVERY:
            return
        processes = Processes()
        signs, images, _ = processes.mean(self.augment_watched.clone()).tolist()
        if images == 0:
            raise OptionError(
                f"{self.config.augment!r} has nothing to adapt to in this model", hint="Choose augment=diffaugment."
            )
        probability = adapted(
            float(self.augment_probability),
            signs / images,
            images * processes.count,
            target=self.config.augment_target,
            images_to_one=self.config.augment_images,
        )
        self.augment_probability.fill_(probability)
        self.augment_watched.zero_()


def shared_lazily(optimiser: Optimiser, every: int) -> Optimiser:
    """An optimiser for a loss and a regulariser that runs in one of `every` steps (Karras et al. 2020, appendix B).

    It steps (every + 1) / every times as often, which its rate and averages have to know.
    """
    share = every / (every + 1)
    betas = (optimiser.betas[0] ** share, optimiser.betas[1] ** share)
    return replace(optimiser, learning_rate=optimiser.learning_rate * share, betas=betas)


def on_device(latents: Latents, device: torch.device) -> Latents:
    """The same latents on a device."""
    return {name: values.to(device, non_blocking=True) for name, values in latents.items()}


def truncated_normal(z: Tensor, threshold: float) -> Tensor:
    """Normal values [...] as values of the normal distribution truncated to [−threshold, threshold], order kept."""
    normal = torch.special.ndtr
    limit = torch.tensor(threshold, dtype=torch.float64)
    low, high = normal(-limit), normal(limit)
    inside = low + normal(z.double()) * (high - low)
    truncated: Tensor = torch.special.ndtri(inside).clamp(-threshold, threshold).to(z.dtype)
    return truncated
