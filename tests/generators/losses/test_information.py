"""The bounds of Chen et al. (2016) against mutual information that is known, and against torch's distributions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, Uniform

from ganeval.generators.losses.information import categorical_information, gaussian_information

# p(x | c) of three equally likely codes and four images.
CHANNEL = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.0, 0.5, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)


def bound(posterior: torch.Tensor) -> float:
    """E over (c, x) of the channel of the bound for Q(c | x) = posterior[x, c]."""
    rows = [(c, x, float(CHANNEL[c, x]) / 3) for c in range(3) for x in range(4)]
    values = [
        (share, categorical_information(posterior[x].clamp_min(1e-300).log()[None], torch.tensor([c])).item())
        for c, x, share in rows
        if share
    ]
    return sum(share * value for share, value in values)


def test_the_bound_is_the_mutual_information_for_the_true_posterior_and_less_for_any_other() -> None:
    joint = CHANNEL / 3
    independent = joint.sum(0) * joint.sum(1, keepdim=True)
    information = torch.special.xlogy(joint, joint / independent).sum().item()
    posterior = (joint / joint.sum(0)).T
    assert bound(posterior) == pytest.approx(information, abs=1e-12)
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        other = torch.rand(4, 3, generator=random, dtype=torch.float64) + 0.05
        assert bound(other / other.sum(1, keepdim=True)) < information - 1e-3


def test_its_ends() -> None:
    codes = torch.tensor([0, 3, 1, 2])
    sure = 1000 * torch.nn.functional.one_hot(codes, 4).float()
    assert categorical_information(sure, codes).item() == pytest.approx(math.log(4))
    assert categorical_information(torch.full((4, 4), 7.0), codes).item() == pytest.approx(0, abs=1e-6)


def test_of_continuous_codes() -> None:
    random = torch.Generator().manual_seed(1)
    codes = torch.rand(50, 3, generator=random, dtype=torch.float64) * 2 - 1
    mean, log_deviation = torch.randn(2, 50, 3, generator=random, dtype=torch.float64)
    prior = Uniform(-torch.ones(3, dtype=torch.float64), 1.0)
    expected = Normal(mean, log_deviation.exp()).log_prob(codes).sum(1).mean() + prior.entropy().sum()
    assert gaussian_information(mean, log_deviation, codes).item() == pytest.approx(expected.item(), rel=1e-12)


def test_blind_continuous_recognition_knows_less_than_nothing() -> None:
    codes = torch.linspace(-1, 1, 2001, dtype=torch.float64)[:, None]
    blind = gaussian_information(torch.zeros_like(codes), torch.full_like(codes, -math.log(3) / 2), codes)
    # The normal distribution of the same variance is the best blind one; it lacks KL(U ‖ N) = ½ log(πe/6).
    assert blind.item() == pytest.approx(-math.log(math.pi * math.e / 6) / 2, abs=1e-3)
