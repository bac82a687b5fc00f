"""Spectral normalisation divides by the true largest singular value, in all the situations that training has."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ganeval.generators.networks.spectral_norm import SpectralNorm, reshaped_weights, with_spectral_norm


def layers() -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1),
        nn.Flatten(),
        nn.Linear(4 * 8 * 8, 2),
    )


def largest(weight: torch.Tensor, outputs: int) -> float:
    rows = weight.detach().double().movedim(outputs, 0).flatten(1)
    return float(torch.linalg.matrix_norm(rows, ord=2))


def test_every_weight_is_divided_by_its_largest_singular_value() -> None:
    plain = layers()
    normal = with_spectral_norm(copy.deepcopy(plain))
    for _ in range(60):
        normal(torch.zeros(1, 3, 4, 4))
    assert set(reshaped_weights(normal)) == {"0", "3", "5"}
    for name, outputs in (("0", 0), ("3", 1), ("5", 0)):
        raw = plain.get_submodule(name).weight
        torch.testing.assert_close(
            normal.eval().get_submodule(name).weight, raw / largest(raw, outputs), rtol=1e-4, atol=1e-6
        )
    # A transposed convolution's matrix has its outputs, the second dimension, as rows.
    assert reshaped_weights(normal)["3"].shape == (4, 6 * 16)


def test_nothing_moves_in_evaluation_mode_and_estimates_improve_in_training() -> None:
    weight = torch.randn(40, 60, generator=torch.Generator().manual_seed(0))
    normaliser = SpectralNorm(weight)
    normaliser.u.copy_(nn.functional.normalize(torch.ones(40), dim=0))
    before = normaliser.u.clone()
    errors = [abs(largest(normaliser.eval()(weight), 0) - 1)]
    assert torch.equal(normaliser.u, before)
    for _ in range(3):
        for _ in range(30):
            normaliser.train()(weight)
        errors.append(abs(largest(normaliser.eval()(weight), 0) - 1))
    assert not torch.equal(normaliser.u, before)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.1
    assert errors[-1] < 1e-2


def test_gradient_is_that_of_the_weight_over_its_norm() -> None:
    # At convergence u and v are the singular vectors, whose movement has no first-order effect on the singular value.
    weight = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    normaliser = SpectralNorm(weight.detach())
    normaliser._refine(weight.detach(), 500)
    direction = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (found,) = torch.autograd.grad((normaliser.eval()(weight) * direction).sum(), weight)
    exact = weight / torch.linalg.matrix_norm(weight, ord=2)
    (expected,) = torch.autograd.grad((exact * direction).sum(), weight)
    torch.testing.assert_close(found, expected)


def test_two_passes_before_one_descent_and_second_derivatives() -> None:
    network = with_spectral_norm(layers())
    images = torch.randn(2, 3, 4, 4, requires_grad=True)
    first, second = network(images), network(2 * images)
    (gradient,) = torch.autograd.grad((first + second).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for n, p in network.named_parameters() if "original" in n)


def test_float64_stays_float64() -> None:
    network = with_spectral_norm(nn.Linear(3, 2)).double()
    output = network(torch.ones(1, 3, dtype=torch.float64))
    assert output.dtype == torch.float64
    assert all(buffer.dtype == torch.float64 for buffer in network.buffers())


def test_estimates_are_not_made_in_half_precision() -> None:
    network = with_spectral_norm(nn.Linear(200, 100))
    for _ in range(200):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            network(torch.ones(1, 200))
    # bfloat16 has 8 bits: it would be off by about 4e-3.
    assert largest(network.eval().weight, 0) == pytest.approx(1, abs=5e-4)


def test_state_comes_back_and_goes_on_bit_for_bit() -> None:
    images = torch.randn(2, 3, 4, 4)
    first = with_spectral_norm(layers())
    first(images)
    second = with_spectral_norm(layers())
    second.load_state_dict(first.state_dict())
    copied = copy.deepcopy(first)
    for _ in range(3):
        expected = first(images)
        assert torch.equal(second(images), expected)
        assert torch.equal(copied(images), expected)
    assert {key for key in first.state_dict() if key.endswith(".u")} == {
        f"{n}.parametrizations.weight.0.u" for n in (0, 3, 5)
    }


def test_an_averaged_weight_is_measured_itself() -> None:
    # The vector that suits one weight is applied to another: what it gives must belong to the latter.
    weight = torch.diag(torch.tensor([3.0, 1.0]))
    normaliser = SpectralNorm(weight).eval()
    torch.testing.assert_close(normaliser(2 * weight), weight / 3)


def test_a_vector_stored_in_half_precision_serves() -> None:
    layer = with_spectral_norm(nn.Linear(50, 40))
    for _ in range(150):
        layer(torch.ones(1, 50))
    normal = layer.eval().weight.detach().clone()
    layer.parametrizations["weight"][0].u.copy_(layer.parametrizations["weight"][0].u.half() * 1.001)
    torch.testing.assert_close(layer.weight, normal, rtol=1e-5, atol=1e-6)


def test_a_weight_of_zeros_stays_finite() -> None:
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    assert torch.equal(with_spectral_norm(layer)(torch.ones(1, 3)), layer.bias[None])


def test_normalising_twice_changes_nothing() -> None:
    once = with_spectral_norm(layers())
    assert set(with_spectral_norm(once).state_dict()) == set(with_spectral_norm(layers()).state_dict())
