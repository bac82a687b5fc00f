"""Orthogonal regularisation against the formula of Brock et al. (2019), equation 3."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganeval.generators.losses.orthogonal import (
    add_orthogonal_gradients,
    orthogonal_gradient,
    orthogonal_penalty,
    regularised_weights,
)
from ganeval.generators.networks.spectral_norm import with_spectral_norm

SHAPES = [(3, 7), (7, 3), (5, 5), (4, 2, 3, 3), (20, 2, 1, 1)]


def literally(weight: Tensor) -> Tensor:
    matrix = weight.flatten(1)
    apart = (matrix @ matrix.T) * (1 - torch.eye(len(matrix), dtype=matrix.dtype))
    return torch.linalg.matrix_norm(apart).square()


@pytest.mark.parametrize("shape", SHAPES)
def test_penalty_and_gradient_are_the_formulas(shape: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(2)
    weight = torch.randn(*shape, generator=random, dtype=torch.float64, requires_grad=True)
    expected = literally(weight)
    (gradient,) = torch.autograd.grad(expected, weight)
    torch.testing.assert_close(orthogonal_penalty(weight), expected)
    torch.testing.assert_close(orthogonal_gradient(weight), gradient)
    (own,) = torch.autograd.grad(orthogonal_penalty(weight), weight)
    torch.testing.assert_close(own, gradient)


def test_lengths_of_rows_are_free() -> None:
    rows = torch.linalg.qr(torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0].T
    stretched = rows * torch.tensor([[0.1], [1.0], [5.0], [30.0]], dtype=torch.float64)
    assert orthogonal_penalty(stretched).item() == pytest.approx(0, abs=1e-9)
    assert orthogonal_gradient(stretched).abs().max().item() == pytest.approx(0, abs=1e-9)
    # The original regularisation, with the diagonal, would be far from 0.
    assert (stretched @ stretched.T - torch.eye(4)).square().sum() > 1e5


def test_it_is_added_to_gradients_that_are_there() -> None:
    first, second = nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(3, 4))
    first.grad = torch.ones(3, 4)
    add_orthogonal_gradients([first, second], 0.25)
    torch.testing.assert_close(first.grad, 1 + 0.25 * orthogonal_gradient(first))
    assert second.grad is None


def test_descending_draws_rows_apart() -> None:
    weight = nn.Parameter(torch.rand(4, 9, generator=torch.Generator().manual_seed(0)))
    before = orthogonal_penalty(weight).item()
    for _ in range(200):
        weight.grad = torch.zeros_like(weight)
        add_orthogonal_gradients([weight], 1.0)
        weight.data -= 0.01 * weight.grad
    assert orthogonal_penalty(weight).item() < 1e-3 * before


def test_regularised_are_the_raw_weights_of_linear_layers_and_convolutions() -> None:
    network = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 5), nn.BatchNorm2d(5), nn.Conv2d(5, 6, 3))
    raw = [network[1].weight, network[3].weight]
    for _ in range(2):
        found = list(regularised_weights([network]))
        assert [id(weight) for weight in found] == [id(weight) for weight in raw]
        with_spectral_norm(network)
