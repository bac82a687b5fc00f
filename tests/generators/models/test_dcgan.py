"""The DCGAN's networks have the shapes and the guidelines of Radford et al. (2016), and it learns."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.models.dcgan import DCGAN, ConvolutionalConfig
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.finishing import finished_model
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer


def model(**options: Any) -> DCGAN:
    return DCGAN.initialised(configured(ConvolutionalConfig, options), seed=3)


@pytest.fixture(scope="module")
def digits() -> npt.NDArray[np.uint8]:
    images: npt.NDArray[np.float64] = load_digits().images
    return np.round(images * 255 / 16).astype(np.uint8)[:, np.newaxis]


@pytest.mark.parametrize(
    ("size", "base", "widths"),
    [
        ((8, 8), (4, 4), [6]),
        ((28, 28), (7, 7), [6, 12]),
        ((32, 32), (4, 4), [6, 12, 24]),
        ((48, 48), (6, 6), [6, 12, 24]),
        ((64, 64), (4, 4), [6, 12, 24, 48]),
        ((32, 48), (4, 6), [6, 12, 24]),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_shapes(size: tuple[int, int], base: tuple[int, int], widths: list[int], channels: int) -> None:
    made = model(size=size, channels=channels, latent=10, width=6)
    images = made.render(made.draw(3, random_stream(0)))
    assert images.shape == (3, channels, *size)
    assert images.abs().max() <= 1
    assert made.judge(images, None).shape == (3,)
    convolutions = [layer for layer in made.discriminator.layers if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == widths
    assert made.discriminator.head.kernel_size == base


@pytest.mark.parametrize("side", [3, 4, 7, 9, 30, 100])
def test_impossible_sizes_are_named(side: int) -> None:
    with pytest.raises(OptionError, match=rf"{side}×{side} pixels"):
        ConvolutionalConfig(size=(side, side))


@pytest.mark.parametrize("field", ["channels", "latent", "width"])
def test_sizes_are_positive(field: str) -> None:
    with pytest.raises(OptionError, match=field):
        configured(ConvolutionalConfig, {field: 0})


def test_guidelines_of_the_paper() -> None:
    made = model(size=64)
    generator = list(made.generator.layers)
    discriminator = [*made.discriminator.layers, made.discriminator.head]
    kinds = {type(layer) for layer in generator + discriminator}
    assert not kinds & {nn.MaxPool2d, nn.AvgPool2d, nn.Upsample}
    assert isinstance(generator[-1], nn.Tanh)
    assert not any(isinstance(layer, nn.LeakyReLU) for layer in generator)
    assert not any(isinstance(layer, nn.Linear | nn.ReLU) for layer in discriminator)
    assert {layer.negative_slope for layer in discriminator if isinstance(layer, nn.LeakyReLU)} == {0.2}
    # No batch norm beside the images, one after every other convolution or projection.
    assert not isinstance(discriminator[1], nn.BatchNorm2d)
    assert not isinstance(generator[-2], nn.BatchNorm2d)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in generator) == 4
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in discriminator) == 3


def test_first_weights_have_the_papers_spread() -> None:
    for name, value in model(size=32).named_parameters():
        if value.ndim == 1 and name.endswith("bias"):
            assert value.abs().max() == 0
        elif value.ndim == 1:
            assert value.mean().item() == pytest.approx(1, abs=5 * 0.02 / value.numel() ** 0.5)
        else:
            # The standard deviation of n normal draws is known to a relative error of 1 / sqrt(2n).
            assert value.std().item() == pytest.approx(0.02, rel=5 / (2 * value.numel()) ** 0.5)
            assert value.mean().item() == pytest.approx(0, abs=5 * 0.02 / value.numel() ** 0.5)


def test_losses_begin_undecided_and_weights_move(digits: npt.NDArray[np.uint8]) -> None:
    made = model(size=8, channels=1, latent=8, width=8)
    before = copy.deepcopy(made.state_dict())
    trainer = Trainer(made, ImageArrays(digits), TrainingSettings(seed=5))
    seen = [trainer.step() for _ in range(3)]
    # An untrained discriminator is undecided: ln 2 for each of its two terms, and for the generator's one.
    assert seen[0]["discriminator/adversarial"] == pytest.approx(2 * np.log(2), abs=0.3)
    assert seen[0]["generator/adversarial"] == pytest.approx(np.log(2), abs=0.3)
    for network in ("generator", "discriminator"):
        moved = [name for name, value in made.named_parameters() if not torch.equal(before[name], value)]
        assert any(name.startswith(network) for name in moved)


def test_training_brings_samples_nearer_to_the_data(digits: npt.NDArray[np.uint8]) -> None:
    fast = {"generator_rate": 2e-3, "discriminator_rate": 2e-3}
    made = model(size=8, channels=1, latent=8, width=8, **fast)
    trainer = Trainer(made, ImageArrays(digits), TrainingSettings(seed=5, average_decay=0.95))

    def distance() -> float:
        finished = finished_model(trainer)
        with torch.no_grad():
            samples = finished.render(finished.draw(500, random_stream(0)))
        return float(np.linalg.norm(samples.flatten(1).mean(0).numpy() - (digits.reshape(-1, 64) / 127.5 - 1).mean(0)))

    untrained = distance()
    for _ in range(120):
        trainer.step()
    assert distance() < untrained / 3
