"""Path lengths of a linear generator, in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganeval.generators.losses.path_length import path_length_penalty, path_lengths


def linear_images(styles: Tensor, matrices: Tensor) -> Tensor:
    """Images [N, 1, 4, 6] = Σ_l A_l w_l, with A [L, 24, D]."""
    return torch.einsum("lpd,nld->np", matrices, styles).reshape(-1, 1, 4, 6)


def test_lengths_of_a_linear_generator() -> None:
    random = torch.Generator().manual_seed(3)
    matrices = torch.randn(5, 24, 7, generator=random)
    styles = torch.randn(3, 5, 7, generator=random).requires_grad_()
    lengths = path_lengths(linear_images(styles, matrices), styles, torch.Generator().manual_seed(9))
    y = torch.randn((3, 1, 4, 6), generator=torch.Generator().manual_seed(9)).flatten(1) / math.sqrt(24)
    for sample in range(3):
        squares = [float((matrices[layer].T @ y[sample]).square().sum()) for layer in range(5)]
        assert lengths[sample].item() == pytest.approx(math.sqrt(sum(squares) / 5), rel=1e-5)


def test_orthogonal_maps_have_the_length_of_their_scale() -> None:
    # E‖Jᵀy‖² = ‖J‖²_F/(HW) = scale²·D/(HW) of one layer with orthonormal columns: equation 4's minimum.
    columns = torch.linalg.qr(torch.randn(24, 24))[0]
    styles = torch.randn(4000, 1, 24).requires_grad_()
    lengths = path_lengths(linear_images(styles, 3 * columns[None]), styles, torch.Generator().manual_seed(0))
    assert lengths.square().mean().item() == pytest.approx(9.0, rel=0.03)


def test_the_penalty_moves_the_mean_first_and_holds_it_in_the_gradient() -> None:
    lengths, mean = torch.tensor([1.0, 3.0], requires_grad=True), torch.tensor(10.0)
    penalty = path_length_penalty(lengths, mean, decay=0.25)
    assert mean.item() == pytest.approx(10 + 0.25 * (2 - 10))
    assert penalty.item() == pytest.approx(((1 - 8) ** 2 + (3 - 8) ** 2) / 2)
    penalty.backward()
    torch.testing.assert_close(lengths.grad, torch.tensor([-7.0, -5.0]))


def test_the_penalty_has_gradients_for_what_made_the_images() -> None:
    matrices = torch.randn(2, 24, 3).requires_grad_()
    styles = torch.randn(4, 2, 3).requires_grad_()
    lengths = path_lengths(linear_images(styles, matrices), styles, torch.Generator().manual_seed(0))
    path_length_penalty(lengths, torch.tensor(0.0)).backward()
    assert matrices.grad is not None
    assert matrices.grad.abs().sum() > 0
