"""The Vendi score: how many entirely different images the generated ones amount to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ganeval.errors import OptionError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_vectors
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.unit_rows import UnitRows
from ganeval.uncertainty.influence import Influence, Values
from ganeval.uncertainty.interval import DEFAULT_LEVEL, NOTHING_VARIES, require_level
from ganeval.wording import counted

_ROWS = 2048
#: Share of the eigenvalues' sum that the directions left out of the influences may have.
_SMALL_REST = 1e-3
#: Correction, as a share of the score, beyond which a term in 1/N is no longer all there is to the bias.
_MOST_CORRECTION = 0.1
_FEWEST = 20
#: Influences, relative to the score, that are nothing but rounding, in float32.
_ROUNDING = 1e-5
#: Orders above which the largest eigenvalue decides, whose influence needs a gap to the next one.
_SMOOTH_ORDERS = 4.0
_METHOD = "normal, by the influence function of the eigenvalues' entropy, around the value corrected by half-samples"


def vendi_score(generated: Array, *, q: float = 1.0, level: float | None = DEFAULT_LEVEL, seed: int = 2020) -> Score:
    """Vendi score with the cosine kernel (Friedman & Dieng 2023, definition 3.1; order q: Pasarkar & Dieng 2023).

    The exponential of the Rényi entropy of order q of the eigenvalues λ of K/N, where K holds the cosines of all pairs:
    exp(−Σ λ log λ) for q = 1, (Σ λ^q)^(1/(1−q)) for others, 1/max λ for an infinite q. A low q counts rare kinds in
    full, a high one the common kinds alone. Computed in float64, from the D×D matrix with the same eigenvalues where
    there are more images than columns.

    The value of N images lies below that of infinitely many, at first by a term in 1/N. ``corrected`` lacks it: twice
    the value less the mean of the values of two random halves. Where that changes the value by more than a tenth, N is
    too small for such a correction, and there is neither it nor an interval.

    Parameters
    ----------
    generated
        [N, D].
    q
        Order, above 0; ``inf`` for the largest eigenvalue alone.
    level
        Of the interval, between 0 and 1; None for none.
    seed
        Of the halves.

    Returns
    -------
    Score
        ``"vendi"``, from 1 (all alike) to the smaller of N and D, higher is more diverse.

    Raises
    ------
    MetricError
        If `generated` isn't a finite matrix, or a row is zero and so has no direction.
    NotEnoughImagesError
        If there is no image.
    OptionError
        If a parameter can't be used.
    """
    wanted = require_level(level)
    q = require_order(q)
    rows = _Rows(as_vectors("generated", generated))
    if wanted is None or len(rows) < _FEWEST:
        score = _score(_diversity(torch.linalg.eigvalsh(rows.gram()), q), len(rows), q)
        return score if wanted is None else score.without_interval(f"fewer than {_FEWEST} images")
    whole, halves = rows.gram_and_halves(seed)
    score = _score(_diversity(torch.linalg.eigvalsh(whole), q), len(rows), q)
    # float32 decides nothing but the last digits of the interval; low orders, though, hang on small eigenvalues.
    narrow = torch.linalg.eigh(whole.float())
    if q < 1:
        correction = score.value - sum(_diversity(torch.linalg.eigvalsh(half), q) for half in halves) / 2
    else:
        correction = _diversity(narrow.eigenvalues, q)
        correction -= sum(_diversity(torch.linalg.eigvalsh(half.float()), q) for half in halves) / 2
    if abs(correction) > _MOST_CORRECTION * score.value:
        share = abs(correction) / score.value
        return score.without_interval(
            f"{counted(rows, 'image is', 'images are')} too few: half of them give a value that differs by {share:.0%}"
        )
    influence, distinct = _influence(rows, narrow.eigenvalues, narrow.eigenvectors, score.value, q)
    if q > _SMOOTH_ORDERS and not distinct:
        return score.without_interval("the largest eigenvalues are too alike to be told apart by so many images")
    corrected = _score(score.value, len(rows), q, corrected=score.value + correction)
    share = abs(correction) / score.value
    # Within the sample influences look smaller than they are, and the next term of the bias remains, both the more so
    # the larger the first term is: by how much is what simulations showed (Gaussian, heavy-tailed, mixed features).
    widened = Influence(None, (1 + 3 * share) * influence, other_variance=(1.5 * share * correction) ** 2)
    if not float(np.abs(influence).max()) > _ROUNDING * score.value:
        return replace(corrected.without_interval(NOTHING_VARIES), corrected=None)
    return corrected.with_influence(widened, level=wanted, method=_METHOD, lowest=1.0)


def require_order(q: Any) -> float:
    """`q` as a float above 0, infinity included; raises `OptionError` for anything else."""
    if isinstance(q, bool) or not isinstance(q, int | float) or not q > 0:
        raise OptionError(f"q must be a number above 0, not {q!r}", hint="For example 1, 2 or inf.")
    return float(q)


def _score(value: float, count: int, q: float, *, corrected: float | None = None) -> Score:
    return Score(
        name="vendi",
        value=value,
        n_real=None,
        n_generated=count,
        higher_is_better=True,
        parameters={"q": "inf" if math.isinf(q) else q, "kernel": "cosine"},
        corrected=corrected,
    )


class _Rows(UnitRows):
    """Rows of length 1 and their Gram matrices."""

    @property
    def few(self) -> bool:
        """Whether the matrix of all pairs is the smaller one."""
        return len(self) < self.vectors.shape[1]

    def gram(self, rows: torch.Tensor | None = None) -> torch.Tensor:
        """A matrix with the eigenvalues of K/n for some of the rows, or all: [D, D], or [n, n] for few images."""
        count = len(self) if rows is None else len(rows)
        parts = [slice(start, min(start + _ROWS, count)) for start in range(0, count, _ROWS)]
        blocks = (self.block(part if rows is None else rows[part]) for part in parts)
        if self.few:
            units = torch.cat(list(blocks))
            return units @ units.T / count
        return _sum_of_products(blocks, self.vectors.shape[1], self.vectors.device).div_(count)

    def gram_and_halves(self, seed: int) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        """`gram` of all rows and of two random halves of them."""
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(self))).to(self.vectors.device)
        middle = len(order) // 2
        halves = [order[:middle].sort().values, order[middle:].sort().values]
        if self.few:
            whole = self.gram()
            return whole, [whole[half][:, half] * (len(order) / len(half)) for half in halves]
        parts = [self.gram(half) for half in halves]
        share = middle / len(order)
        return parts[0] * share + parts[1] * (1 - share), parts


def _sum_of_products(blocks: Iterable[torch.Tensor], dimension: int, device: torch.device) -> torch.Tensor:
    """Sum of X'X over blocks, float64 [D, D]."""
    if device.type != "cpu":
        total = torch.zeros(dimension, dimension, dtype=torch.float64, device=device)
        for block in blocks:
            total.addmm_(block.T, block)
        return total
    # Imported here, because `import ganeval.metrics` is to stay light.
    from scipy.linalg.blas import dsyrk

    # BLAS computes one triangle of a symmetric product, for half the work; SciPy's arrays there are column by column.
    upper = np.zeros((dimension, dimension), order="F")
    for block in blocks:
        upper = dsyrk(1.0, block.cpu().numpy().T, beta=1.0, c=upper, overwrite_c=True)
    triangle = torch.from_numpy(upper)
    return triangle + triangle.triu(1).T


def _clean(eigenvalues: torch.Tensor) -> torch.Tensor:
    """Those that aren't zero up to rounding, scaled to the sum of 1 that they have in theory."""
    # A bound on their errors in float64; in float32 that would cut off what matters, and their errors average out.
    wide = eigenvalues.dtype == torch.float64
    least = (len(eigenvalues) if wide else 1) * torch.finfo(eigenvalues.dtype).eps * eigenvalues.max()
    real = eigenvalues[eigenvalues > least].double()
    return real / real.sum()


def _diversity(eigenvalues: torch.Tensor, q: float) -> float:
    """Exponential of the Rényi entropy of order q."""
    shares = _clean(eigenvalues)
    if math.isinf(q):
        return float(1 / shares.max())
    if q == 1:
        return math.exp(float(torch.special.entr(shares).sum()))
    return math.exp(float(torch.logsumexp(q * shares.log(), dim=0)) / (1 - q))


def _influence(rows: _Rows, found: torch.Tensor, vectors: torch.Tensor, value: float, q: float) -> tuple[Values, bool]:
    """Influence of each image [N], and whether the largest eigenvalue stands out beyond chance.

    By perturbation: adding x x' to the matrix changes an eigenvalue λ with vector v by (v·x)² − λ.
    """
    order = found.argsort(descending=True)
    shares, vectors = found[order].double().clamp(min=1e-9), vectors[:, order]
    shares = shares / shares.sum()
    weights = _sensitivity(shares, q, value)
    kept = max(2, int((shares.cumsum(0) < 1 - _SMALL_REST).sum()) + 1)
    rest = weights[kept:] @ shares[kept:] / shares[kept:].sum() if kept < len(shares) else 0.0
    # (v·x)² adds up to 1 over all directions: the small ones share one weight.
    weights = (weights[:kept] - rest).float()
    parts, gaps = [], []
    for start in range(0, len(rows), _ROWS):
        part = slice(start, start + _ROWS)
        if rows.few:
            squares = len(rows) * vectors[part, :kept].square() * shares[:kept].float()
        else:
            squares = (rows.block(part).float() @ vectors[:, :kept]).square()
        parts.append(squares @ weights)
        gaps.append(squares[:, 0] - squares[:, 1] if kept > 1 and squares.shape[1] > 1 else squares[:, 0])
    influence: Values = torch.cat(parts).double().cpu().numpy()
    gap = torch.cat(gaps).double()
    return influence - influence.mean(), float(gap.mean()) > 5 * float(gap.std()) / math.sqrt(len(rows))


def _sensitivity(shares: torch.Tensor, q: float, value: float) -> torch.Tensor:
    """Derivative of the score by each eigenvalue, up to a constant, which the fixed sum of the eigenvalues swallows."""
    if math.isinf(q):
        return torch.nn.functional.one_hot(shares.argmax(), len(shares)).double() * -(value**2)
    if q == 1:
        return -value * shares.log()
    slope: torch.Tensor = value * q / (1 - q) * shares ** (q - 1) / (shares**q).sum()
    return slope


def _compute(
    real: Features | None, generated: Features, *, seed: int, level: float | None, q: float
) -> tuple[Score, ...]:
    return (vendi_score(generated.pooled, q=q, level=level, seed=seed),)


def _fewest(chosen: Any) -> int:
    require_order(chosen["q"])
    return 1


METRIC = Metric(
    name="vendi",
    scores=("vendi",),
    title="Vendi score",
    paper="Friedman & Dieng 2023, The Vendi Score: A Diversity Evaluation Metric for Machine Learning",
    formula="exp of the Rényi entropy of order q of the eigenvalues of K/N, K the cosines of all pairs",
    higher_is_better=(True,),
    compute=_compute,
    has_interval=True,
    needs_real=False,
    minimum=1,
    minimum_for=_fewest,
    groups=("diversity",),
    parameters=(Parameter("q", 1.0, float, "order of the entropy; inf for the largest eigenvalue alone"),),
)
