"""A mixture of Gaussians around given images, each with a variance of its own, fitted to other images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

#: Steps of the fit, and the gain of mean log-likelihood per dimension below which it has settled.
_STEPS, _GAIN = 50, 1e-5
#: Range of log variances, in units of the features' own: below, float32 doesn't tell two images apart.
_LOG_RANGE = (-14.0, 20.0)
#: The background's distances from the images' mean are taken as so much of theirs.
_BACKGROUND = 0.9
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class GaussianMixture:
    """Equally weighted isotropic Gaussians.

    Parameters
    ----------
    centres
        float32 [M, D].
    log_variances
        float32 [M].
    """

    centres: torch.Tensor
    log_variances: torch.Tensor

    @classmethod
    def fit(cls, centres: torch.Tensor, images: torch.Tensor) -> GaussianMixture:
        """Variances that maximise the likelihood of `images` (Jiralerspong et al. 2023, section 3).

        By expectation and maximisation, from each centre's distance to its nearest image; the authors climb the same
        likelihood by gradients. As in their program a broad Gaussian around the images' mean takes those that no
        centre explains; it isn't part of the result. Centres that explain no image keep their first variance.

        Parameters
        ----------
        centres, images
            float32 [M, D] and [N, D], standardised. The N·M squared distances are held in memory.
        """
        dimension = centres.shape[1]
        squared = _squared(images, centres)
        log_variances = ((squared.amin(dim=0) + 1e-3) / dimension).log().clamp(*_LOG_RANGE)
        far = (_BACKGROUND**2) * (images - images.mean(dim=0)).square().sum(dim=1)
        background = (far.mean() / dimension).clamp(min=1e-12).log()
        previous = -math.inf
        for _ in range(_STEPS):
            weights, weighted = torch.zeros(len(centres)), torch.zeros(len(centres))
            behind = torch.zeros(2)
            total = 0.0
            for part in _parts(len(images), len(centres)):
                each = _log_densities(squared[part], log_variances, dimension) - math.log(len(centres))
                outside = _log_densities(far[part, None], background[None], dimension)
                likelihood = torch.logaddexp(each.logsumexp(dim=1, keepdim=True), outside)
                each = each.sub_(likelihood).exp_()
                weights += each.sum(dim=0)
                weighted += each.mul_(squared[part]).sum(dim=0)
                left = (outside - likelihood).exp()[:, 0]
                behind += torch.stack([left.sum(), left @ far[part]])
                total += float(likelihood.double().sum())
            known = weights > 1e-6
            fitted = (weighted / (dimension * weights.clamp(min=1e-6))).clamp(min=1e-30).log().clamp(*_LOG_RANGE)
            log_variances = torch.where(known, fitted, log_variances)
            if behind[0] > 1e-6:
                background = (behind[1] / (dimension * behind[0])).clamp(min=1e-12).log()
            mean = total / (len(images) * dimension)
            if mean - previous < _GAIN:
                break
            previous = mean
        return cls(centres, log_variances)

    def log_likelihoods(self, images: torch.Tensor) -> torch.Tensor:
        """Log-likelihood of each image, float64 [N], in nats, for float32 [N, D]."""
        dimension = self.centres.shape[1]
        found = [
            _log_densities(_squared(images[part], self.centres), self.log_variances, dimension).logsumexp(dim=1)
            for part in _parts(len(images), len(self.centres))
        ]
        return torch.cat(found).double() - math.log(len(self.centres))


def _log_densities(squared: torch.Tensor, log_variances: torch.Tensor, dimension: int) -> torch.Tensor:
    """log N(x; centre, variance) [n, M] from squared distances [n, M]."""
    constant = log_variances.add(math.log(2 * math.pi)).mul(dimension / 2)
    return (squared * (-0.5 * (-log_variances).exp())).sub_(constant)


def _squared(images: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    x, y = images.square().sum(dim=1), centres.square().sum(dim=1)
    return torch.addmm(y[None], images, centres.T, alpha=-2.0).add_(x[:, None]).clamp_(min=0.0)


def _parts(count: int, width: int) -> list[slice]:
    step = max(1, _BLOCK_BYTES // (12 * width))
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]
