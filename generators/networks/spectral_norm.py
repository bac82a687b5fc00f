"""Spectral normalisation: weights divided by their largest singular value (Miyato et al. 2018)."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

Network = TypeVar("Network", bound=nn.Module)

#: Layers whose weights are normalised, with the dimension of their outputs, which becomes the matrix's rows.
OUTPUTS: dict[type[nn.Module], int] = {
    nn.Linear: 0,
    nn.Embedding: 0,
    nn.Conv1d: 0,
    nn.Conv2d: 0,
    nn.Conv3d: 0,
    nn.ConvTranspose1d: 1,
    nn.ConvTranspose2d: 1,
    nn.ConvTranspose3d: 1,
}
#: Power iterations before training, when the vector knows nothing of the weight.
_FIRST_ITERATIONS = 15


class SpectralNorm(nn.Module):
    """A weight divided by an estimate of its largest singular value, which each forward pass in training refines.

    Algorithm 1 of Miyato et al. (2018). The left singular vector is a buffer, so that checkpoints hold it; the right
    one follows from it. Thus in evaluation mode the estimate belongs to the weights at hand, averaged ones included,
    and nothing changes. The estimate is made in the weight's own precision even under autocast.

    Differs from `torch.nn.utils.parametrizations.spectral_norm`, which stores both vectors and whose estimate in
    evaluation mode pairs an averaged weight with the vectors of another.

    Parameters
    ----------
    weight
        Float [...], of two or more dimensions; its size and first estimate are taken.
    outputs
        The dimension that becomes the rows of the matrix; all others become columns.
    iterations
        Of the power method in each forward pass.
    """

    u: Tensor

    def __init__(self, weight: Tensor, outputs: int = 0, iterations: int = 1) -> None:
        super().__init__()
        self.outputs, self.iterations = outputs, iterations
        u = torch.randn(weight.shape[outputs], dtype=weight.dtype, device=weight.device)
        self.register_buffer("u", normalize(u, dim=0))
        self._refine(self._matrix(weight.detach()), _FIRST_ITERATIONS)

    def forward(self, weight: Tensor) -> Tensor:
        """The normalised weight, of the same shape; the gradient takes both singular vectors for constants."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = self._matrix(weight)
            if self.training:
                self._refine(matrix.detach(), self.iterations)
            # A copy: the next pass changes the buffer in place before this one's gradient is taken. Of length 1 again,
            # as it may have been stored in half precision.
            u = normalize(self.u, dim=0)
            v = normalize(matrix.detach().T @ u, dim=0)
            return weight / (u @ (matrix @ v)).clamp_min(torch.finfo(weight.dtype).tiny)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.outputs, 0).flatten(1)

    @torch.no_grad()
    def _refine(self, matrix: Tensor, iterations: int) -> None:
        for _ in range(iterations):
            v = normalize(matrix.T @ self.u, dim=0)
            self.u.copy_(normalize(matrix @ v, dim=0))


def with_spectral_norm(network: Network) -> Network:
    """The same network, all of whose linear, convolutional and embedding layers have spectral normalisation.

    Weights come as they are; biases and normalisation layers stay. Draw first weights before.
    """
    for module in list(network.modules()):
        if type(module) in OUTPUTS and not parametrize.is_parametrized(module, "weight"):
            weight = module.get_parameter("weight")
            parametrize.register_parametrization(module, "weight", SpectralNorm(weight, OUTPUTS[type(module)]))
    return network


@torch.no_grad()
def reshaped_weights(network: nn.Module) -> dict[str, Tensor]:
    """The normalised weights of a network as matrices [outputs, rest], by layer; nothing is refined."""
    found = {}
    for name, module in network.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            for normaliser in module.parametrizations["weight"]:
                if isinstance(normaliser, SpectralNorm):
                    training = normaliser.training
                    normaliser.eval()
                    found[name] = normaliser._matrix(module.weight)
                    normaliser.train(training)
    return found
