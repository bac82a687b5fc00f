"""Gradient penalties of linear and quadratic critics, whose gradients are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.losses.penalties import PENALTIES, find_penalty, gradient_norms, squared_gradient_norms

SLOPE = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))
REAL = torch.randn(6, 3, 4, 2, generator=torch.Generator().manual_seed(1))
FAKE = torch.randn(6, 3, 4, 2, generator=torch.Generator().manual_seed(2))


def linear(images: Tensor) -> Tensor:
    return (images * SLOPE).flatten(1).sum(1) + 3


def quadratic(images: Tensor) -> Tensor:
    return images.square().flatten(1).sum(1) / 2


def random() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.mark.parametrize("name", ["gradient-penalty", "dragan"])
def test_penalty_of_a_linear_critic_is_its_slopes_distance_from_one(name: str) -> None:
    # Wherever it's taken, the gradient is the slope itself.
    penalty = find_penalty(name).compute(linear, REAL, FAKE, random())
    assert penalty.item() == pytest.approx((SLOPE.norm().item() - 1) ** 2, rel=1e-5)
    unit = find_penalty(name).compute(lambda images: linear(images) / SLOPE.norm(), REAL, FAKE, random())
    assert unit.item() == pytest.approx(0, abs=1e-10)


def test_r1_and_r2_of_known_critics() -> None:
    squared = SLOPE.square().sum().item()
    assert find_penalty("r1").compute(linear, REAL, FAKE, random()).item() == pytest.approx(squared / 2, rel=1e-5)
    # The gradient of ‖x‖²/2 is x.
    for name, images in (("r1", REAL), ("r2", FAKE)):
        expected = images.flatten(1).square().sum(1).mean().item() / 2
        assert find_penalty(name).compute(quadratic, REAL, FAKE, random()).item() == pytest.approx(expected, rel=1e-5)


def test_gradient_penalty_is_taken_on_straight_lines_between_real_and_generated() -> None:
    shares = torch.rand(6, 1, 1, 1, generator=random())
    expected = ((REAL + shares * (FAKE - REAL)).flatten(1).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(find_penalty("gradient-penalty").compute(quadratic, REAL, FAKE, random()), expected)


def test_dragan_is_taken_around_real_images_only() -> None:
    seen: list[Tensor] = []

    def noting(images: Tensor) -> Tensor:
        seen.append(images.detach())
        return linear(images)

    many = REAL.repeat(200, 1, 1, 1)
    find_penalty("dragan").compute(noting, many, torch.full_like(many, 1e6), random())
    moved = (seen[0] - many) / many.std()
    # Uniform noise of at most half a standard deviation, times a share that is uniform for each image: a mean of 1/8.
    assert moved.min() >= -1e-6
    assert moved.max() < 0.5
    assert moved.mean().item() == pytest.approx(0.125, abs=0.01)
    assert moved.flatten(1).amax(1).min() < 0.1 < 0.4 < moved.flatten(1).amax(1).max()


def test_norms_are_per_image_and_differentiable() -> None:
    scales = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], requires_grad=True)
    norms = gradient_norms(lambda images: scales * linear(images), REAL)
    torch.testing.assert_close(norms, scales * SLOPE.norm())
    (slope,) = torch.autograd.grad(norms.sum(), scales)
    torch.testing.assert_close(slope, SLOPE.norm().expand(6))
    squared = squared_gradient_norms(lambda images: scales * linear(images), REAL)
    torch.testing.assert_close(squared, scales.square() * SLOPE.square().sum())


def test_norms_are_float32_under_autocast() -> None:
    layer = torch.nn.Linear(24, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        norms = gradient_norms(lambda images: layer(images.flatten(1)), REAL.bfloat16())
    assert norms.dtype == torch.float32
    torch.testing.assert_close(norms, layer.weight.norm().expand(6), rtol=1e-5, atol=0)


def test_a_critic_without_slope_has_a_finite_gradient() -> None:
    scale = torch.zeros((), requires_grad=True)
    find_penalty("gradient-penalty").compute(lambda images: scale * linear(images), REAL, FAKE, random()).backward()
    assert scale.grad is not None
    assert scale.grad.isfinite()


def test_weights_are_the_papers_and_no_other_name_is_known() -> None:
    assert {name: penalty.weight for name, penalty in PENALTIES.items() if name in ("gradient-penalty", "dragan")} == {
        "gradient-penalty": 10.0,
        "dragan": 10.0,
    }
    with pytest.raises(OptionError, match="gradient_penalty") as refusal:
        find_penalty("gradient_penalty")
    assert "gradient-penalty" in str(refusal.value.hint)
