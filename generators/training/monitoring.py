"""Lets the monitor of `ganeval.diagnosis` look at the samples of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ganeval.diagnosis.monitor import SIDE, Alarm, GeneratorMonitor, small_grey
from ganeval.errors import OptionError
from ganeval.generators.model import Sampler
from ganeval.generators.sampling.blocks import levels
from ganeval.generators.streams import SAMPLES, random_stream
from ganeval.generators.training.trainer import Trainer

_SAMPLES = 256
#: Bytes of all training images from which on only a part of them is kept: they may have to be decoded.
_QUICKLY_READ = 2 << 30
_MOST, _MOST_OF_MANY = 50_000, 5_000
_BLOCK = 1000


@dataclass(frozen=True)
class MonitorSettings:
    """When the monitor looks.

    Parameters
    ----------
    every
        Steps between two looks; 0 for none.
    first
        Steps before the first one.

    Raises
    ------
    OptionError
        If a value is below 0.
    """

    every: int = 1000
    first: int = 1000

    def __post_init__(self) -> None:
        if self.every < 0 or self.first < 0:
            raise OptionError(
                f"the monitor looks every {self.every} steps from {self.first} on",
                hint="Both have to be 0 or more; 0 steps between two looks switch it off.",
            )


class Monitoring:
    """Watches the averaged model of a run; translators, and sets too small for a test, are left alone.

    Parameters
    ----------
    trainer
        Whose samples are looked at; its random streams aren't touched.
    settings
        When.
    """

    def __init__(self, trainer: Trainer, settings: MonitorSettings | None = None) -> None:
        self._trainer, self._settings = trainer, settings or MonitorSettings()
        self._monitor: GeneratorMonitor | None = None
        self._looks = 0

    @property
    def active(self) -> bool:
        """Whether there is anything that it can look at."""
        enough = self._trainer.examples.counts[0] >= 4 * _SAMPLES
        return self._settings.every > 0 and enough and isinstance(self._trainer.model, Sampler)

    def check(self) -> tuple[Alarm, ...]:
        """What is wrong after the present step, where a look is due."""
        settings, step = self._settings, self._trainer.steps
        if not self.active or step < settings.first or step % settings.every != 0:
            return ()
        if self._monitor is None:
            self._monitor = GeneratorMonitor(
                self._training_images(), every=settings.every, samples=_SAMPLES, first=settings.first
            )
            self._monitor.load_state_dict({"looks": self._looks})
        return self._monitor(step, self._draw)

    def state(self) -> dict[str, int]:
        """For a checkpoint: how many looks there were."""
        return {"looks": self._looks} if self._monitor is None else self._monitor.state_dict()

    def restore(self, state: Mapping[str, int]) -> None:
        """Go back to where `state` was taken."""
        self._looks = int(state.get("looks", 0))
        self._monitor = None

    def _draw(self, count: int) -> Tensor:
        model = self._trainer.averaged_model()
        assert isinstance(model, Sampler)
        random = random_stream(self._trainer.settings.seed, SAMPLES, 2, self._trainer.steps)
        return torch.cat([levels(model, model.draw(size, random)) for size in _sizes(count)]).div(127.5).sub(1)

    def _training_images(self) -> Tensor:
        """As small grey pictures float32 [N, 1, side, side]: the whole images needn't fit into memory."""
        examples = self._trainer.examples
        total, (channels, height, width) = examples.counts[0], examples.shape
        many = total * channels * height * width > _QUICKLY_READ
        random = random_stream(self._trainer.settings.seed, SAMPLES, 3)
        rows = torch.randperm(total, generator=random)[: _MOST_OF_MANY if many else _MOST].sort().values
        # Of further domains, which it doesn't look at, any will do.
        others = [torch.zeros_like for _ in examples.counts[1:]]
        small = [
            small_grey(examples.read([part, *(zeros(part) for zeros in others)]).images)
            for part in torch.split(rows, _BLOCK)
        ]
        return torch.cat(small).reshape(-1, 1, SIDE, SIDE)


def _sizes(count: int, most: int = 64) -> list[int]:
    return [min(most, count - start) for start in range(0, count, most)]
