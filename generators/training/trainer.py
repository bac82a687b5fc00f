"""Runs the phases that a model declares, over and over, and keeps averages of the networks that make samples.

The trainer knows no model and no task. Whatever is random in a step comes from streams that depend on the seed and the
step alone, so that a run which stopped goes on as if it hadn't, bit for bit on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import OptionError, WeightsError
from ganeval.generators.configuration import plain
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import GenerativeModel, Phase, Step
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.streams import STATISTICS, TRAINING, random_stream
from ganeval.generators.training.averages import update_averages
from ganeval.generators.training.data import Examples, Order
from ganeval.generators.training.diverged import DivergedError
from ganeval.generators.training.processes import Processes
from ganeval.generators.training.settings import TrainingSettings

#: Batches that are announced to the examples before they are read.
_AHEAD = 2
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Trainer:
    """A model, its optimisers and averages at some step of a training run.

    Parameters
    ----------
    model
        With first weights; moved to `device`.
    examples
        Of the kind that the model asks for.
    settings
        Batch size, seed, precision, ...
    device
        Where the networks are.
    processes
        This process among those of the run.

    Raises
    ------
    ImageSourceError
        If there are fewer examples than in one batch.
    OptionError
        If a batch can't be divided among processes and micro-batches, or is too small for the model, or both the model
        and the settings have a schedule.
    """

    def __init__(
        self,
        model: GenerativeModel,
        examples: Examples,
        settings: TrainingSettings,
        device: torch.device | str = "cpu",
        processes: Processes | None = None,
    ) -> None:
        self.model, self.settings, self.device = model, settings, torch.device(device)
        self.processes = processes or Processes()
        parts = settings.accumulate * self.processes.count
        if settings.batch_size % parts:
            raise OptionError(
                f"a batch of {settings.batch_size} can't be shared out equally among {parts} parts "
                f"({self.processes.count} processes, {settings.accumulate} micro-batches each)",
                hint="Choose another --batch-size or --accumulate.",
            )
        if settings.batch_size < model.least_batch:
            raise OptionError(
                f"a batch of {settings.batch_size} is too small for this model",
                hint=f"Choose a --batch-size of {model.least_batch} or more.",
            )
        self.steps = 0
        model.to(self.device).train()
        self.processes.share_weights(model)
        self.averages = model.averages()
        self.examples = examples
        self._orders = [
            Order(count, settings.batch_size, settings.seed, domain) for domain, count in enumerate(examples.counts)
        ]
        self._phases = list(model.phases())
        # Looked up once: walking through all modules in each phase would take milliseconds.
        self._parameters = list(model.parameters())
        self._moved = {
            phase.name: {id(p): p for part in model.parts(phase.modules) for p in part.parameters()}
            for phase in self._phases
        }
        self._declared = {
            phase.name: settings.scheduled(phase.optimiser)
            for phase in self._phases
            if isinstance(phase.optimiser, Optimiser)
        }
        self._optimisers = {name: how.build(self._moved[name].values()) for name, how in self._declared.items()}
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "fp16")

    def step(self) -> dict[str, float]:
        """One training step; its losses, named ``"phase/term"``, as means over the batch.

        Raises
        ------
        DivergedError
            If a loss isn't finite; the networks that it would have moved are as they were.
        """
        losses: dict[str, float] = {}
        first_batch = self._batches_before(self.steps)
        for position, phase in enumerate(self._phases):
            if self.steps % phase.every:
                continue
            for repeat in range(phase.repeats):
                losses |= self._descend(phase, (position, repeat), first_batch)
                first_batch += phase.reads
        # What each process gathered of its own part of the batch; weights are equal in all as they are.
        self.processes.average_buffers(self.model)
        update_averages(self.averages, self.model, self._decay())
        self.steps += 1
        return losses

    def _decay(self) -> float:
        return min(self.settings.average_decay, (1 + self.steps) / (10 + self.steps))

    def _descend(self, phase: Phase, key: tuple[int, int], batch: int) -> dict[str, float]:
        optimiser = self._optimisers[self._owner(phase)]
        self._declared[self._owner(phase)].set_rate(optimiser, self.steps)
        optimiser.zero_grad(set_to_none=True)
        terms: dict[str, Tensor] = {}
        with self._only(phase) as moved:
            for micro in range(self.settings.accumulate):
                with self._autocast():
                    found = phase.loss(self._step_of(key, micro, batch))
                    total = torch.stack([term.float() for term in found.values()]).sum() / self.settings.accumulate
                self._scaler.scale(total).backward()  # type: ignore[no-untyped-call]
                for name, term in found.items():
                    terms[name] = terms.get(name, 0.0) + term.detach().float() / self.settings.accumulate
            losses = self._checked(phase, terms)
            self._scaler.unscale_(optimiser)
            self.processes.average_gradients(moved)
            with torch.no_grad():
                if phase.on_gradients is not None:
                    phase.on_gradients()
                self._scaler.step(optimiser)
                self._scaler.update()
                if phase.after is not None:
                    phase.after()
        return losses

    def _checked(self, phase: Phase, terms: Mapping[str, Tensor]) -> dict[str, float]:
        values = self.processes.mean(torch.stack(list(terms.values()))).tolist()
        losses = {f"{phase.name}/{name}": value for name, value in zip(terms, values, strict=True)}
        for name, value in losses.items():
            if not math.isfinite(value):
                raise DivergedError(
                    f"training diverged at step {self.steps + 1}: the loss {name} is {value}",
                    hint="Choose lower learning rates, another --seed, or --precision fp32.",
                )
        return losses

    def _step_of(self, key: tuple[int, int], micro: int, batch: int) -> Step:
        settings, processes = self.settings, self.processes
        parts = settings.accumulate * processes.count
        size = settings.batch_size // parts
        part = processes.rank * settings.accumulate + micro
        random = random_stream(settings.seed, TRAINING, self.steps, *key, part)

        def read() -> Batch:
            chosen = [order.batch(batch)[part * size : (part + 1) * size] for order in self._orders]
            found = self.examples.read(chosen)
            if micro == 0:
                self._announce(batch)
            return self._flipped(found, random).to(self.device)

        return Step(self.steps, size, self.device, random, read)

    def _announce(self, batch: int) -> None:
        """Say what this process will read of the next batches."""
        share = self.settings.batch_size // self.processes.count
        first = self.processes.rank * share
        for later in range(batch + 1, batch + 1 + _AHEAD):
            self.examples.expect([order.batch(later)[first : first + share] for order in self._orders])

    def _flipped(self, batch: Batch, random: torch.Generator) -> Batch:
        if not self.settings.flip:
            return batch
        mirrored = torch.rand(len(batch.images), 1, 1, 1, generator=random) < 0.5
        images = torch.where(mirrored, batch.images.flip(-1), batch.images)
        others = batch.others
        if others is not None:
            # A pair is mirrored together; without pairs it makes no difference which are.
            others = torch.where(mirrored, others.flip(-1), others)
        return Batch(images, batch.labels, others)

    @contextmanager
    def _only(self, phase: Phase) -> Iterator[list[Tensor]]:
        """Gradients for the phase's networks and for no others; gives those parameters."""
        moved = self._moved[phase.name]
        asked = [parameter for parameter in self._parameters if parameter.requires_grad]
        held = [parameter for parameter in asked if id(parameter) not in moved]
        for parameter in held:
            parameter.requires_grad_(False)
        try:
            yield [parameter for parameter in asked if id(parameter) in moved]
        finally:
            for parameter in held:
                parameter.requires_grad_(True)

    @contextmanager
    def _autocast(self) -> Iterator[None]:
        dtype = _AUTOCAST.get(self.settings.precision)
        with torch.autocast(self.device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            yield

    def _batches_before(self, steps: int) -> int:
        """How many batches all steps before have read."""
        return sum(phase.repeats * -(-steps // phase.every) for phase in self._phases if phase.reads)

    @property
    def steps_per_epoch(self) -> float:
        """Steps in which each image is read once."""
        read = sum(phase.repeats / phase.every for phase in self._phases if phase.reads)
        return self._orders[0].batches / read

    def _owner(self, phase: Phase) -> str:
        return phase.optimiser if isinstance(phase.optimiser, str) else phase.name

    def example_batch(self, number: int, size: int) -> Batch:
        """`size` real examples that follow from the seed and `number` alone, on the CPU: to show and to measure with.

        They are drawn with replacement, and aren't mirrored.
        """
        chosen = [
            torch.randint(count, (size,), generator=random_stream(self.settings.seed, STATISTICS, number, domain))
            for domain, count in enumerate(self.examples.counts)
        ]
        return self.examples.read(chosen)

    def averaged_model(self) -> GenerativeModel:
        """The model with the averages in place of its networks, to sample from; the same buffers."""
        return self.model.with_networks(self.averages)

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on from here: tensors and plain values."""
        return {
            **self._identity(),
            "steps": self.steps,
            "networks": self.model.state_dict(),
            "averages": self.averages.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()},
            "scaler": self._scaler.state_dict(),
        }

    def _identity(self) -> dict[str, Any]:
        return {
            "model": type(self.model).__name__,
            "config": plain(self.model.config),
            "settings": self.settings.recorded(),
            "data": self.data_digest,
            "processes": self.processes.count,
        }

    @cached_property
    def data_digest(self) -> str:
        """Hex digest of the examples, computed once: it may have to read all of them."""
        return self.examples.digest()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken.

        Raises
        ------
        WeightsError
            If it was taken of another model, with other parameters or data (what differs is listed), or isn't complete.
        """
        differing = list(_differences(state, self._identity()))
        if differing:
            raise WeightsError(
                f"the checkpoint is of another run: {'; '.join(differing)}",
                hint="Resume with the options and data of the first run, or train into another folder.",
            )
        try:
            self.model.load_state_dict(state["networks"])
            self.averages.load_state_dict(state["averages"])
            for name, optimiser in self._optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            self._scaler.load_state_dict(state["scaler"])
            self.steps = int(state["steps"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise WeightsError(f"the checkpoint is not complete: {error}", hint="Train into another folder.") from error


#: What a difference is called whose two values would tell nobody anything.
_WITHOUT_VALUES = {"data": "the training images are others"}


def _differences(state: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, value in now.items():
        before = state.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            for key in sorted({*value, *before}):
                if value.get(key) != before.get(key):
                    yield f"{key} was {before.get(key)!r} and is {value.get(key)!r}"
        elif before != value:
            yield _WITHOUT_VALUES.get(name, f"{name} was {before!r} and is {value!r}")
