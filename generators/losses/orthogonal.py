"""Orthogonal regularisation: rows of weights are drawn apart, whatever their lengths (Brock et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

#: Layers whose weights have one row for each output.
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def orthogonal_penalty(weight: Tensor) -> Tensor:
    """‖W Wᵀ ⊙ (1 − I)‖²_F of a weight as a matrix W [outputs, rest] (Brock et al. 2019, equation 3).

    The paper writes Wᵀ W, with one filter a column.

    Parameters
    ----------
    weight
        Float [outputs, ...].

    Returns
    -------
    Tensor
        Scalar: the sum of squared inner products of different filters.
    """
    matrix = weight.flatten(1)
    # ‖W Wᵀ‖ = ‖Wᵀ W‖, of which the smaller is made: a projection has ten thousands of outputs and few inputs.
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    return gram.square().sum() - matrix.square().sum(dim=1).square().sum()


def orthogonal_gradient(weight: Tensor) -> Tensor:
    """The gradient of `orthogonal_penalty`, 4 (W Wᵀ ⊙ (1 − I)) W, of the weight's shape."""
    matrix = weight.detach().flatten(1)
    wide = matrix.shape[0] <= matrix.shape[1]
    product = (matrix @ matrix.T) @ matrix if wide else matrix @ (matrix.T @ matrix)
    own = matrix.square().sum(dim=1, keepdim=True) * matrix
    return 4 * (product - own).view_as(weight)


@torch.no_grad()
def add_orthogonal_gradients(weights: Iterable[Tensor], strength: float) -> None:
    """Add `strength` times each weight's `orthogonal_gradient` to the gradient that it has; others stay as they are."""
    for weight in weights:
        if weight.grad is not None:
            weight.grad.add_(orthogonal_gradient(weight), alpha=strength)


def regularised_weights(parts: Iterable[nn.Module]) -> Iterator[nn.Parameter]:
    """The weights of linear and convolutional layers, as they are before spectral normalisation."""
    for part in parts:
        for module in part.modules():
            if isinstance(module, _LAYERS):
                normalised = parametrize.is_parametrized(module, "weight")
                yield module.parametrizations["weight"].original if normalised else module.weight  # type: ignore[index, union-attr, misc]
