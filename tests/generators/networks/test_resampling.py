"""Resampling: against loops, bilinear interpolation away from edges, and its gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganeval.errors import OptionError
from ganeval.generators.networks.resampling import BINOMIAL, blur, downsample, upfirdn, upsample


def by_loops(row: list[float], taps: list[float], up: int, down: int, padding: tuple[int, int]) -> list[float]:
    """One axis: zeros after each value, padding, the sum of the convolution at each place, every down-th."""
    spread = [value for number in row for value in [number] + [0.0] * (up - 1)]
    padded = [0.0] * padding[0] + spread + [0.0] * padding[1]
    whole = [
        sum(taps[k] * padded[place + len(taps) - 1 - k] for k in range(len(taps)))
        for place in range(len(padded) - len(taps) + 1)
    ]
    return whole[::down]


@pytest.mark.parametrize(
    ("taps", "up", "down", "padding"),
    [
        ([1.0, 2.0, 5.0], 1, 1, (0, 0)),
        ([1.0, 2.0, 5.0], 2, 1, (2, 1)),
        ([1.0, 3.0, -3.0, 7.0], 1, 2, (1, 1)),
        ([1.0, 2.0], 3, 2, (1, 4)),
    ],
)
def test_as_by_loops_along_both_axes(taps: list[float], up: int, down: int, padding: tuple[int, int]) -> None:
    images = torch.randn(2, 3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    result = upfirdn(images, taps, up=up, down=down, padding=padding)
    for sample in range(2):
        for channel in range(3):
            rows = [by_loops(row, taps, up, down, padding) for row in images[sample, channel].tolist()]
            columns = [by_loops(list(column), taps, up, down, padding) for column in zip(*rows, strict=True)]
            torch.testing.assert_close(result[sample, channel], torch.tensor(columns, dtype=torch.float64).T)


def test_negative_padding_crops() -> None:
    images = torch.randn(1, 1, 8, 8)
    torch.testing.assert_close(upfirdn(images, [1.0], padding=(-2, -1)), images[..., 2:-1, 2:-1])


def test_upsampling_interpolates_linearly_but_for_the_edges() -> None:
    images = torch.randn(2, 3, 6, 8)
    expected = interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)
    assert upsample(images).shape == (2, 3, 12, 16)
    torch.testing.assert_close(upsample(images)[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


def test_halving_keeps_brightness_and_removes_the_highest_frequency() -> None:
    assert downsample(torch.ones(1, 1, 8, 8)).shape == (1, 1, 4, 4)
    torch.testing.assert_close(downsample(torch.ones(1, 1, 8, 8))[..., 1:-1, 1:-1], torch.ones(1, 1, 2, 2))
    stripes = torch.tensor([1.0, -1.0]).repeat(4).expand(1, 1, 8, 8)
    torch.testing.assert_close(downsample(stripes)[..., 1:-1, 1:-1], torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize("function", [lambda x: blur(x, (2, 2), gain=4.0), upsample, downsample])
def test_gradients_of_first_and_second_order(function: object) -> None:
    images = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)

    def nonlinear(values: Tensor) -> Tensor:
        return function(values).sin()  # type: ignore[operator,no-any-return]

    assert torch.autograd.gradcheck(nonlinear, images)
    assert torch.autograd.gradgradcheck(nonlinear, images)


def test_the_filter_is_the_binomial() -> None:
    assert [8 * tap for tap in BINOMIAL] == [1, 3, 3, 1]


def test_refuses_what_doesnt_fit() -> None:
    with pytest.raises(OptionError, match="4 taps doesn't fit into 3 pixels"):
        upfirdn(torch.zeros(1, 1, 3, 3), BINOMIAL)
    with pytest.raises(OptionError, match="factors"):
        upfirdn(torch.zeros(1, 1, 3, 3), [1.0], up=0)
