"""The DCGAN's networks have the shapes and the guidelines of Radford et al. (2016)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganeval.errors import OptionError
from ganeval.generators.models.dcgan import DCGANConfig, Discriminator, Generator, initialise


@pytest.mark.parametrize(
    ("resolution", "base", "widths"),
    [(8, 4, [6]), (28, 7, [6, 12]), (32, 4, [6, 12, 24]), (48, 6, [6, 12, 24]), (64, 4, [6, 12, 24, 48])],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(resolution: int, base: int, widths: list[int], channels: int) -> None:
    config = DCGANConfig(resolution=resolution, channels=channels, latent=10, width=6)
    assert (config.base, config.widths) == (base, widths)
    images = Generator(config)(torch.rand(3, 10))
    assert images.shape == (3, channels, resolution, resolution)
    assert images.abs().max() <= 1
    assert Discriminator(config)(images).shape == (3,)


@pytest.mark.parametrize("resolution", [0, 3, 4, 7, 9, 30, 100])
def test_impossible_resolutions_are_named(resolution: int) -> None:
    with pytest.raises(OptionError, match=rf"{resolution}"):
        DCGANConfig(resolution=resolution)


@pytest.mark.parametrize("field", ["channels", "latent", "width"])
def test_sizes_are_positive(field: str) -> None:
    with pytest.raises(OptionError, match=field):
        DCGANConfig(**{field: 0})


def test_guidelines_of_the_paper() -> None:
    config = DCGANConfig(resolution=64, channels=3)
    generator, discriminator = list(Generator(config).layers), list(Discriminator(config).layers)
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


def test_initial_weights_have_the_papers_spread() -> None:
    config = DCGANConfig()
    for network in (Generator(config), Discriminator(config)):
        initialise(network, torch.Generator().manual_seed(3))
        for name, value in network.named_parameters():
            if value.ndim == 1 and name.endswith("bias"):
                assert value.abs().max() == 0
            elif value.ndim == 1:
                assert value.mean().item() == pytest.approx(1, abs=5 * 0.02 / value.numel() ** 0.5)
            else:
                # The standard deviation of n normal draws is known to a relative error of 1 / sqrt(2n).
                assert value.std().item() == pytest.approx(0.02, rel=5 / (2 * value.numel()) ** 0.5)
                assert value.mean().item() == pytest.approx(0, abs=5 * 0.02 / value.numel() ** 0.5)
