"""The variational autoencoder of Kingma and Welling (2014)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganeval.errors import OptionError, did_you_mean
from ganeval.generators.configuration import ModelConfig
from ganeval.generators.losses.likelihood import (
    bernoulli_log_likelihood,
    divergence_from_standard_normal,
    gaussian_log_likelihood,
)
from ganeval.generators.model import Latents, Losses, ModelInfo, Phase, Sampler, Step
from ganeval.generators.networks.sizes import halvings
from ganeval.generators.networks.variational import VariationalDecoder, VariationalEncoder
from ganeval.generators.optimisers import Optimiser

_Likelihood = Callable[["VAE", Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class VAEConfig(ModelConfig):
    """How images are encoded, decoded and compared.

    Parameters
    ----------
    latent
        Dimensions of the latent vector.
    width
        Channels next to the image, doubled at each halving of the resolution.
    likelihood
        Of pixels given their decoded values: ``"gaussian"`` or ``"bernoulli"``.
    deviation
        Standard deviation σ of the Gaussian likelihood on the scale [-1, 1]; None learns it, one number for all pixels
        (Rybkin et al. 2021).
    beta
        Weight of the divergence from the prior: 1 for the evidence lower bound, more for codes that are more
        independent of each other (Higgins et al. 2017).
    optimiser
        ``"adam"``, ``"adamw"``, ``"rmsprop"`` or ``"sgd"``.
    learning_rate, betas
        Of it.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    latent: int = 32
    width: int = 32
    likelihood: str = "gaussian"
    deviation: float | None = None
    beta: float = 1.0
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            latent=self.latent >= 1,
            width=self.width >= 1,
            deviation=self.deviation is None or 0 < self.deviation < float("inf"),
            beta=0 <= self.beta < float("inf"),
        )
        if self.likelihood not in LIKELIHOODS:
            raise OptionError(
                f"unknown likelihood {self.likelihood!r}", hint=did_you_mean(self.likelihood, LIKELIHOODS)
            )
        halvings(self.size, "a VAE")
        Optimiser(self.optimiser, self.learning_rate, self.betas)


def _gaussian(model: VAE, activations: Tensor, images: Tensor) -> Tensor:
    learned = model.decoder.log_deviation
    deviation = learned if model.config.deviation is None else learned.detach()
    return gaussian_log_likelihood(activations, images, deviation)


def _bernoulli(model: VAE, activations: Tensor, images: Tensor) -> Tensor:
    return bernoulli_log_likelihood(activations, images)


#: log p(x|z) [N] of a model, the decoder's activations and images, by name.
LIKELIHOODS: dict[str, _Likelihood] = {"gaussian": _gaussian, "bernoulli": _bernoulli}


class VAE(Sampler):
    """An encoder and a decoder that climb along the evidence lower bound (equation 10, with one draw an image).

    Samples are what the decoder expects: means, without the pixels' own noise.
    """

    info = ModelInfo(
        title="Variational autoencoder",
        paper="Kingma and Welling 2014, Auto-Encoding Variational Bayes",
        task="unconditional",
        data="images",
    )
    Config: ClassVar[type[VAEConfig]] = VAEConfig
    networks: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    sampled: ClassVar[tuple[str, ...]] = ("decoder",)
    encoder: VariationalEncoder
    decoder: VariationalDecoder
    config: VAEConfig

    def build(self, name: str) -> nn.Module:
        """``"encoder"`` or ``"decoder"``, with torch's own first weights."""
        config, halved = self.config, halvings(self.config.size, "a VAE")
        if name == "encoder":
            return VariationalEncoder(config.latent, config.channels, halved, config.width)
        deviation = 1.0 if config.deviation is None else config.deviation
        return VariationalDecoder(config.latent, config.channels, halved, config.width, deviation)

    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """``z`` of the prior N(0, I)."""
        return {"z": torch.randn(count, self.config.latent, generator=random)}

    def render(self, latents: Latents) -> Tensor:
        """The decoder's means of images, given ``z``."""
        images: Tensor = self.decoder(latents["z"]).tanh()
        return images

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ², [N, latent] each, of the images' [N, C, H, W] latent vectors.

        Raises
        ------
        OptionError
            If the encoder isn't there: weights that are shipped have the decoder alone.
        """
        if "encoder" not in self._modules:
            raise OptionError(
                "this VAE has no encoder", hint="Weights for sampling hold the decoder alone; use a checkpoint."
            )
        mean, log_variance = self.encoder(images)
        return mean, log_variance

    def reconstruct(self, images: Tensor, random: torch.Generator | None = None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1], encoded and decoded.

        Parameters
        ----------
        images
            float32 [N, C, H, W] in [-1, 1].
        random
            Draws z, on the CPU; None takes its mean.
        """
        mean, log_variance = self.encode(images)
        return self.render({"z": mean if random is None else _drawn(mean, log_variance, random)})

    def phases(self) -> Sequence[Phase]:
        """One, of both networks."""
        config = self.config
        optimiser = Optimiser(config.optimiser, config.learning_rate, config.betas)
        return [Phase("vae", ("encoder", "decoder"), self.loss, optimiser)]

    def loss(self, step: Step) -> Losses:
        """Means over the images, in nats: −log p(x|z), and β KL(q(z|x) ‖ p(z)); the sum is −ELBO for β = 1."""
        images = step.batch.images
        # Sums over all pixels need more range and precision than half has.
        mean, log_variance = (part.float() for part in self.encode(images))
        activations = self.decoder(_drawn(mean, log_variance, step.random)).float()
        return {
            "reconstruction": -LIKELIHOODS[self.config.likelihood](self, activations, images).mean(),
            "divergence": self.config.beta * divergence_from_standard_normal(mean, log_variance).mean(),
        }


def _drawn(mean: Tensor, log_variance: Tensor, random: torch.Generator) -> Tensor:
    """z = μ + σ ε (section 2.4)."""
    noise = torch.randn(mean.shape, generator=random).to(mean.device)
    return mean + (log_variance / 2).exp() * noise
