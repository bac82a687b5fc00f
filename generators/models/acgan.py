"""The auxiliary classifier GAN of Odena, Olah and Shlens (2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganeval.generators.adversarial import on_device
from ganeval.generators.conditional import ConditionalModel, given, require_labels
from ganeval.generators.losses.adversarial import find_loss
from ganeval.generators.model import Losses, ModelInfo, Step
from ganeval.generators.models.dcgan import ConvolutionalConfig
from ganeval.generators.networks.conditional import LabelledGenerator, TwoHeadedDiscriminator
from ganeval.generators.networks.convolutional import Generator
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.sizes import halvings


@dataclass(frozen=True)
class ACGANConfig(ConvolutionalConfig):
    """Sizes of an AC-GAN's networks, and the weight of its classification.

    Parameters
    ----------
    embedding
        Dimensions of the generator's vector of a label.
    class_weight
        Of the discriminator's log-likelihood of the classes, L_C, next to that of the sources, L_S. The paper has 1.
    """

    embedding: int = 50
    class_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_labels(self.classes, "an AC-GAN")
        self.require(embedding=self.embedding >= 1, class_weight=self.class_weight >= 0)


class ACGAN(ConditionalModel):
    """The discriminator also names the class of each image, real or generated, and both networks gain by it.

    With L_S the log-likelihood of the right source and L_C that of the right class (equations 2 and 3), the
    discriminator climbs along L_S + L_C and the generator along L_C − L_S; the adversarial part is the loss of the
    configuration's name, of which the paper's is one.
    """

    info = ModelInfo(
        title="Auxiliary classifier GAN",
        paper="Odena, Olah and Shlens 2017, Conditional Image Synthesis with Auxiliary Classifier GANs",
        task="conditional",
        data="labelled",
    )
    Config: ClassVar[type[ACGANConfig]] = ACGANConfig
    config: ACGANConfig

    def build(self, name: str) -> nn.Module:
        """The network, with a DCGAN's first weights (the paper's appendix A also draws from N(0, 0.02²))."""
        config, halved = self.config, halvings(self.config.size, "an AC-GAN")
        network: nn.Module = (
            LabelledGenerator(
                Generator(config.latent + config.embedding, config.channels, halved, config.width),
                config.classes,
                config.embedding,
            )
            if name == "generator"
            else TwoHeadedDiscriminator(config.channels, halved, config.width, config.norm, config.classes)
        )
        initialise_normal(network)
        return network

    def judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The outputs [N] on the images' source; labels play no part in them."""
        outputs: Tensor = self.discriminator(images)[0]
        return outputs

    def discriminator_loss(self, step: Step) -> Losses:
        """The adversarial loss, −L_C over real and generated images, and the penalty unless it's lazy."""
        real, labels = step.batch.images, given(step.batch.labels)
        fake, latents = self.generated(step)
        on_real, real_scores = self.discriminator(self.seen(real, step))
        on_fake, fake_scores = self.discriminator(self.seen(fake, step))
        self.watch(on_real)
        wrong = cross_entropy(real_scores, labels) + cross_entropy(fake_scores, latents["label"])
        losses: dict[str, Tensor] = {
            "adversarial": find_loss(self.config.loss).discriminator(on_real, on_fake),
            "class": self.config.class_weight * wrong,
        }
        return losses | self.prompt_penalty(step, real, fake, labels)

    def generator_loss(self, step: Step) -> Losses:
        """The adversarial loss, −L_C over generated images, and the spectral loss if it has a weight."""
        latents = on_device(self.draw(step.size, step.random), step.device)
        images = self.render(latents)
        outputs, scores = self.discriminator(self.seen(images, step))
        losses: dict[str, Tensor] = {
            "adversarial": find_loss(self.config.loss).generator(outputs),
            "class": self.config.class_weight * cross_entropy(scores, latents["label"]),
        }
        return losses | self.spectral_term(step, images)
