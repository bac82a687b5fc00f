"""Self-attention is the identity at first, and the paper's sum over places afterwards."""

from __future__ import annotations

import pytest
import torch

from ganeval.generators.networks.attention import SelfAttention


@pytest.fixture
def layer() -> SelfAttention:
    torch.manual_seed(3)
    return SelfAttention(16)


@pytest.mark.parametrize("size", [(2, 2), (7, 7), (4, 6)])
def test_gate_of_zero_is_the_identity(layer: SelfAttention, size: tuple[int, int]) -> None:
    features = torch.randn(2, 16, *size)
    assert layer.gate.item() == 0
    assert torch.equal(layer(features), features)


def test_an_opened_gate_has_a_gradient_and_changes_the_map(layer: SelfAttention) -> None:
    features = torch.randn(2, 16, 4, 4)
    layer(features).square().sum().backward()
    assert layer.gate.grad is not None
    assert layer.gate.grad.abs() > 0
    with torch.no_grad():
        layer.gate.fill_(1.0)
    assert not torch.allclose(layer(features), features, atol=1e-3)


def test_equations_one_to_three_pixel_by_pixel() -> None:
    torch.manual_seed(5)
    layer = SelfAttention(8, pooled=False).double()
    with torch.no_grad():
        layer.gate.fill_(0.7)
    features = torch.randn(1, 8, 3, 2, dtype=torch.float64)
    pixels = features[0].flatten(1).T
    f, g, h, v = (getattr(layer, name).weight[:, :, 0, 0] for name in ("key", "query", "value", "output"))
    expected = []
    for j, at in enumerate(pixels):
        scores = torch.stack([(f @ x) @ (g @ at) for x in pixels])
        beta = scores.exp() / scores.exp().sum()
        torch.testing.assert_close(layer.attention(features)[0, j], beta)
        gathered = torch.stack([b * (h @ x) for b, x in zip(beta, pixels, strict=True)]).sum(0)
        expected.append(at + 0.7 * (v @ gathered))
    torch.testing.assert_close(layer(features)[0].flatten(1).T, torch.stack(expected))


def test_second_derivatives_exist(layer: SelfAttention) -> None:
    with torch.no_grad():
        layer.gate.fill_(1.0)
    features = torch.randn(1, 16, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(features).square().sum(), features, create_graph=True)
    gradient.square().sum().backward()
    assert layer.query.weight.grad is not None


def test_few_channels_still_attend() -> None:
    layer = SelfAttention(3)
    assert layer.attention(torch.randn(2, 3, 4, 4)).shape == (2, 16, 4)
