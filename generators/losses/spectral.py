"""The spectral loss: generated images spread their power over frequencies as real ones do (Durall et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Share of power that counts as none.
_FLOOR = 1e-8


def azimuthal_integral(images: Tensor) -> Tensor:
    """Mean power of each ring of frequencies, as a share of that at frequency 0.

    Durall, Keuper and Keuper 2020, Watch your Up-Convolution, equations 2 to 4. Images are taken from [-1, 1] to [0, 1]
    first: without negative values no frequency has more power than frequency 0, and the shares are from 0 to 1.

    Parameters
    ----------
    images
        float32 or float64 [N, C, H, W] in [-1, 1]; the power of channels is added up.

    Returns
    -------
    Tensor
        [N, M/2] with M = min(H, W), rings of radius k/M cycles per pixel for k = 0 … M/2 − 1; differentiable. The first
        is 1.
    """
    count, _, height, width = images.shape
    spectrum = torch.fft.fft2((images + 1) / 2)
    power = (spectrum.real.square() + spectrum.imag.square()).sum(dim=1).flatten(1)
    rings = ring_numbers(height, width).to(images.device)
    kept = min(height, width) // 2
    sums = power.new_zeros(count, int(rings.max()) + 1).index_add(1, rings, power)[:, :kept]
    sizes = torch.bincount(rings, minlength=kept)[:kept].to(power.dtype)
    means = sums / sizes
    # A black image has no power at all.
    shares: Tensor = means / means[:, :1].clamp_min(torch.finfo(power.dtype).tiny)
    return shares


def ring_numbers(height: int, width: int) -> Tensor:
    """int64 [H·W]: the radius of each frequency of `torch.fft.fft2`, in units of 1/min(H, W), to the nearest whole."""
    rows, columns = torch.fft.fftfreq(height, dtype=torch.float64), torch.fft.fftfreq(width, dtype=torch.float64)
    radii = torch.hypot(rows[:, None], columns[None, :]) * min(height, width)
    return (radii + 0.5).floor().long().flatten()


def spectral_profile(images: Tensor) -> Tensor:
    """Logarithms of the rings' shares of power, from 0 (10⁻⁸ and far less) to 1 (as much as frequency 0).

    log(1 + share/10⁻⁸) / log(1 + 1/10⁻⁸): shares fall by orders of magnitude, so that without logarithms high
    frequencies hardly count. The authors' experiments take logarithms too and then stretch each profile from its own
    least value to its greatest, which hides the level of the highest frequencies; a fixed range doesn't. 10⁻⁸ is about
    what rounding to 8 bits leaves in small images.

    Parameters
    ----------
    images
        As of `azimuthal_integral`.

    Returns
    -------
    Tensor
        [N, M/2 − 1] without frequency 0, whose share is 1 always; differentiable.
    """
    shares = azimuthal_integral(images)[:, 1:]
    return torch.log1p(shares / _FLOOR) / math.log1p(1 / _FLOOR)


def spectral_loss(images: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy of the images' profiles against a target's, a mean over rings and images.

    Durall et al. 2020, section 4 (spectral regularisation). Its least value isn't 0 but the target's own entropy.

    Parameters
    ----------
    images
        Generated, float [N, C, H, W] in [-1, 1].
    target
        [M/2 − 1] in [0, 1], of `mean_profile`.

    Returns
    -------
    Tensor
        A scalar, differentiable by `images`.
    """
    with torch.autocast(images.device.type, enabled=False):
        smallest = torch.finfo(torch.float32).eps
        profiles = spectral_profile(images if images.dtype == torch.float64 else images.float())
        # Images outside [-1, 1] can have larger shares than 1.
        profiles = profiles.clamp(smallest, 1 - smallest)
        wanted = target.to(profiles.dtype)
        return -(wanted * profiles.log() + (1 - wanted) * (1 - profiles).log()).mean()


@torch.no_grad()
def mean_profile(images: Tensor) -> Tensor:
    """[M/2 − 1]: the mean of `spectral_profile` over real images [N, C, H, W] in [-1, 1], for `spectral_loss`."""
    with torch.autocast(images.device.type, enabled=False):
        return spectral_profile(images.float()).mean(dim=0)


@torch.no_grad()
def mean_spectrum(images: Tensor) -> Tensor:
    """[M/2]: the mean of `azimuthal_integral` over images [N, C, H, W] in [-1, 1]."""
    return azimuthal_integral(images.float()).mean(dim=0)
