"""Both parts of the evidence lower bound against torch's distributions and hand-computed cases."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from ganeval.generators.losses.likelihood import (
    bernoulli_log_likelihood,
    divergence_from_standard_normal,
    gaussian_log_likelihood,
)


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(4)


def test_divergence_by_hand() -> None:
    mean = torch.tensor([[0.0, 0.0], [1.0, -2.0], [0.0, 0.0]])
    log_variance = torch.tensor([[0.0, 0.0], [0.0, 0.0], [math.log(4.0), 0.0]])
    # ½ μ² for unit variances; ½ (σ² − 1 − log σ²) for a mean of 0.
    expected = [0.0, 2.5, (4 - 1 - math.log(4)) / 2]
    assert divergence_from_standard_normal(mean, log_variance).tolist() == pytest.approx(expected)


def test_divergence_is_torchs(random: torch.Generator) -> None:
    mean, log_variance = 2 * torch.randn(2, 30, 5, generator=random, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    found = divergence_from_standard_normal(mean, log_variance)
    torch.testing.assert_close(found, expected)
    assert bool((found >= 0).all())


def test_bernoulli_is_torchs_on_black_and_white(random: torch.Generator) -> None:
    activations = torch.randn(4, 2, 3, 3, generator=random, dtype=torch.float64)
    images = torch.randint(2, (4, 2, 3, 3), generator=random) * 2.0 - 1
    probabilities = (1 + activations.tanh()) / 2
    expected = Bernoulli(probabilities).log_prob((images.double() + 1) / 2).flatten(1).sum(1)
    torch.testing.assert_close(bernoulli_log_likelihood(activations, images.double()), expected)


def test_bernoulli_is_largest_where_the_decoded_image_is_the_image(random: torch.Generator) -> None:
    images = torch.rand(5, 1, 4, 4, generator=random) * 1.8 - 0.9
    activations = images.atanh().requires_grad_(True)
    (gradient,) = torch.autograd.grad(bernoulli_log_likelihood(activations, images).sum(), activations)
    assert gradient.abs().max().item() < 1e-5


@pytest.mark.parametrize("deviation", [0.1, 1.0, 3.0])
def test_gaussian_is_torchs(random: torch.Generator, deviation: float) -> None:
    activations = torch.randn(4, 3, 5, 2, generator=random, dtype=torch.float64)
    images = torch.rand(4, 3, 5, 2, generator=random, dtype=torch.float64) * 2 - 1
    expected = Normal(activations.tanh(), deviation).log_prob(images).flatten(1).sum(1)
    found = gaussian_log_likelihood(activations, images, torch.tensor(deviation).double().log())
    torch.testing.assert_close(found, expected)


def test_the_best_deviation_is_the_root_mean_square_error(random: torch.Generator) -> None:
    activations = torch.randn(6, 1, 8, 8, generator=random, dtype=torch.float64)
    images = torch.rand(6, 1, 8, 8, generator=random, dtype=torch.float64) * 2 - 1
    rms = (images - activations.tanh()).square().mean().sqrt()
    log_deviation = rms.log().requires_grad_(True)
    (gradient,) = torch.autograd.grad(gaussian_log_likelihood(activations, images, log_deviation).sum(), log_deviation)
    assert gradient.item() == pytest.approx(0, abs=1e-9)
