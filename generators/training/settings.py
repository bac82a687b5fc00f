"""How a training run goes, whatever the model."""

from __future__ import annotations

from dataclasses import dataclass

from ganeval.errors import OptionError

#: Names of the arithmetic that networks may run in.
PRECISIONS = ("fp32", "bf16", "fp16")


@dataclass(frozen=True)
class TrainingSettings:
    """How a training run goes, whatever the model.

    Parameters
    ----------
    batch_size
        Real images in each batch, over all processes and micro-batches together.
    seed
        All that is random follows from it; 0 or more.
    average_decay
        Share of the averaged networks that each step keeps; smaller in the first steps, when there is little to keep.
    precision
        ``"fp32"``, ``"bf16"`` or ``"fp16"`` (with scaled losses); weights, averages and penalties stay float32.
    accumulate
        Micro-batches whose gradients are added up, to fit a batch into memory.
    flip
        Whether images are mirrored at random, left to right.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    batch_size: int = 64
    seed: int = 0
    average_decay: float = 0.999
    precision: str = "fp32"
    accumulate: int = 1
    flip: bool = False

    def __post_init__(self) -> None:
        allowed = {
            "batch_size": (self.batch_size >= 1, "It has to be 1 or more."),
            "seed": (self.seed >= 0, "It has to be 0 or more."),
            "average_decay": (0 <= self.average_decay < 1, "It has to be from 0 to below 1."),
            "precision": (self.precision in PRECISIONS, f"Choose one of {', '.join(PRECISIONS)}."),
            "accumulate": (
                self.accumulate >= 1 and self.batch_size % self.accumulate == 0,
                f"It has to divide the batch of {self.batch_size}.",
            ),
        }
        for name, (fits, hint) in allowed.items():
            if not fits:
                raise OptionError(f"{name} of the training is {getattr(self, name)}", hint=hint)
