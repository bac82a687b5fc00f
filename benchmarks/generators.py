"""How fast do the bundled models train and sample, against a plain PyTorch loop that does the same steps?

The plain loop is written out by hand for each model: same networks, batch, latents, losses, penalties, optimisers,
averages. What the trainer takes beyond it is its overhead. Both run in this process in alternating stretches; the
overhead is the median over the repeats of the ratio of neighbours, so that a slow spell of the machine hits both.

    python benchmarks/generators.py --models dcgan,wgan-gp,biggan,stylegan2 --repeats 5 --steps 20
    python benchmarks/generators.py --channels-last --compile --json results/generators.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ganeval.generators.configuration import configured
from ganeval.generators.model import GenerativeModel, Phase, Sampler, Step
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.registry import MODELS
from ganeval.generators.sampling.blocks import BLOCK_SIZE, Blocks, Drawing
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.starting import compile_networks
from ganeval.generators.training.trainer import Trainer

DECAY = 0.999


class PlainLoop:
    """The steps of a model without the trainer: as a script of one's own would do them, with nothing beside.

    Random numbers come from one generator, batches from one permutation, gradients are switched off by hand for what
    doesn't move; there are no checks, no logs, no streams and no state to resume from.
    """

    def __init__(self, model: GenerativeModel, images: torch.Tensor, labels: torch.Tensor, batch: int, device: str):
        self.model, self.images, self.labels, self.batch, self.device = model, images, labels, batch, device
        self.random = torch.Generator().manual_seed(0)
        self.phases = list(model.phases())
        self.parts = {
            phase.name: [p for m in model.parts(phase.modules) for p in m.parameters()] for phase in self.phases
        }
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        for phase in self.phases:
            if isinstance(phase.optimiser, Optimiser):
                self.optimisers[phase.name] = phase.optimiser.build(self.parts[phase.name])
            else:
                self.optimisers[phase.name] = self.optimisers[phase.optimiser]
        self.averages = [p.detach().clone() for name in model.sampled for p in model.get_submodule(name).parameters()]
        self.order, self.position, self.number = torch.randperm(len(images), generator=self.random), 0, 0

    def read(self) -> Any:
        from ganeval.generators.data_kinds import Batch

        if self.position + self.batch > len(self.order):
            self.order, self.position = torch.randperm(len(self.images), generator=self.random), 0
        rows = self.order[self.position : self.position + self.batch]
        self.position += self.batch
        images = self.images[rows].float().div_(127.5).sub_(1).to(self.device)
        labels = self.labels[rows].to(self.device) if self.model.info.data == "labelled" else None
        return Batch(images, labels)

    def step(self) -> None:
        for phase in self.phases:
            if self.number % phase.every == 0:
                for _ in range(phase.repeats):
                    self.descend(phase)
        with torch.no_grad():
            current = [p for name in self.model.sampled for p in self.model.get_submodule(name).parameters()]
            torch._foreach_lerp_(self.averages, [p.detach() for p in current], 1 - DECAY)
        self.number += 1

    def descend(self, phase: Phase) -> None:
        self.model.requires_grad_(False)
        for parameter in self.parts[phase.name]:
            parameter.requires_grad_(True)
        optimiser = self.optimisers[phase.name]
        optimiser.zero_grad(set_to_none=True)
        step = Step(self.number, self.batch, torch.device(self.device), self.random, self.read)
        total = sum(phase.loss(step).values())
        assert isinstance(total, torch.Tensor)
        total.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            if phase.on_gradients is not None:
                phase.on_gradients()
            optimiser.step()
            if phase.after is not None:
                phase.after()


def made(name: str, options: dict[str, Any], channels_last: bool) -> GenerativeModel:
    """A model with first weights."""
    kind = MODELS.get(name)
    classes = {"classes": 10} if kind.info.data == "labelled" else {}
    known = {key: value for key, value in options.items() if key in {*kind.Config.__dataclass_fields__}}
    model = kind.initialised(configured(kind.Config, known | classes), seed=0)
    return nn.Module.to(model, memory_format=torch.channels_last) if channels_last else model


def seconds_of(step: Callable[[], Any], steps: int, device: str) -> float:
    """Wall time of one step."""
    began = time.perf_counter()
    for _ in range(steps):
        step()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / steps


def images_per_second(model: GenerativeModel, count: int) -> float | None:
    """How fast samples come out of the averages, as evaluation gets them."""
    if not isinstance(model, Sampler):
        return None
    blocks = Blocks(model, Drawing())
    blocks.image(count)
    began = time.perf_counter()
    for number in range(count):
        blocks.image(number)
    return count / (time.perf_counter() - began)


def measured(name: str, asked: argparse.Namespace, *, channels_last: bool, compiled: bool) -> dict[str, Any]:
    """Steps and images a second of one model, and the trainer's overhead."""
    options = {"size": (asked.size, asked.size), "channels": asked.channels, "width": asked.width}
    random = np.random.default_rng(0)
    shape = (1024, asked.channels, asked.size, asked.size)
    images, labels = random.integers(0, 256, shape, dtype=np.uint8), random.integers(0, 10, 1024)
    examples = ImageArrays(images, labels, kind=MODELS.get(name).info.data)
    ours, plain = made(name, options, channels_last), made(name, options, channels_last)
    settings = TrainingSettings(batch_size=asked.batch_size, average_decay=DECAY)
    trainer = Trainer(ours, examples, settings, asked.device)
    plain.to(asked.device).train()
    loop = PlainLoop(plain, torch.from_numpy(images), torch.from_numpy(labels), asked.batch_size, asked.device)
    if compiled:
        compile_networks(ours)
        compile_networks(plain)
    # Lazy phases come round in the first step; both have warmed up after two.
    for _ in range(2):
        trainer.step()
        loop.step()
    pairs = []
    for repeat in range(asked.repeats):
        sides = [trainer.step, loop.step]
        times = [seconds_of(side, asked.steps, asked.device) for side in (sides if repeat % 2 == 0 else sides[::-1])]
        pairs.append(times if repeat % 2 == 0 else times[::-1])
    averages = trainer.averaged_model()
    return {
        "model": name,
        "channels_last": channels_last,
        "compile": compiled,
        "steps_per_second": 1 / statistics.median(ours for ours, _ in pairs),
        "plain_steps_per_second": 1 / statistics.median(plain for _, plain in pairs),
        "overhead": statistics.median(ours / plain for ours, plain in pairs) - 1,
        "overheads": sorted(ours / plain - 1 for ours, plain in pairs),
        "images_per_second": images_per_second(averages, asked.samples),
        "parameters": sum(p.numel() for p in ours.parameters()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--models", default="dcgan,wgan-gp,biggan,stylegan2", help="those that aren't there are left out"
    )
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=16, help="of each stretch; a multiple of 16 for lazy penalties")
    parser.add_argument("--repeats", type=int, default=5, help="stretches of each, alternating")
    parser.add_argument("--samples", type=int, default=10 * BLOCK_SIZE)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--channels-last", action="store_true", help="measure it too")
    parser.add_argument("--compile", action="store_true", help="measure it too, where the model permits")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    asked = parser.parse_args()
    ways = [
        (False, False),
        *([(True, False)] if asked.channels_last else []),
        *([(False, True)] if asked.compile else []),
    ]
    rows: list[dict[str, Any]] = []
    for name in (name for name in asked.models.split(",") if name in MODELS):
        for channels_last, compiled in ways:
            try:
                row = measured(name, asked, channels_last=channels_last, compiled=compiled)
            except RuntimeError as error:
                print(f"{name:<10} compile={compiled}: {str(error).splitlines()[0]}", flush=True)
                continue
            rows.append(row)
            sampled = row["images_per_second"]
            print(
                f"{name:<10} channels_last={channels_last!s:<5} compile={compiled!s:<5} "
                f"{row['steps_per_second']:8.2f} steps/s, plain {row['plain_steps_per_second']:8.2f}, "
                f"overhead {row['overhead']:+.1%} ({row['overheads'][0]:+.1%} to {row['overheads'][-1]:+.1%})"
                + ("" if sampled is None else f", {sampled:,.0f} images/s"),
                flush=True,
            )
    if asked.json is not None:
        setting = {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": asked.device}
        sizes = {key: value for key, value in vars(asked).items() if key not in ("json", "models", "device")}
        asked.json.write_text(json.dumps({**setting, **sizes, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    # Random numbers that a model takes from torch's global state, if any, are the same in each run.
    torch.manual_seed(random_stream(0).initial_seed())
    main()
