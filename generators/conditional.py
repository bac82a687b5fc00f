"""Adversarial models whose images have a class, known to generator and discriminator alike."""

from __future__ import annotations

from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.adversarial import AdversarialModel
from ganeval.generators.model import Latents


class ConditionalModel(AdversarialModel):
    """A generator of latent vectors and labels against a discriminator of images and labels.

    A subclass builds a generator that takes z [N, latent] and labels int64 [N], and a discriminator that takes images
    [N, C, H, W] and labels.
    """

    def render(self, latents: Latents) -> Tensor:
        """Images of ``z`` and ``label``."""
        images: Tensor = self.generator(latents["z"], latents["label"])
        return images

    def judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The discriminator's outputs [N], larger for images that look more like real ones of their class.

        Raises
        ------
        OptionError
            If there are no labels.
        """
        outputs: Tensor = self.discriminator(images, given(labels))
        return outputs


def given(labels: Tensor | None) -> Tensor:
    """The labels of a batch.

    Raises
    ------
    OptionError
        If there are none.
    """
    if labels is None:
        raise OptionError("the images have no labels, and this model needs labels", hint="Give labelled images.")
    return labels


def require_labels(classes: int, model: str) -> None:
    """Check that a model which can't do without classes has some.

    Raises
    ------
    OptionError
        If `classes` is 0.
    """
    if classes < 1:
        raise OptionError(
            f"{model} needs labels: its number of classes is {classes}",
            hint="Train it on labelled images, such as fashion-mnist; classes has to be 1 or more.",
        )
