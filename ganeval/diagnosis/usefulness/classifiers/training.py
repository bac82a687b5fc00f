"""Trains one classifier from scratch; whatever is random in a step follows from the seed and the step alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from ganeval.diagnosis.usefulness.classifiers import augmentation
from ganeval.diagnosis.usefulness.classifiers.images import ImageTable, Ints, TrainingSet
from ganeval.diagnosis.usefulness.classifiers.networks import build_network, scores_of
from ganeval.diagnosis.usefulness.classifiers.processes import Processes
from ganeval.diagnosis.usefulness.classifiers.recipes import Recipe
from ganeval.diagnosis.usefulness.classifiers.streams import AUGMENTATION, DROPOUT, ORDER, random_stream, stream_seed
from ganeval.errors import MetricError, OptionError, WeightsError

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_AUGMENT = {"resized": augmentation.random_parts, "shifted": augmentation.random_shifts}
#: Steps between two looks at the loss, each of which waits for the device.
_LOOK_EVERY = 50


class Training:
    """A network at some step of its training.

    Parameters
    ----------
    images
        To train on.
    model
        Name of a classifier of torchvision.
    classes
        How many.
    recipe
        How to train.
    seed
        Of the first weights, the order and the augmentation.
    device
        Where the network is.
    processes
        This process among those that train it.

    Raises
    ------
    OptionError
        If the network is unknown or can't take such images, or a batch is too small for its processes.
    """

    def __init__(
        self,
        images: TrainingSet,
        model: str,
        classes: int,
        recipe: Recipe,
        *,
        seed: int = 0,
        device: torch.device | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.images, self.model, self.classes, self.recipe, self.seed = images, model, classes, recipe, seed
        self.device, self.processes = device or torch.device("cpu"), processes or Processes()
        share = min(recipe.batch_size, len(images)) // self.processes.count
        if share < 2:
            raise OptionError(
                f"a batch of {min(recipe.batch_size, len(images))} is too small for {self.processes.count} processes",
                hint="Each needs two images or more: choose a larger --train-batch, or fewer processes.",
            )
        self._share = share
        #: Images of a step, over all processes.
        self.batch = share * self.processes.count
        self.steps_per_epoch = len(images) // self.batch
        #: Of the whole training.
        self.steps = recipe.epochs * self.steps_per_epoch
        #: Done so far.
        self.done = 0
        self.network = build_network(model, classes, images.parts[0][0].size, seed=seed).to(self.device)
        self._wrapped: nn.Module = self.network if self.processes.count == 1 else DistributedDataParallel(self.network)
        decaying = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        self._optimiser = torch.optim.SGD(
            [{"params": decaying, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
        )
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "fp16")

    def run(self, until: int | None = None) -> Iterator[int]:
        """Train, and give the number of steps done after each, up to `until` or the end.

        Raises
        ------
        MetricError
            If the loss isn't finite any more.
        """
        last = self.steps if until is None else min(until, self.steps)
        with ThreadPoolExecutor(1) as reader:
            ahead: Future[tuple[Tensor, Tensor]] | None = None
            while self.done < last:
                batch = (ahead or reader.submit(self.images.read, self._places(self.done))).result()
                # The next batch is read while this one is learnt from.
                more = self.done + 1 < last
                ahead = reader.submit(self.images.read, self._places(self.done + 1)) if more else None
                self._step(*batch)
                yield self.done

    def _places(self, step: int) -> Ints:
        """Places of the images that this process reads in a step; every epoch has an order of its own."""
        epoch, number = divmod(step, self.steps_per_epoch)
        order = torch.randperm(len(self.images), generator=random_stream(self.seed, ORDER, epoch))
        first = number * self.batch + self.processes.rank * self._share
        return order[first : first + self._share].numpy()

    def _step(self, images: Tensor, targets: Tensor) -> None:
        key = (self.done, self.processes.rank)
        pixels = augmentation.as_input(images.to(self.device))
        augment, random = _AUGMENT[self.recipe.crop], random_stream(self.seed, AUGMENTATION, *key)
        pixels = augment(pixels, random, flip=self.recipe.flip)
        for group in self._optimiser.param_groups:
            group["lr"] = self.recipe.rate(self.done, self.steps, self.batch)
        self._wrapped.train()
        with self._seeded(stream_seed(self.seed, DROPOUT, *key)), self._autocast():
            loss = functional.cross_entropy(scores_of(self._wrapped, pixels).float(), targets.to(self.device))
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self.done += 1
        if self.done % _LOOK_EVERY == 0 or self.done == self.steps:
            value = self.processes.total(loss.detach().clone()).item()
            if not math.isfinite(value):
                raise MetricError(
                    f"the training of the classifier diverged by step {self.done}: its loss is {value}",
                    hint="Choose a lower --learning-rate, or --precision fp32.",
                )

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """What layers such as dropout draw is a step's own, and moves no one else's random numbers."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            yield

    @contextmanager
    def _autocast(self) -> Iterator[None]:
        dtype = _AUTOCAST.get(self.recipe.precision)
        with torch.autocast(self.device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            yield

    @torch.no_grad()
    def scores(self, table: ImageTable, rows: Ints) -> npt.NDArray[np.float32]:
        """What the network says of images, float32 [n, classes], known to all processes."""
        if self.processes.count > 1:
            # Statistics of normalisation are each process's own; the first one's count, as in the checkpoint.
            for values in self.network.state_dict().values():
                torch.distributed.broadcast(values, src=0)
        self.network.eval()
        found = torch.zeros(len(rows), self.classes)
        starts = range(0, len(rows), self.recipe.batch_size)
        for start in starts[self.processes.rank :: self.processes.count]:
            images = augmentation.as_input(table.read(rows[start : start + self.recipe.batch_size]).to(self.device))
            if self.recipe.crop == "resized":
                images = augmentation.middle_part(images)
            with self._autocast():
                scores = scores_of(self.network, images)
            found[start : start + len(images)] = scores.float().cpu()
        return self._summed(found).numpy()

    def _summed(self, values: Tensor) -> Tensor:
        on_device = self.processes.count > 1 and self.device.type == "cuda"
        return self.processes.total(values.to(self.device) if on_device else values).cpu()

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on from here."""
        return {
            "identity": self.identity,
            "done": self.done,
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint has to agree in."""
        recipe = {**asdict(self.recipe), "drops": list(self.recipe.drops)}
        return {
            "model": self.model,
            "classes": self.classes,
            "seed": self.seed,
            "size": self.images.parts[0][0].size,
            "images": self.images.digest(),
            "processes": self.processes.count,
            **recipe,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken; raises `WeightsError` if it isn't complete."""
        try:
            self.network.load_state_dict(state["network"])
            self._optimiser.load_state_dict(state["optimiser"])
            self._scaler.load_state_dict(state["scaler"])
            self.done = int(state["done"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise WeightsError(
                f"the checkpoint of the classifier isn't complete: {error}", hint="Delete it to train anew."
            ) from error
