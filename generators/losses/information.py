"""Lower bounds of the mutual information between codes and the images made from them (Chen et al. 2016)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import cross_entropy


def categorical_information(scores: Tensor, codes: Tensor) -> Tensor:
    """E[log Q(c|x)] + H(c) for a uniform categorical code, in nats (Chen et al. 2016, equations 4 and 5).

    Parameters
    ----------
    scores
        Logits of Q, [N, K].
    codes
        int64 [N], the codes that the images were made from.

    Returns
    -------
    Tensor
        Scalar, at most log K, which it is for a Q that is always right and sure.
    """
    return math.log(scores.shape[1]) - cross_entropy(scores, codes)


def gaussian_information(mean: Tensor, log_deviation: Tensor, codes: Tensor) -> Tensor:
    """E[log Q(c|x)] + H(c) for continuous codes, uniform on [-1, 1] and independent, in nats, summed over them.

    Q is a normal distribution with diagonal covariance (Chen et al. 2016, section 6 and appendix C).

    Parameters
    ----------
    mean, log_deviation
        Of Q, [N, M].
    codes
        [N, M], the codes that the images were made from.

    Returns
    -------
    Tensor
        Scalar.
    """
    squared = ((codes - mean) * (-log_deviation).exp()).square()
    log_density = -(squared / 2 + log_deviation + math.log(2 * math.pi) / 2)
    # The entropy of a uniform distribution is the logarithm of its width.
    return log_density.sum(dim=1).mean() + codes.shape[1] * math.log(2)
