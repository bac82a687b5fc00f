"""How learning rates change in the course of training."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ganeval.errors import OptionError, did_you_mean

#: What is left of the learning rate when a share of the fall, 0 to 1, is over.
FALLS: dict[str, Callable[[float], float]] = {
    "constant": lambda share: 1.0,
    "linear": lambda share: 1 - share,
    # Loshchilov and Hutter 2017, equation 5, without restarts.
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
}


@dataclass(frozen=True)
class Schedule:
    """Learning rates as shares of the full one: they rise, stay, and fall to 0.

    They follow from the number of the step alone, so that a resumed run goes on with the same.

    Parameters
    ----------
    kind
        How they fall: ``"constant"`` (not at all), ``"linear"`` or ``"cosine"``.
    after, steps
        They begin to fall after so many steps, and are 0 so many steps later; of no effect on constant ones.
    warm_up
        Steps in which they rise linearly, the last of which has the full rate (Goyal et al. 2017, section 2.2).

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    kind: str = "constant"
    after: int = 0
    steps: int = 0
    warm_up: int = 0

    def __post_init__(self) -> None:
        if self.kind not in FALLS:
            raise OptionError(f"unknown schedule {self.kind!r}", hint=did_you_mean(self.kind, FALLS))
        if self.after < 0 or self.steps < 0 or self.warm_up < 0:
            raise OptionError(
                f"the learning rate rises over {self.warm_up} steps, and falls after {self.after}, over {self.steps}",
                hint="All have to be 0 or more.",
            )
        if self.falls and not self.steps:
            raise OptionError(f"a {self.kind} schedule of the learning rate has no steps", hint="It needs 1 or more.")

    @property
    def falls(self) -> bool:
        """Whether the rate comes to be 0 at last."""
        return self.kind != "constant"

    @property
    def changes(self) -> bool:
        """Whether the rate isn't the same in all steps."""
        return self.falls or self.warm_up > 1

    def share(self, step: int) -> float:
        """Of the full learning rate, 0 to 1, in a step counted from 0."""
        risen = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        if not self.falls:
            return risen
        return risen * FALLS[self.kind](min(1.0, max(0, step - self.after) / self.steps))


#: The full rate in every step.
CONSTANT = Schedule()
