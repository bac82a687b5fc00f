"""How a training run goes, whatever the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ganeval.errors import OptionError, did_you_mean
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.schedules import FALLS, Schedule

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
    schedule
        A name in `ganeval.generators.schedules.FALLS`: how all learning rates fall to 0.
    schedule_steps
        Step at which they are 0; none takes the run's last one, as it was first asked for.
    warm_up
        Steps in which learning rates rise linearly to their full height, before they fall.

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
    schedule: str = "constant"
    schedule_steps: int | None = None
    warm_up: int = 0

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
        if self.schedule not in FALLS:
            raise OptionError(f"schedule of the training is {self.schedule!r}", hint=did_you_mean(self.schedule, FALLS))
        if self.schedule_steps is not None or self.schedule == "constant":
            self._schedule()

    def for_steps(self, steps: int) -> TrainingSettings:
        """The same with the end of the schedule, where there is one without: the last of so many steps.

        Raises
        ------
        OptionError
            If the schedule ends before.
        """
        if self.schedule == "constant":
            return self
        settings = replace(self, schedule_steps=steps) if self.schedule_steps is None else self
        end = settings.schedule_steps
        if end is not None and end < steps:
            raise OptionError(
                f"learning rates are 0 from step {end:,} on (schedule={self.schedule}), and --steps is {steps:,}",
                hint=f"Train for {end:,} steps, or anew with a larger schedule_steps.",
            )
        return settings

    def scheduled(self, optimiser: Optimiser) -> Optimiser:
        """An optimiser that a model declares, with the schedule of the training.

        Raises
        ------
        OptionError
            If the model has another schedule, or it isn't known where this one ends.
        """
        schedule = self._schedule()
        if schedule.falls and optimiser.schedule.falls:
            raise OptionError(
                f"this model has a schedule of its own, and schedule={self.schedule} is another",
                hint="Leave out schedule, or decay_steps.",
            )
        if optimiser.schedule.falls:
            schedule = replace(optimiser.schedule, warm_up=self.warm_up)
        return replace(optimiser, schedule=schedule)

    def recorded(self) -> dict[str, Any]:
        """As checkpoints and weights hold them, which older ones equal: schedules only where there is one."""
        plain = _WITHOUT_SCHEDULE if not self._schedule().changes else {}
        return {name: value for name, value in asdict(self).items() if name not in plain}

    def _schedule(self) -> Schedule:
        if self.schedule == "constant":
            return Schedule(warm_up=self.warm_up)
        if self.schedule_steps is None:
            raise OptionError(f"schedule={self.schedule} has no end", hint="Say where it is: schedule_steps=20000.")
        if self.schedule_steps <= self.warm_up:
            raise OptionError(
                f"schedule_steps of the training is {self.schedule_steps}", hint=f"The warm-up takes {self.warm_up}."
            )
        return Schedule(self.schedule, self.warm_up, self.schedule_steps - self.warm_up, self.warm_up)


# Fields that checkpoints and weights didn't have at first.
_WITHOUT_SCHEDULE = frozenset({"schedule", "schedule_steps", "warm_up"})
