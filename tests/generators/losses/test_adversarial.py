"""Adversarial losses by hand, and what Goodfellow et al. (2014) prove of the first."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.losses.adversarial import LOSSES, find_loss

REAL = torch.tensor([2.0, -0.5], dtype=torch.float64)
FAKE = torch.tensor([0.5, -3.0, 1.0], dtype=torch.float64)


def log(value: float) -> float:
    return math.log(value)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


CROSS_ENTROPY = -(log(sigmoid(2)) + log(sigmoid(-0.5))) / 2 - sum(log(1 - sigmoid(x)) for x in (0.5, -3, 1)) / 3
BY_HAND = {
    "non-saturating": (CROSS_ENTROPY, -sum(log(sigmoid(x)) for x in (0.5, -3, 1)) / 3),
    "minimax": (CROSS_ENTROPY, sum(log(1 - sigmoid(x)) for x in (0.5, -3, 1)) / 3),
    "hinge": ((0 + 1.5) / 2 + (1.5 + 0 + 2) / 3, 0.5),
    "lsgan": (((1 + 2.25) / 2 + (0.25 + 9 + 1) / 3) / 2, (0.25 + 16 + 0) / 6),
    "lsgan-pearson": (((1 + 2.25) / 2 + (2.25 + 4 + 4) / 3) / 2, (0.25 + 9 + 1) / 6),
    "wasserstein": (-0.5 - 0.75, 0.5),
}


@pytest.mark.parametrize("name", list(BY_HAND))
def test_values_by_hand(name: str) -> None:
    loss, (discriminator, generator) = find_loss(name), BY_HAND[name]
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(discriminator)
    assert loss.generator(FAKE).item() == pytest.approx(generator)


def test_all_are_covered_and_no_other_is_known() -> None:
    assert set(BY_HAND) <= set(LOSSES)
    with pytest.raises(OptionError, match="hinj") as refusal:
        find_loss("hinj")
    assert "hinge" in str(refusal.value.hint)


@pytest.mark.parametrize("name", list(LOSSES))
def test_discriminators_gain_by_telling_apart_and_generators_by_seeming_real(name: str) -> None:
    loss = find_loss(name)
    # Between the targets of the two sides, where the least squares have any.
    real, fake = (torch.full((4,), 0.25, requires_grad=True) for _ in range(2))
    toward_real, toward_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    assert (toward_real < 0).all()
    assert (toward_fake > 0).all()
    made = torch.full((4,), -0.25, requires_grad=True)
    (toward,) = torch.autograd.grad(loss.generator(made), made)
    assert (toward < 0).all()


@pytest.mark.parametrize(
    ("p", "q"), [([1, 3, 4], [2, 2, 4]), ([1, 1, 1, 5], [5, 1, 1, 1]), ([4, 4], [4, 4]), ([1, 7], [7, 1])]
)
def test_value_at_the_optimal_discriminator_is_twice_jsd_minus_log_4(p: list[int], q: list[int]) -> None:
    # Theorem 1. Distributions in eighths: a sample of 8 has exactly these frequencies, so that means are expectations.
    whole = sum(p)
    ps, qs = ([count / whole for count in counts] for counts in (p, q))
    # D* = p / (p + q), of which the loss takes the logit: log p − log q.
    outputs = torch.tensor([log(a) - log(b) for a, b in zip(ps, qs, strict=True)], dtype=torch.float64)
    real, fake = (outputs.repeat_interleave(torch.tensor(counts)) for counts in (p, q))
    mixture = [(a + b) / 2 for a, b in zip(ps, qs, strict=True)]
    jsd = sum((a * log(a / m) + b * log(b / m)) / 2 for a, b, m in zip(ps, qs, mixture, strict=True))
    for name in ("minimax", "non-saturating"):
        assert -find_loss(name).discriminator(real, fake).item() == pytest.approx(2 * jsd - log(4), abs=1e-12)


def test_no_other_discriminator_has_a_larger_value() -> None:
    p, q = torch.tensor([1, 3, 4]), torch.tensor([2, 2, 4])
    outputs = (p / q).double().log().requires_grad_(True)
    loss = find_loss("minimax").discriminator(outputs.repeat_interleave(p), outputs.repeat_interleave(q))
    (slope,) = torch.autograd.grad(loss, outputs, create_graph=True)
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-12, rtol=0)
    for row in slope:
        (curvature,) = torch.autograd.grad(row, outputs, retain_graph=True)
        assert (curvature >= -1e-12).all()


@pytest.mark.parametrize("confidence", [2.0, 5.0, 10.0])
def test_minimax_hardly_moves_a_generator_that_a_confident_discriminator_sees_through(confidence: float) -> None:
    def slope(name: str) -> Tensor:
        outputs = torch.full((4,), -confidence, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(find_loss(name).generator(outputs), outputs)
        return gradient

    # −σ(o) against −σ(−o): their ratio is exp(o), with both in the same direction.
    ratio = slope("minimax") / slope("non-saturating")
    torch.testing.assert_close(ratio, torch.full_like(ratio, math.exp(-confidence)))
