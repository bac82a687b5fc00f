"""Losses of autoencoding discriminators, by hand."""

from __future__ import annotations

import pytest
import torch

from ganeval.generators.losses.energy import (
    convergence_measure,
    equilibrium,
    margin_loss,
    pulling_away,
    reconstruction_distance,
    reconstruction_error,
)


def test_reconstruction_errors_by_hand() -> None:
    images = torch.tensor([[[[0.0, 1.0], [0.5, -1.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
    reconstructed = images + torch.tensor([[[[0.3, -0.4], [0.0, 0.0]]], [[[2.0, 2.0], [-2.0, 2.0]]]])
    torch.testing.assert_close(reconstruction_error(images, reconstructed), torch.tensor([0.175, 2.0]))
    # ‖(.3, −.4, 0, 0)‖ / √4 and ‖(2, 2, −2, 2)‖ / √4.
    torch.testing.assert_close(reconstruction_distance(images, reconstructed), torch.tensor([0.25, 2.0]))


def test_distance_has_a_finite_gradient_at_a_perfect_reconstruction() -> None:
    images = torch.ones(2, 1, 2, 2, requires_grad=True)
    reconstruction_distance(images, torch.ones(2, 1, 2, 2)).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()


def test_small_errors_count_in_half_precision() -> None:
    images = torch.zeros(2, 1, 8, 8, dtype=torch.float16)
    # 1e-4 squared is below what float16 can tell from 0.
    distance = reconstruction_distance(images, images + 1e-4)
    torch.testing.assert_close(distance, torch.full((2,), 1e-4), rtol=0.01, atol=0)


def test_margin_loss_by_hand() -> None:
    fake = torch.tensor([0.5, 3.0], requires_grad=True)
    loss = margin_loss(torch.tensor([1.0, 2.0]), fake, 2.0)
    assert loss.item() == pytest.approx(1.5 + 1.5 / 2)
    loss.backward()
    # Energies beyond the margin no longer count.
    assert fake.grad is not None
    assert fake.grad.tolist() == [-0.5, 0.0]


def test_pulling_away_by_hand() -> None:
    assert pulling_away(torch.tensor([[1.0, 0.0], [0.0, 5.0]])).item() == pytest.approx(0)
    assert pulling_away(torch.tensor([[1.0, 2.0], [-2.0, -4.0], [3.0, 6.0]])).item() == pytest.approx(1)
    # Cosines of 45° and 90° between three: two squares of 1/2 and one of 0.
    assert pulling_away(torch.tensor([[1.0, 0.0], [3.0, 3.0], [0.0, 2.0]])).item() == pytest.approx(1 / 3)
    # Codes are maps in practice.
    assert pulling_away(torch.ones(4, 3, 2, 2)).item() == pytest.approx(1)
    assert pulling_away(torch.ones(1, 3)).item() == 0


def test_pulling_away_turns_codes_apart() -> None:
    codes = torch.tensor([[1.0, 0.1], [1.0, -0.1]], requires_grad=True)
    (gradient,) = torch.autograd.grad(pulling_away(codes), codes)
    assert pulling_away(codes - 0.1 * gradient) < pulling_away(codes)


def test_balance_and_convergence_by_hand() -> None:
    real, fake = torch.tensor(0.4), torch.tensor(0.3)
    assert equilibrium(real, fake, 0.5).item() == pytest.approx(-0.1)
    assert convergence_measure(real, fake, 0.5).item() == pytest.approx(0.5)
    assert convergence_measure(real, torch.tensor(0.2), 0.5).item() == pytest.approx(0.4)
