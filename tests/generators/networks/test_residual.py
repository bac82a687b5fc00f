"""Residual blocks compute the paper's sums, with any norm; networks of them have the paper's tables."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate

from ganeval.generators.networks.architectures import (
    ARCHITECTURES,
    Sizes,
    find_architecture,
    residual_discriminator,
    residual_generator,
)
from ganeval.generators.networks.attention import SelfAttention
from ganeval.generators.networks.residual import DownBlock, UpBlock


def convolved(layer: nn.Module, features: Tensor) -> Tensor:
    assert isinstance(layer, nn.Conv2d)
    return conv2d(features, layer.weight, layer.bias, padding=layer.padding)


def test_up_block_is_the_sum_of_its_two_ways() -> None:
    torch.manual_seed(0)
    block = UpBlock(4, 3).double()
    features = torch.randn(5, 4, 3, 2, dtype=torch.float64)
    # In this order as the paper draws it; the block saves work with another that gives the same.
    beside = convolved(block.shortcut, interpolate(features, scale_factor=2))
    inner = convolved(block.conv1, interpolate(nn.BatchNorm2d(4).double()(features).relu(), scale_factor=2))
    inner = convolved(block.conv2, nn.BatchNorm2d(3).double()(inner).relu())
    torch.testing.assert_close(block(features), beside + inner)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("halve", [False, True])
def test_down_block_is_the_sum_of_its_two_ways(first: bool, halve: bool) -> None:
    torch.manual_seed(0)
    block = DownBlock(4, 3, halve=halve, first=first, hidden=7).double()
    features = torch.randn(5, 4, 6, 4, dtype=torch.float64)
    inner = convolved(block.conv1, features if first else features.relu())
    assert inner.shape[1] == 7
    both = convolved(block.shortcut, features) + convolved(block.conv2, inner.relu())
    torch.testing.assert_close(block(features), avg_pool2d(both, 2) if halve else both)


def test_a_block_that_changes_nothing_has_no_convolution_beside() -> None:
    assert isinstance(UpBlock(4, 4, scale=1).shortcut, nn.Identity)
    assert isinstance(DownBlock(4, 4, halve=False).shortcut, nn.Identity)
    assert UpBlock(4, 4, scale=1)(torch.randn(2, 4, 3, 3)).shape == (2, 4, 3, 3)


class Scaled(nn.Module):
    """A norm that multiplies by its condition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        assert features.shape[1] == self.channels
        return features * condition[:, None, None, None]


def test_conditions_reach_both_norms() -> None:
    block = UpBlock(4, 3, norm=Scaled).double()
    for bias in (block.conv1.bias, block.conv2.bias):
        assert bias is not None
        nn.init.zeros_(bias)
    features = torch.randn(2, 4, 3, 3, dtype=torch.float64)
    ones = block(features, torch.ones(2, dtype=torch.float64))
    beside = block(features, torch.zeros(2, dtype=torch.float64))
    # ReLUs and convolutions without bias are homogeneous: twice the scale in both norms makes four times the result.
    fourfold = block(features, torch.full((2,), 2.0, dtype=torch.float64))
    torch.testing.assert_close(fourfold - beside, 4 * (ones - beside))


def test_norms_of_a_discriminator_stand_before_its_rectifiers() -> None:
    block = DownBlock(4, 3, norm=lambda channels: nn.GroupNorm(1, channels))
    assert isinstance(block.norm1, nn.GroupNorm)
    assert isinstance(block.norm2, nn.GroupNorm)
    assert isinstance(DownBlock(4, 3, first=True, norm=nn.BatchNorm2d).norm1, nn.Identity)


def widths(blocks: nn.Sequential) -> list[tuple[int, int]]:
    return [(b.conv1.in_channels, b.conv2.out_channels) for b in blocks if isinstance(b, UpBlock | DownBlock)]


def test_networks_for_32_pixels_are_those_of_table_4() -> None:
    generator = residual_generator(128, Sizes((32, 32), 3, 256, 256))
    assert widths(generator.blocks) == [(256, 256)] * 3
    discriminator = residual_discriminator(Sizes((32, 32), 3, 128, 128))
    assert widths(discriminator.blocks) == [(3, 128), (128, 128), (128, 128), (128, 128)]
    assert [block.halve for block in discriminator.blocks] == [True, True, False, False]


def test_networks_for_128_pixels_are_those_of_table_5() -> None:
    # Nothing is computed, so that nothing is stored either.
    with torch.device("meta"):
        generator = residual_generator(4, Sizes((128, 128), 3, 64))
        discriminator = residual_discriminator(Sizes((128, 128), 3, 64))
    assert widths(generator.blocks) == [(1024, 1024), (1024, 512), (512, 256), (256, 128), (128, 64)]
    assert widths(discriminator.blocks) == [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024), (1024, 1024)]
    assert [block.halve for block in discriminator.blocks] == [True] * 5 + [False]
    # Between a block's two convolutions are as many channels as before it, but for the first.
    assert [block.conv1.out_channels for block in discriminator.blocks] == [64, 64, 128, 256, 512, 1024]


@pytest.mark.parametrize("name", list(ARCHITECTURES))
@pytest.mark.parametrize(
    ("size", "channels"), [((28, 28), 1), ((32, 32), 3), ((16, 24), 5), ((8, 8), 1), ((96, 64), 2)]
)
def test_shapes(name: str, size: tuple[int, int], channels: int) -> None:
    sizes = Sizes(size, channels, 2, 8)
    architecture = find_architecture(name)
    images = architecture.generator(5, sizes)(torch.randn(3, 5))
    assert images.shape == (3, channels, *size)
    assert images.abs().max() <= 1
    for norm in ("none", "instance", "batch"):
        assert architecture.discriminator(sizes, norm)(images).shape == (3,)


@pytest.mark.parametrize(
    ("size", "sides"), [((28, 28), (14, 14)), ((32, 32), (16, 16)), ((64, 64), (32, 32)), ((128, 128), (32, 32))]
)
def test_attention_sees_maps_of_32_pixels_or_half_a_small_image(size: tuple[int, int], sides: tuple[int, int]) -> None:
    seen: list[tuple[int, ...]] = []

    def noting(channels: int) -> nn.Module:
        layer = SelfAttention(channels)
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[2:])))
        return layer

    sizes = Sizes(size, 1, 2, 2)
    build: list[Callable[[], Tensor]] = [
        lambda: residual_generator(3, sizes, noting)(torch.randn(2, 3)),
        lambda: residual_discriminator(sizes, attention=noting)(torch.randn(2, 1, *size)),
    ]
    for make in build:
        make()
    assert seen == [sides, sides]
