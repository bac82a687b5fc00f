"""A small convolutional network that says which class a small grey image shows: the judge of stacked images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from ganeval.errors import MetricError

Grey = npt.NDArray[np.uint8]

#: Fewest steps of training, whatever the number of images, and passes over them at least.
STEPS = 400
PASSES = 5
_BATCH = 64
_RATE = 3e-3
_PREDICTED = 1024


@dataclass(frozen=True)
class GreyClassifier:
    """Two convolutions and two linear layers, trained by Adam with one cycle of the learning rate.

    Parameters
    ----------
    classes
        In sorted order; predictions are places in it.
    network
        In evaluation mode.
    """

    classes: tuple[str, ...]
    network: nn.Module

    @classmethod
    def fit(cls, images: Grey, labels: Sequence[Any], *, seed: int = 0) -> GreyClassifier:
        """Train on grey images, uint8 [N, H, W], and one label each; seconds for 10,000 of 28 x 28.

        The same images and seed give the same network on the same machine, and no random state of torch is touched.

        Raises
        ------
        MetricError
            If there are fewer than two classes.
        """
        texts = [str(label) for label in labels]
        classes = tuple(sorted(set(texts)))
        if len(classes) < 2:
            raise MetricError("a classifier needs images of at least two classes", hint="Give labels of all classes.")
        place = {text: number for number, text in enumerate(classes)}
        targets = torch.tensor([place[text] for text in texts])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = _network(len(classes))
            _train(network, images, targets)
        return cls(classes, network.eval())

    def predict(self, images: Grey) -> npt.NDArray[np.int64]:
        """Places in `classes`, int64 [N], for grey images uint8 [N, H, W]."""
        found = []
        with torch.inference_mode():
            for start in range(0, len(images), _PREDICTED):
                found.append(self.network(_batch(images[start : start + _PREDICTED])).argmax(dim=1))
        return np.asarray(torch.cat(found).numpy(), dtype=np.int64) if found else np.empty(0, dtype=np.int64)


def _network(classes: int) -> nn.Module:
    # The pooling to 7 x 7 makes it fit for images of any size; 28 x 28 are there already.
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(7),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(32 * 49, 96),
        nn.ReLU(),
        nn.Linear(96, classes),
    )


def _train(network: nn.Module, images: Grey, targets: torch.Tensor) -> None:
    steps_a_pass = -(-len(images) // _BATCH)
    passes = max(PASSES, -(-STEPS // steps_a_pass))
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_RATE, total_steps=passes * steps_a_pass)
    for _ in range(passes):
        order = torch.randperm(len(images))
        for start in range(0, len(images), _BATCH):
            rows = order[start : start + _BATCH]
            optimiser.zero_grad()
            loss: torch.Tensor = F.cross_entropy(network(_batch(images[rows.numpy()])), targets[rows])
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()


def _batch(images: Grey) -> torch.Tensor:
    return torch.from_numpy(images.astype(np.float32) / 127.5 - 1.0)[:, None]
