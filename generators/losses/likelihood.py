"""The two parts of a variational autoencoder's evidence lower bound (Kingma and Welling 2014)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def divergence_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) = −½ Σ (1 + log σ² − μ² − σ²) in nats (Kingma and Welling 2014, appendix B).

    Parameters
    ----------
    mean, log_variance
        [N, D] each.

    Returns
    -------
    Tensor
        [N], 0 or more.
    """
    return -(1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1) / 2


def bernoulli_log_likelihood(activations: Tensor, images: Tensor) -> Tensor:
    """log of p^x (1 − p)^(1 − x), summed over pixels, in nats (Kingma and Welling 2014, appendix C.1).

    Parameters
    ----------
    activations
        a [N, C, H, W]; p = sigmoid(2a), which is tanh(a) on the scale of the images.
    images
        [N, C, H, W] in [-1, 1], of which x = (1 + image) / 2. Where x isn't 0 or 1 the distribution isn't normalised
        (Loaiza-Ganem and Cunningham 2019), so that such values compare with none of another likelihood.

    Returns
    -------
    Tensor
        [N].
    """
    shares = (images + 1) / 2
    return -binary_cross_entropy_with_logits(2 * activations, shares, reduction="none").flatten(1).sum(dim=1)


def gaussian_log_likelihood(activations: Tensor, images: Tensor, log_deviation: Tensor) -> Tensor:
    """log N(image; tanh(a), σ² I), summed over pixels, in nats (Kingma and Welling 2014, appendix C.2).

    Parameters
    ----------
    activations
        a [N, C, H, W].
    images
        [N, C, H, W] in [-1, 1].
    log_deviation
        log σ, scalar.

    Returns
    -------
    Tensor
        [N].
    """
    squared = (images - activations.tanh()).flatten(1).square().sum(dim=1)
    pixels = images[0].numel()
    return -squared * (-2 * log_deviation).exp() / 2 - pixels * (log_deviation + math.log(2 * math.pi) / 2)
