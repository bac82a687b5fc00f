"""Path length regularisation: equal steps in the space of styles change images equally much."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def path_lengths(images: Tensor, styles: Tensor, random: torch.Generator) -> Tensor:
    """‖Jᵀy‖₂ of each image, with J the derivative of its pixels by its styles and y from N(0, 1/(height·width)).

    Karras et al. 2020 (StyleGAN2), equation 4; the square is a mean over layers and a sum over dimensions.

    Parameters
    ----------
    images
        [N, C, H, W], made from `styles` with gradients.
    styles
        float32 [N, L, D].
    random
        On the CPU; where y is drawn from.

    Returns
    -------
    Tensor
        float32 [N], differentiable.
    """
    y = torch.randn(images.shape, generator=random).to(images.device) / math.sqrt(images.shape[2] * images.shape[3])
    (gradients,) = torch.autograd.grad((images.float() * y).sum(), styles, create_graph=True)
    # The root's slope at exactly 0 isn't finite.
    return (gradients.float().square().sum(dim=2).mean(dim=1) + 1e-16).sqrt()


def path_length_penalty(
    lengths: Tensor,
    mean: Tensor,
    decay: float = 0.01,
    over_processes: Callable[[Tensor], Tensor] = torch.clone,
) -> Tensor:
    """(‖Jᵀy‖₂ − a)², a mean over images, where a follows the lengths' mean (section 3.2).

    Parameters
    ----------
    lengths
        float32 [N].
    mean
        a, float32 scalar, which this moves by the share `decay` before it is used; held constant in the gradient.
    decay
        From 0 to 1.
    over_processes
        Gives the mean of a scalar over the processes that train together.
    """
    with torch.no_grad():
        mean.lerp_(over_processes(lengths.detach().mean()).to(mean.dtype), decay)
    return (lengths - mean.clone()).square().mean()
