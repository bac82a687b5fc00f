"""Trains a network that tells generated crops from real ones: AdamW, one cycle, early stop on groups held back."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganeval.detectors.cnn.crops import BalancedCrops, Region, collect_regions, fixed_crops, split_by_group
from ganeval.detectors.cnn.network_detector import as_batch, on_device
from ganeval.detectors.detector import Example, Pixels, silent
from ganeval.errors import OptionError
from ganeval.features.devices import resolve_device
from ganeval.progress import Progress
from ganeval.random_streams import stream_seed

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_PRECISIONS = ("auto", "fp32", *_AUTOCAST)
_LARGEST_GRADIENT = 5.0
_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    crop
        Side of the crops, in pixels.
    regions
        Parts of each picture that are kept in memory.
    batch
        Crops a step, half of them generated.
    steps
        At most.
    learning_rate
        Of AdamW at the height of the cycle.
    weight_decay
        Of all weights but biases and normalisation.
    validation
        Share of the groups that is held back; 0 trains all steps on everything.
    evaluations
        Looks at the held-back groups, evenly spread over the steps.
    patience
        Looks without a better loss, in the second half of the steps, after which it stops; the best network is kept.
        Before that the rate is so high that the loss says little of where it will fall.
    precision
        ``"fp32"``, ``"bf16"``, ``"fp16"``, or ``"auto"``: bf16 on a GPU that has it, else fp32.

    Raises
    ------
    OptionError
        For numbers out of range.
    """

    crop: int = 128
    regions: int = 2
    batch: int = 32
    steps: int = 3000
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    validation: float = 0.15
    evaluations: int = 20
    patience: int = 6
    precision: str = "auto"

    def __post_init__(self) -> None:
        whole = {"crop": self.crop, "regions": self.regions, "steps": self.steps, "evaluations": self.evaluations}
        wrong = [f"{name} is {value}, and must be 1 or more" for name, value in whole.items() if value < 1]
        if self.batch < 4 or self.batch % 2:
            wrong.append(f"batch is {self.batch}, and must be even and 4 or more")
        if not 0.0 <= self.validation <= 0.5:
            wrong.append(f"validation is {self.validation}, and must be between 0 and .5")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0 and self.weight_decay >= 0):
            wrong.append(f"learning_rate is {self.learning_rate} and weight_decay {self.weight_decay}")
        if self.precision not in _PRECISIONS:
            wrong.append(f"precision is {self.precision!r}, and must be one of {', '.join(_PRECISIONS)}")
        if wrong:
            raise OptionError(f"can't train like this: {'; '.join(wrong)}")


@dataclass(frozen=True)
class Course:
    """How a training went.

    Parameters
    ----------
    steps
        That were done.
    best_step
        After which the kept network was.
    validation_loss
        Of the kept network on held-back groups, natural logarithms; None where none were held back.
    """

    steps: int
    best_step: int
    validation_loss: float | None


def trained_from_seed(
    build: Callable[[], _Network],
    examples: Iterable[Example],
    recipe: Recipe,
    *,
    detector: str,
    seed: int,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
) -> _Network:
    """A network that `build` makes, trained by `train`; its first weights follow from `seed` too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, 0))
        network = build()
    train(network, examples, recipe, detector=detector, seed=seed, device=device, progress=progress)
    return network


def train(
    network: nn.Module,
    examples: Iterable[Example],
    recipe: Recipe,
    *,
    detector: str,
    seed: int,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
) -> Course:
    """Train `network` in place: float32 [n, 3, h, w] in 0..255 to logits [n], or [n, rows, columns] one a patch.

    Every patch has the label of its picture (Chai et al. 2020, section 3.2). The network is left on `device`.

    Raises
    ------
    OptionError
        If a class is missing, the pictures are too small, there is no such device, or the loss isn't finite any more.
    """
    place = resolve_device(device)
    regions = collect_regions(examples, recipe.crop, recipe.regions, detector)
    training, validation = split_by_group(regions, recipe.validation, seed)
    run = _Run(on_device(network, place), recipe, place, detector)
    crops = BalancedCrops(training, recipe.crop, seed)
    every = max(1, math.ceil(recipe.steps / recipe.evaluations))
    best, best_step, best_state, waited = math.inf, 0, None, 0
    task = silent(progress).start(f"training {detector}", recipe.steps, "steps")
    done = 0
    try:
        while done < recipe.steps and waited < recipe.patience:
            run.step(*crops.batch(done, recipe.batch))
            done += 1
            task.advance(1)
            if validation and (done % every == 0 or done == recipe.steps):
                loss = run.validation_loss(validation)
                waited += 2 * done > recipe.steps
                if loss < best:
                    best, best_step, waited = loss, done, 0
                    best_state = copy.deepcopy(network.state_dict())
    finally:
        task.finish()
    if best_state is None:
        return Course(done, done, None)
    network.load_state_dict(best_state)
    return Course(done, best_step, best)


def one_cycle(done: int, steps: int) -> float:
    """Share of the learning rate after `done` of `steps` steps: a fifth rises in a line, the rest falls as a cosine."""
    rising = max(1, steps // 5)
    if done < rising:
        return (done + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (done - rising) / max(1, steps - rising)))


class _Run:
    """The network, its optimiser and its schedule."""

    def __init__(self, network: nn.Module, recipe: Recipe, device: torch.device, detector: str) -> None:
        self._network, self._recipe, self._device, self._detector = network, recipe, device, detector
        decaying = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        self._optimiser = torch.optim.AdamW(
            [{"params": decaying, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate,
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimiser, lambda done: one_cycle(done, recipe.steps))
        bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported()
        self._precision = {"auto": "bf16" if bf16 else "fp32"}.get(recipe.precision, recipe.precision)
        scaled = self._precision == "fp16" and device.type == "cuda"
        self._scaler = torch.amp.GradScaler(device.type, enabled=scaled)

    def _logits(self, pixels: Tensor) -> Tensor:
        dtype = _AUTOCAST.get(self._precision)
        with torch.autocast(self._device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            return self._network(pixels).float()  # type: ignore[no-any-return]

    def step(self, crops: Pixels, labels: npt.NDArray[np.float32]) -> None:
        self._network.train()
        loss = _loss(self._logits(as_batch(crops, self._device)), torch.from_numpy(labels).to(self._device)).mean()
        if not bool(loss.isfinite()):
            raise OptionError(
                f"the training of the detector {self._detector} diverged",
                hint="Choose a lower learning rate, or precision fp32.",
            )
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self._network.parameters(), _LARGEST_GRADIENT)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._schedule.step()

    @torch.no_grad()
    def validation_loss(self, regions: list[Region]) -> float:
        """Loss on the middles of regions, each class counting half."""
        self._network.eval()
        labels = np.asarray([region.generated for region in regions], dtype=np.float32)
        losses = []
        for start in range(0, len(regions), self._recipe.batch):
            some = slice(start, start + self._recipe.batch)
            logits = self._logits(as_batch(fixed_crops(regions[some], self._recipe.crop), self._device))
            losses.append(_loss(logits, torch.from_numpy(labels[some]).to(self._device)).cpu().numpy())
        loss = np.concatenate(losses).astype(np.float64)
        return float((loss[labels == 1].mean() + loss[labels == 0].mean()) / 2)


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each crop [n], the mean over its patches."""
    rows = logits.reshape(len(logits), -1)
    return F.binary_cross_entropy_with_logits(rows, labels[:, None].expand_as(rows), reduction="none").mean(1)
