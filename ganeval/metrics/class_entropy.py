"""The Inception Score of infinitely many images, estimated from few: bias, influence and noise of its logarithm.

log IS = H(mean of p) − mean of H(p) for class probabilities p. The second term is unbiased; the first, the entropy of
the mean over N images, is too low by about Σ_c Var(p_c) / (2 N E p_c), which for sure answers is Miller's (1955)
(C − 1) / 2N: a factor e^(−0.05) on the score for 1,000 classes in even use and 10,000 images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ganeval.metrics.squared_distance import centred_square_within, without_noise
from ganeval.wording import counted

#: Fewest images for which it is offered.
FEWEST_IMAGES = 30
#: The largest part of the bias, as a share of the score, on which the two ways to estimate it may disagree.
MOST_DOUBT = 0.075
#: What is left of the bias, in simulations with rare classes, at most by this disagreement.
_DOUBT_FACTOR = 1.25
#: Images from which the second-order part is estimated.
_PAIRED_IMAGES = 1000
_BLOCK_ROWS = 1024

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PopulationScore:
    """An estimate of the logarithm of the Inception Score of infinitely many images.

    Parameters
    ----------
    log_score
        With the bias of the mean's entropy taken off by the jackknife (Zahl 1977).
    influence
        float64 [N], each image's on it: its divergence from the mean, centred.
    kernel_square
        E k̃² of the second-order part −Σ k̃(pᵢ, pⱼ) / 2N², whose variance is E k̃² / 2N².
    doubt
        By how much the jackknife and the delta method with two terms disagree on the bias: about what is left of it.
    """

    log_score: float
    influence: Values
    kernel_square: float
    doubt: float

    @property
    def other_variance(self) -> float:
        """Mean square of the error of `log_score` beyond the influences: of second order, and what bias may be left."""
        return self.kernel_square / (2 * len(self.influence) ** 2) + (_DOUBT_FACTOR * self.doubt) ** 2

    def refusal(self, most_doubt: float = MOST_DOUBT) -> str | None:
        """Why the estimate isn't good enough to be shown; None where it is."""
        if self.doubt <= most_doubt:
            return None
        return (
            f"{counted(self.influence, 'image is', 'images are')} too few for the classes that they show: classes that "
            "appear rarely or not at all leave a bias that can't be estimated"
        )


def population_score(logits: torch.Tensor, *, seed: int) -> PopulationScore:
    """The estimate from class logits.

    Parameters
    ----------
    logits
        [N, C], finite, N ≥ `FEWEST_IMAGES`.
    seed
        Of the choice of images for the second-order part.
    """
    count = len(logits)
    negative_entropies, mean, squares, cubes = _moments(logits)
    entropy = -float(torch.xlogy(mean, mean).sum())
    log_mean = mean.clamp(min=torch.finfo(torch.float64).tiny).log()
    without_one, divergences = 0.0, np.empty(count)
    for rows, p in _blocks(logits):
        left = ((count * mean - p) / (count - 1)).clamp_(min=0.0)
        without_one -= float(torch.xlogy(left, left).sum())
        divergences[rows] = (negative_entropies[rows] - p @ log_mean).cpu().numpy()
    bias = (count - 1) * (entropy - without_one / count)
    kernel_square = _kernel_square(logits, mean, seed)
    return PopulationScore(
        log_score=max(entropy + float(negative_entropies.mean()) + bias, 0.0),
        # The mean's own noise enters every divergence: twice the second-order part.
        influence=without_noise(divergences, kernel_square / count),
        kernel_square=kernel_square,
        doubt=abs(bias - _bias_by_delta(count, mean, squares, cubes)),
    )


def _bias_by_delta(count: int, mean: torch.Tensor, squares: torch.Tensor, cubes: torch.Tensor) -> float:
    """The bias from the Taylor series of the entropy, to the order 1/N²."""
    seen = mean > 0
    m, second, third = mean[seen], squares[seen], cubes[seen]
    variance = (second - m**2).clamp(min=0.0) * count / (count - 1)
    skew = third - 3 * m * second + 2 * m**3
    terms = variance / m / (2 * count) - skew / m**2 / (6 * count**2) + variance**2 / m**3 / (4 * count**2)
    return float(terms.sum())


def _kernel_square(logits: torch.Tensor, mean: torch.Tensor, seed: int) -> float:
    """E k̃² with k(p, q) = Σ_c (p_c − m_c)(q_c − m_c) / m_c, over pairs of different images."""
    chosen = torch.randperm(len(logits), generator=torch.Generator().manual_seed(seed))[:_PAIRED_IMAGES]
    p = logits[chosen.to(logits.device)].double().softmax(dim=1)
    scaled = (p - mean) / mean.clamp(min=torch.finfo(torch.float64).tiny).sqrt()
    gram = (scaled @ scaled.T).fill_diagonal_(0.0)
    return centred_square_within(gram.sum(dim=1).cpu().numpy(), float(gram.square().sum()))


def _moments(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Σ_c p log p of each image [N], and the means of p, p² and p³ [C]."""
    negative_entropies, powers = [], torch.zeros(3, logits.shape[1], dtype=torch.float64, device=logits.device)
    for _, p in _blocks(logits):
        negative_entropies.append(torch.xlogy(p, p).sum(dim=1))
        square = p.square()
        powers += torch.stack([p.sum(dim=0), square.sum(dim=0), (square * p).sum(dim=0)])
    mean, squares, cubes = powers / len(logits)
    return torch.cat(negative_entropies), mean, squares, cubes


def _blocks(logits: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    for start in range(0, len(logits), _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, len(logits)))
        yield rows, logits[rows].double().softmax(dim=1)
