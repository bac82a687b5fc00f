"""Losses of discriminators that are autoencoders: reconstruction errors as energies (EBGAN, BEGAN)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu


def reconstruction_distance(images: Tensor, reconstructed: Tensor) -> Tensor:
    """‖reconstructed − images‖₂ / √(C·H·W) of each image [N, C, H, W]: float [N].

    The energy of Zhao et al. (2017), equation 4, as a root mean square, so that one margin suits all sizes.
    """
    difference = (reconstructed - images).flatten(1)
    # Squares of small errors vanish in half precision, and the root's slope at exactly 0 isn't finite.
    difference = difference.to(torch.promote_types(difference.dtype, torch.float32))
    return (difference.square().mean(dim=1) + 1e-12).sqrt()


def reconstruction_error(images: Tensor, reconstructed: Tensor) -> Tensor:
    """Mean |reconstructed − images| over the pixels of each image [N, C, H, W]: float [N].

    L(v) of Berthelot et al. (2017), equation 1, with η = 1.
    """
    return (reconstructed - images).abs().flatten(1).mean(dim=1)


def margin_loss(real: Tensor, fake: Tensor, margin: float) -> Tensor:
    """mean E(x) + mean max(0, `margin` − E(G(z))) from energies [N] and [M] (Zhao et al. 2017, equation 1)."""
    return real.mean() + relu(margin - fake).mean()


def pulling_away(codes: Tensor) -> Tensor:
    """Mean squared cosine between the codes [N, ...] of different samples (Zhao et al. 2017, equation 5).

    From 0, all orthogonal, to 1, all parallel; 0 for a single sample, which has no other.
    """
    count = len(codes)
    if count < 2:
        return codes.new_zeros(())
    directions = normalize(codes.flatten(1), dim=1)
    squared = (directions @ directions.T).square()
    return (squared.sum() - squared.diagonal().sum()) / (count * (count - 1))


def equilibrium(real: Tensor, fake: Tensor, gamma: float) -> Tensor:
    """γ·L(x) − L(G(z)): 0 where the two errors are in balance (Berthelot et al. 2017, equation 8)."""
    return gamma * real - fake


def convergence_measure(real: Tensor, fake: Tensor, gamma: float) -> Tensor:
    """L(x) + |γ·L(x) − L(G(z))|, which falls as training converges (Berthelot et al. 2017, section 3.4.1)."""
    return real + equilibrium(real, fake, gamma).abs()
