"""What configurations of models with an autoencoder for a discriminator have in common."""

from __future__ import annotations

from ganeval.errors import OptionError
from ganeval.generators.adversarial import AdversarialConfig
from ganeval.generators.augmentation.augmentations import find_augmentation


def require_own_loss(config: AdversarialConfig, model: str) -> None:
    """Refuse what asks for the outputs of a classifier: another loss, or an augmentation that adapts to them.

    Raises
    ------
    OptionError
        If the configuration has either; `model` is what the message calls the model.
    """
    if config.loss != AdversarialConfig.loss:
        raise OptionError(f"{model} has a loss of its own, and loss is {config.loss!r}", hint="Leave out the loss.")
    if config.augment is not None and find_augmentation(config.augment).adaptive:
        raise OptionError(
            f"{config.augment!r} can't adapt to {model}, whose outputs don't say real or generated",
            hint="Choose augment=diffaugment.",
        )
