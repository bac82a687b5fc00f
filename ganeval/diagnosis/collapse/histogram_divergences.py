"""Divergences between the histograms of generated and real images over parts of the data, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.diagnosis.collapse.part_counts import Counts
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence

Values = npt.NDArray[np.float64]

#: Fewest images a side for which an interval is offered.
FEWEST_FOR_INTERVAL = 30
# The largest bias, in nats, that is taken off: where parts have so few images the series isn't to be trusted.
_MOST_BIAS = 0.5

_METHOD = (
    "influence of each image through its part's share, bias by the delta method; for infinitely many images, with this "
    "division into parts"
)


@dataclass(frozen=True)
class Placed:
    """In which part each image of a side is.

    Parameters
    ----------
    parts
        int64 [N] in 0..K-1, or -1 for an image that isn't counted (a model was fitted to it).
    count
        K.
    """

    parts: npt.NDArray[np.int64]
    count: int

    @property
    def counts(self) -> Counts:
        """Images in each part, int64 [K]."""
        return np.bincount(self.parts[self.parts >= 0], minlength=self.count).astype(np.int64)

    def influence(self, by_part: Values) -> Values:
        """From an influence for each part, float64 [K], to one for each image, float64 [N], of mean zero.

        Images that aren't counted have none; the others count for as many more.
        """
        counted = self.parts >= 0
        found = np.zeros(len(self.parts))
        own = by_part[self.parts[counted]]
        found[counted] = (own - own.mean()) * (len(self.parts) / len(own))
        return found


def class_divergence(name: str, real: Placed, generated: Placed, *, level: float) -> Score:
    """KL(generated || real) of the two histograms, in nats: Metz et al. 2017, section 3.3.1.

    Where a part has generated images and no real one, every part's real count is raised by 1/2 (Krichevsky & Trofimov
    1981), since the divergence would be infinite. `corrected` is without the bias of finite samples to first order,
    Σ (1 - g) / 2M + Σ g (1 - r) / 2Nr over parts with shares g and r.

    Parameters
    ----------
    name
        Of the score.
    real, generated
        Each with at least one counted image, of the same K parts.
    level
        Of the interval.
    """
    counts_real, counts = real.counts, generated.counts
    smoothed = bool(((counts_real == 0) & (counts > 0)).any())
    r = _shares(counts_real + (0.5 if smoothed else 0.0))
    g = _shares(counts)
    some, n, m = g > 0, counts_real.sum(), counts.sum()
    log_ratio = np.zeros(len(g))
    log_ratio[some] = np.log(g[some] / r[some])
    ratio = np.divide(g, r, out=np.zeros_like(g), where=some)
    bias = float((1 - g[some]).sum() / (2 * m) + (ratio * (1 - r)).sum() / (2 * n))
    # Where both sides are alike it is (1/N + 1/M) / 2 times a chi-square variable.
    second_order = 0.5 * max(int(some.sum()) - 1, 0) * float(1 / n + 1 / m) ** 2
    score = Score(
        name=name,
        value=max(0.0, float(g @ log_ratio)),
        n_real=int(n),
        n_generated=int(m),
        higher_is_better=False,
        parameters={"parts": real.count},
        details={"smoothed": smoothed},
    )
    influence = Influence(real.influence(-ratio), generated.influence(log_ratio), second_order)
    return _with_interval(score, bias, influence, level)


def jensen_shannon_divergence(name: str, real: Placed, generated: Placed, *, level: float) -> Score:
    """JS(real, generated) of the two histograms, in nats, at most log 2: Richardson & Weiss 2018, section 4.

    `corrected` is without the bias of finite samples to first order, Σ (r (1 - g) / M + g (1 - r) / N) / 4(g + r).

    Parameters
    ----------
    name, real, generated, level
        As in `class_divergence`.
    """
    counts_real, counts = real.counts, generated.counts
    r, g = _shares(counts_real), _shares(counts)
    n, m = counts_real.sum(), counts.sum()
    middle = (r + g) / 2
    to_real, to_generated = _log_ratio(r, middle), _log_ratio(g, middle)
    seen = middle > 0
    terms = (r * (1 - g) / m + g * (1 - r) / n)[seen] / (8 * middle[seen])
    score = Score(
        name=name,
        value=max(0.0, float(r @ to_real + g @ to_generated) / 2),
        n_real=int(n),
        n_generated=int(m),
        higher_is_better=False,
        parameters={"parts": real.count},
    )
    second_order = max(int(seen.sum()) - 1, 0) * float(1 / n + 1 / m) ** 2 / 32
    # A part that one side lacks has a slope of minus infinity there, but no image of that side to move it.
    influence = Influence(real.influence(to_real / 2), generated.influence(to_generated / 2), second_order)
    return _with_interval(score, float(terms.sum()), influence, level, highest=float(np.log(2)))


def channel_shares(counts: Counts, channels: int) -> Values:
    """Shares of the C classes over all channels, float64 [C], from counts of the C^channels combinations."""
    classes = round(len(counts) ** (1 / channels))
    cube = _shares(counts).reshape((classes,) * channels)
    axes = range(channels)
    return np.asarray(np.mean([cube.sum(axis=tuple(a for a in axes if a != axis)) for axis in axes], axis=0))


def product_shares(counts: Counts, channels: int) -> Values:
    """Shares of the C^channels combinations, if channels are independent and alike, float64 [C^channels]."""
    single = channel_shares(counts, channels)
    shares = single
    for _ in range(channels - 1):
        shares = np.multiply.outer(shares, single)
    return shares.reshape(-1)


def divergence_from_product(name: str, real: Placed, generated: Placed, channels: int, *, level: float) -> Score:
    """KL(generated || real) over combinations of classes, where the real channels are independent by construction.

    As `class_divergence`, but the real shares are products of the classes' shares over all channels: known far better
    than those of 1,000 combinations each by itself. ``details["smoothed"]`` says that single channels had to be.

    Parameters
    ----------
    name, real, generated, level
        As in `class_divergence`, with C^channels parts.
    channels
        How many classes make a combination.
    """
    counts = generated.counts
    n, m = real.counts.sum(), counts.sum()
    single, of_generated = channel_shares(real.counts, channels), channel_shares(counts, channels)
    smoothed = bool(((single == 0) & (of_generated > 0)).any())
    if smoothed:
        single = _shares(single * channels * n + 0.5)
    classes = np.stack(np.unravel_index(np.arange(real.count), (len(single),) * channels))
    g = _shares(counts)
    some = g > 0
    log_ratio = np.zeros(len(g))
    with np.errstate(divide="ignore"):
        log_ratio[some] = np.log(g[some]) - np.log(single)[classes[:, some]].sum(axis=0)
    ratio = np.divide(of_generated, single, out=np.zeros_like(single), where=of_generated > 0)
    bias = float((1 - g[some]).sum() / (2 * m) + (ratio * (1 - single)).sum() / (2 * n))
    second_order = 0.5 * (max(int(some.sum()) - 1, 0) / m**2 + (len(single) - 1) / n**2)
    score = Score(
        name=name,
        value=max(0.0, float(g @ log_ratio)),
        n_real=int(n),
        n_generated=int(m),
        higher_is_better=False,
        parameters={"parts": real.count},
        details={"smoothed": smoothed},
    )
    influence = Influence(
        real.influence(-ratio[classes].sum(axis=0)), generated.influence(log_ratio), float(second_order)
    )
    return _with_interval(score, bias, influence, level)


def _with_interval(
    score: Score, bias: float, influence: Influence, level: float, highest: float = float("inf")
) -> Score:
    if min(score.n_real or 0, score.n_generated or 0) < FEWEST_FOR_INTERVAL:
        return score.without_interval(f"a side has fewer than {FEWEST_FOR_INTERVAL} images that count")
    if bias > _MOST_BIAS:
        return score.without_interval("the images are too few for so many parts: the bias can't be estimated")
    corrected = replace(score, corrected=score.value - bias)
    return corrected.with_influence(influence, level=level, method=_METHOD, lowest=0.0, highest=highest)


def _shares(counts: npt.NDArray[Any]) -> Values:
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def _log_ratio(values: Values, against: Values) -> Values:
    found = np.zeros(len(values))
    some = values > 0
    found[some] = np.log(values[some] / against[some])
    return found
