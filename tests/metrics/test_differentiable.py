"""Losses have the values of the metrics and the gradients of finite differences, and reach the images."""

from __future__ import annotations

import pytest
import torch

from ganeval.errors import ExtractorError, MetricError, NotEnoughImagesError, OptionError
from ganeval.metrics import PRDC, FrechetDistance, KernelDistance, frechet_distance, kernel_distance
from ganeval.metrics.differentiable import FrechetLoss, KernelLoss, frechet_distance_loss, kernel_distance_loss
from ganeval.metrics.moments import Moments


def rows(count: int, dimension: int, seed: int) -> torch.Tensor:
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


#: Images and dimensions: covariances of full rank, of a lower one in the batch, and in both.
SHAPES = [(40, 12, 5), (40, 4, 7), (6, 4, 9)]


@pytest.mark.parametrize(("n_real", "n_generated", "dimension"), SHAPES)
def test_values_and_gradients(n_real, n_generated, dimension) -> None:
    real, generated = rows(n_real, dimension, 0), rows(n_generated, dimension, 1) * 1.5 + 0.3
    assert float(frechet_distance_loss(real, generated)) == pytest.approx(frechet_distance(real, generated).value)
    expected = kernel_distance(real, generated).corrected
    assert float(kernel_distance_loss(real, generated)) == pytest.approx(expected)
    generated.requires_grad_()
    for loss in (FrechetLoss(Moments.of(real)), KernelLoss(real, gamma=0.3)):
        assert torch.autograd.gradcheck(loss, generated)


def test_copies_in_a_batch_leave_the_gradient_finite() -> None:
    real = rows(30, 4, 0)
    batch = rows(5, 4, 1)[[0, 0, 0, 1, 2]].requires_grad_()
    frechet_distance_loss(real, batch).backward()
    assert torch.isfinite(batch.grad).all()
    same = torch.zeros(3, 4, dtype=torch.float64).requires_grad_()
    frechet_distance_loss(real, same).backward()
    torch.testing.assert_close(same.grad, -2 * real.mean(dim=0).expand(3, -1) / 3)


def test_descent_brings_the_distance_down() -> None:
    real, batch = rows(200, 3, 0), (rows(60, 3, 1) * 3 + 2).float().requires_grad_()
    loss = FrechetLoss(real)
    first = float(loss(batch).detach())
    optimiser = torch.optim.Adam([batch], lr=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        loss(batch).backward()
        optimiser.step()
    assert float(loss(batch).detach()) < 0.02 * first


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
@pytest.mark.parametrize("side", [32, 40, 100])
def test_gradients_reach_the_images_through_an_extractor(kind, side) -> None:
    random = torch.Generator().manual_seed(0)
    real = torch.rand(12, 3, side, side, generator=random)
    # Extracted by the engine, in inference mode, which must leave nothing behind that a gradient can't go through.
    metric = kind("pixels", real, value_range=(-1, 1), requires_grad=True, keep_features=True, cache=False)
    images = (torch.rand(4, 3, side, side, generator=random) * 2 - 1).requires_grad_()
    loss = metric.loss(images)
    loss.backward()
    step = 1e-2 * images.grad.sign()
    assert images.grad.abs().sum() > 0
    with torch.no_grad():
        clipped = (images - step).clamp(-1, 1)
        assert float(metric.loss(clipped)) < float(loss)
    assert int(metric.generated_count) == 0
    assert metric(images).requires_grad
    assert int(metric.generated_count) == 4


def test_losses_are_asked_for_and_possible() -> None:
    images = torch.rand(4, 3, 8, 8, requires_grad=True)
    with pytest.raises(OptionError, match="requires_grad=True"):
        FrechetDistance("pixels", value_range=(0, 1)).loss(images)
    with pytest.raises(OptionError, match="can't be a loss"):
        PRDC("pixels", requires_grad=True)
    metric = FrechetDistance(
        lambda batch: batch.detach().float().mean(dim=(2, 3)), value_range=(0, 1), requires_grad=True
    )
    with pytest.raises(MetricError, match="no real images"):
        metric.loss(images)
    metric.update(torch.rand(5, 3, 8, 8), real=True)
    with pytest.raises(ExtractorError, match="no gradient"):
        metric.loss(images)
    with pytest.raises(NotEnoughImagesError, match="at least 2"):
        FrechetLoss(rows(5, 3, 0))(rows(1, 3, 1))
    with pytest.raises(MetricError, match="3"):
        FrechetLoss(rows(5, 3, 0))(rows(4, 2, 1))
