"""Alarms that stop a training run which can't come to anything: collapsed samples, a discriminator that never errs.

Losses that aren't finite stop the trainer itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.model import GenerativeModel, Sampler, Translator
from ganeval.generators.sampling.blocks import levels
from ganeval.generators.streams import SAMPLES, random_stream
from ganeval.generators.training.diverged import DivergedError
from ganeval.generators.training.finishing import finished_model, translation_inputs, translation_targets
from ganeval.generators.training.trainer import Trainer

_SAMPLES = 64
_HINT = "Go on all the same with --resume --no-alarms; or start anew with {} or another --seed."


@dataclass(frozen=True)
class AlarmSettings:
    """When the alarms go off.

    Parameters
    ----------
    enabled
        Whether there are any, beside that for losses which aren't finite.
    every
        Steps between two looks at samples.
    first
        Steps before the first look: untrained generators give nearly the same image for all latents.
    patience
        Looks in a row that have to see it.
    narrowest
        Share of the data's variety below which samples count as identical or as constant images.
    undecided
        Adversarial loss of a discriminator below which it counts as never wrong.
    saturated_for
        Steps in a row for which it has to stay there.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    enabled: bool = True
    every: int = 250
    first: int = 1000
    patience: int = 3
    narrowest: float = 0.05
    undecided: float = 1e-3
    saturated_for: int = 3000

    def __post_init__(self) -> None:
        for name in ("every", "patience", "saturated_for"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} of the alarms is {getattr(self, name)}", hint="It has to be 1 or more.")


class Alarms:
    """Watches one training run; every process of it comes to the same verdict.

    Parameters
    ----------
    trainer
        Whose samples are looked at.
    settings
        When the alarms go off.
    """

    def __init__(self, trainer: Trainer, settings: AlarmSettings | None = None) -> None:
        self._trainer, self._settings = trainer, settings or AlarmSettings()
        self._collapsed, self._saturated = 0, dict[str, int]()
        self._data: Variety | None = None

    def check(self, losses: Mapping[str, float]) -> None:
        """Look at a step's losses, and now and then at samples.

        Raises
        ------
        DivergedError
            If samples have collapsed or a discriminator is saturated for long.
        """
        self._check_saturation(losses)
        step, settings = self._trainer.steps, self._settings
        if step >= settings.first and step % settings.every == 0:
            self._check_samples()

    def state(self) -> dict[str, Any]:
        """What has been seen so far, for a checkpoint."""
        return {"collapsed": self._collapsed, "saturated": dict(self._saturated)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken."""
        self._collapsed = int(state.get("collapsed", 0))
        self._saturated = {name: int(steps) for name, steps in state.get("saturated", {}).items()}

    def _check_saturation(self, losses: Mapping[str, float]) -> None:
        for name, value in losses.items():
            phase, _, term = name.partition("/")
            if not (phase.startswith(("discriminator", "critic")) and term.startswith("adversarial")):
                continue
            self._saturated[name] = self._saturated.get(name, 0) + 1 if abs(value) < self._settings.undecided else 0
            if self._saturated[name] >= self._settings.saturated_for:
                raise DivergedError(
                    f"the discriminator is saturated: {name} has stayed below {self._settings.undecided:g} for "
                    f"{self._saturated[name]:,} steps, and the generator learns nothing from it",
                    hint=_HINT.format("a lower discriminator_rate, a --penalty"),
                )

    def _check_samples(self) -> None:
        found = self._what_collapsed(self._trainer.averaged_model())
        self._collapsed = self._collapsed + 1 if found else 0
        if self._collapsed < self._settings.patience:
            return
        # Running statistics of batch norms may be at fault: with statistics of the averages' own, is it still so?
        found = self._what_collapsed(finished_model(self._trainer))
        if found is None:
            self._collapsed = 0
            return
        raise DivergedError(
            f"samples have collapsed at step {self._trainer.steps:,}: {found}",
            hint=_HINT.format("lower learning rates, a --penalty"),
        )

    def _what_collapsed(self, model: GenerativeModel) -> str | None:
        samples, data = self._samples(model), self._data_variety()
        if samples is None:
            return None
        variety = Variety.of(samples)
        share = self._settings.narrowest
        if variety.between < share * data.between:
            return f"they are nearly identical, {variety.between / data.between:.1%} as far apart as real images"
        if variety.within < share * data.within:
            return f"each is of one colour, with {variety.within / data.within:.1%} of the contrast of real images"
        return None

    def _samples(self, model: GenerativeModel) -> Tensor | None:
        random = random_stream(self._trainer.settings.seed, SAMPLES, 1)
        if isinstance(model, Sampler):
            return levels(model, model.draw(_SAMPLES, random))
        if isinstance(model, Translator):
            direction = model.directions[0]
            inputs = translation_inputs(self._trainer.example_batch(1, _SAMPLES), direction)
            with torch.inference_mode():
                return (model.translate(inputs.to(self._trainer.device), direction, random).float().cpu() + 1) * 127.5
        return None

    def _data_variety(self) -> Variety:
        if self._data is None:
            batch, model = self._trainer.example_batch(1, _SAMPLES), self._trainer.model
            images = batch.images
            if isinstance(model, Translator):
                images = translation_targets(batch, model.directions[0])
            self._data = Variety.of((images + 1) * 127.5)
        return self._data


@dataclass(frozen=True)
class Variety:
    """How much images differ.

    Parameters
    ----------
    between
        Median root mean square difference of two images, in grey levels.
    within
        Mean standard deviation of the pixels of one image and channel, in grey levels.
    """

    between: float
    within: float

    @classmethod
    def of(cls, images: Tensor) -> Variety:
        """From images float32 [N, C, H, W], N of 2 or more."""
        pixels = images[0].numel() ** 0.5
        between = torch.pdist(images.flatten(1)).median() / pixels
        return cls(float(between), float(images.flatten(2).std(dim=2, correction=0).mean()))
