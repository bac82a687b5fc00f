"""The spectral loss: spectra in closed form, its least value, and its gradient."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import interpolate

from ganeval.generators.losses.spectral import (
    azimuthal_integral,
    mean_profile,
    mean_spectrum,
    ring_numbers,
    spectral_loss,
    spectral_profile,
)


def test_rings_by_loops() -> None:
    numbers = ring_numbers(6, 9).view(6, 9)
    for row in range(6):
        for column in range(9):
            y, x = (row if row < 3 else row - 6) / 6, (column if column <= 4 else column - 9) / 9
            assert numbers[row, column] == math.floor(math.hypot(y, x) * 6 + 0.5)


def test_a_wave_has_its_power_in_its_ring() -> None:
    # 1/2 + 1/4·cos in [0, 1]: amplitudes 1/2 at frequency 0, 1/8 at ±3; power 1/16 of it twice, in a ring of 16 points.
    x = torch.arange(16, dtype=torch.float64)
    wave = 0.5 * torch.cos(2 * math.pi * 3 * x / 16).expand(1, 1, 16, 16)
    ring = int((ring_numbers(16, 16) == 3).sum())
    spectrum = azimuthal_integral(wave)[0]
    assert spectrum.shape == (8,)
    expected = torch.zeros(8, dtype=torch.float64)
    expected[0], expected[3] = 1.0, 2 / 16 / ring
    torch.testing.assert_close(spectrum, expected, atol=1e-12, rtol=0)


def test_shares_are_within_0_and_1_and_channels_add_up() -> None:
    images = torch.rand(20, 3, 12, 18) * 2 - 1
    spectra = azimuthal_integral(images)
    assert spectra.shape == (20, 6)
    assert (spectra[:, 0] == 1).all()
    assert spectra.min() >= 0
    assert spectra.max() <= 1
    grey = images[:, :1]
    torch.testing.assert_close(azimuthal_integral(grey.expand(-1, 3, -1, -1)), azimuthal_integral(grey))
    assert torch.isfinite(spectral_loss(torch.full((1, 1, 8, 8), -1.0), spectra[0, 1:4]))


def test_profiles_are_logarithms_from_0_to_1() -> None:
    images = torch.rand(3, 1, 8, 8, dtype=torch.float64) * 2 - 1
    shares, profile = azimuthal_integral(images)[:, 1:], spectral_profile(images)
    torch.testing.assert_close(profile, 1 + shares.log10() / 8, atol=1e-4, rtol=0)
    flat = spectral_profile(torch.full((1, 1, 8, 8), 0.5, dtype=torch.float64))
    torch.testing.assert_close(flat, torch.zeros(1, 3, dtype=torch.float64))


def test_the_cross_entropy_by_hand_and_its_minimum() -> None:
    random = torch.Generator().manual_seed(0)
    images = torch.rand(1, 1, 10, 10, generator=random, dtype=torch.float64) * 2 - 1
    own, other = spectral_profile(images)[0].tolist(), [0.5, 0.25, 0.1, 0.05]

    def cross_entropy(wanted: list[float]) -> float:
        pairs = zip(wanted, own, strict=True)
        return -sum(p * math.log(q) + (1 - p) * math.log(1 - q) for p, q in pairs) / len(own)

    loss = spectral_loss(images, torch.tensor(other, dtype=torch.float64))
    assert loss.item() == pytest.approx(cross_entropy(other), rel=1e-12)
    # Least where the profile is the target: the derivative by the images vanishes there and only there.
    images.requires_grad_()
    (at_target,) = torch.autograd.grad(spectral_loss(images, torch.tensor(own, dtype=torch.float64)), images)
    (elsewhere,) = torch.autograd.grad(spectral_loss(images, torch.tensor(other, dtype=torch.float64)), images)
    assert at_target.abs().max() < 1e-12
    assert elsewhere.abs().max() > 1e-4


@pytest.mark.parametrize("shape", [(2, 1, 8, 8), (1, 2, 6, 10), (1, 1, 7, 7)])
def test_gradient(shape: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(1)
    images = (torch.rand(shape, generator=random, dtype=torch.float64) * 1.8 - 0.9).requires_grad_()
    target = spectral_profile(torch.rand(shape, generator=random, dtype=torch.float64))[0]
    assert torch.autograd.gradcheck(lambda values: spectral_loss(values, target), images)


def test_descending_it_closes_the_gap() -> None:
    random = torch.Generator().manual_seed(0)
    real = torch.rand(50, 1, 16, 16, generator=random) * 2 - 1
    target, spectrum = mean_profile(real), mean_spectrum(real)
    flat = interpolate(torch.rand(4, 1, 8, 8, generator=random), scale_factor=2, mode="bilinear")
    images = flat.clone().requires_grad_()

    def gap() -> float:
        return (mean_spectrum(images.detach())[4:] / spectrum[4:]).log10().abs().mean().item()

    before = gap()
    # Plain descent: the gradient itself has to be large enough where there's little power.
    for _ in range(150):
        (slope,) = torch.autograd.grad(spectral_loss(images, target), images)
        images.data -= 20.0 * slope
    assert before > 0.5
    assert gap() < before / 4
