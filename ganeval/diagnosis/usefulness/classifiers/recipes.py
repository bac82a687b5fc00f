"""How classifiers are trained: learning rates, augmentation and number of epochs of papers, scaled to any number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ganeval.errors import OptionError

#: Edge in pixels up to which images are small, and get another network and recipe.
SMALL_EDGE = 64
PRECISIONS = ("fp32", "bf16", "fp16")
CROPS = ("resized", "shifted")


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained by SGD with momentum.

    Parameters
    ----------
    epochs
        Passes over the images.
    batch_size
        Images a step, over all processes; no more than there are.
    learning_rate
        For a batch of 256; proportional to the batch (Goyal et al. 2017, section 2.1).
    momentum, weight_decay
        Of SGD; weights of one dimension (biases, normalisation) don't decay.
    warm_up
        Share of the steps in which the learning rate rises from 0.
    drops
        Shares of the steps after which the learning rate is a tenth of what it was.
    crop
        ``"resized"``: a random part of 8 % to 100 % of the area and of proportions 3:4 to 4:3, brought to the image's
        size (Szegedy et al. 2015), and tested on the middle seven eighths; ``"shifted"``: the image moved by up to an
        eighth of its edge (He et al. 2016, section 4.2), and tested on the whole.
    flip
        Whether half of the images are mirrored.
    precision
        ``"fp32"``, ``"bf16"`` or ``"fp16"`` (with scaled losses); weights stay float32.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    weight_decay: float
    warm_up: float
    drops: tuple[float, ...]
    crop: str
    flip: bool = True
    precision: str = "fp32"

    def __post_init__(self) -> None:
        allowed = {
            "epochs": self.epochs >= 1,
            "batch_size": self.batch_size >= 2,
            "learning_rate": math.isfinite(self.learning_rate) and self.learning_rate > 0,
            "momentum": 0 <= self.momentum < 1,
            "weight_decay": self.weight_decay >= 0,
            "warm_up": 0 <= self.warm_up <= 1,
            "drops": all(0 < drop <= 1 for drop in self.drops),
            "crop": self.crop in CROPS,
            "precision": self.precision in PRECISIONS,
        }
        for name, fits in allowed.items():
            if not fits:
                known = {"crop": CROPS, "precision": PRECISIONS}.get(name)
                raise OptionError(
                    f"{name.replace('_', ' ')} of the classifier's training is {getattr(self, name)!r}",
                    hint=None if known is None else f"Choose one of {', '.join(known)}.",
                )

    def rate(self, step: int, steps: int, batch: int) -> float:
        """The learning rate of step number `step` (0 is the first) of `steps`, with `batch` images in each."""
        full = self.learning_rate * batch / 256
        rising = round(self.warm_up * steps)
        if step < rising:
            return float(full * (step + 1) / rising)
        return float(full * 0.1 ** sum(step >= round(drop * steps) for drop in self.drops))


#: The usual recipe of ResNet-50 on ImageNet (Goyal et al. 2017, section 5.1), the network of the score's paper.
LARGE = Recipe(
    epochs=90,
    batch_size=256,
    learning_rate=0.1,
    momentum=0.9,
    weight_decay=1e-4,
    warm_up=5 / 90,
    drops=(30 / 90, 60 / 90, 80 / 90),
    crop="resized",
)
#: That of residual networks on CIFAR-10 (He et al. 2016, section 4.2): 64,000 steps of 128 images, 164 epochs there.
SMALL = Recipe(
    epochs=164,
    batch_size=128,
    learning_rate=0.2,
    momentum=0.9,
    weight_decay=1e-4,
    warm_up=0.02,
    drops=(0.5, 0.75),
    crop="shifted",
)


def recipe_for(size: int) -> Recipe:
    """The recipe for images of `size` pixels a side."""
    return SMALL if size <= SMALL_EDGE else LARGE
