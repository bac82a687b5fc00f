"""Images counted in parts of the data (classes, bins): are the parts' shares alike on both sides, and what is lost?

All tests are exact given a division of the images into parts that neither side's counted images had a hand in: if the
generated images are as other real ones would be, every assignment of the counted images to the two sides is equally
likely, and the counts of one side are multivariate hypergeometric given the sum of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.report.diagnosis import Part

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
#: From counts of the real and of the generated images, [..., K] each, to a number for each leading index.
Statistic = Callable[[Counts, Counts], Values]

#: How often the sides are shuffled: no p-value below 1e-4, which Holm's procedure over 500 tests at 5 % would accept.
PERMUTATIONS = 9_999
#: Level at which the smallest effect to be seen is computed: what Holm's procedure leaves of 5 % among ten tests.
TEST_LEVEL = 0.005
#: Level at which parts are named, over all parts of one division (Bonferroni).
NAMING_LEVEL = 0.05

# Numbers drawn at once; a block of permutations of 1,000 parts takes 8 MiB.
_BLOCK_ENTRIES = 1 << 20
# Equal counts in another order may differ by rounding.
_ROUNDING = 1e-9
# Steps of the search for the smallest effect: it is known to a millionth of itself then.
_BISECTIONS = 60


@dataclass(frozen=True)
class Homogeneity:
    """How unlike two histograms are, beside what chance makes of sides that are alike.

    Parameters
    ----------
    statistic, degrees
        Pearson's chi-square of the 2 x K table and its degrees of freedom; parts that are empty on both sides don't
        count.
    p_value
        Of `statistic`, by random permutations of the counted images between the sides: valid at any counts.
    asymptotic_p_value
        By the chi-square distribution, for comparison: it needs expected counts of 5 or so.
    lost, lost_by_chance
        Sum over parts of how much less than its real share is generated (the total variation distance of the two
        histograms), and its mean over the permutations.
    permuted
        float64 [S, P], further statistics of each permutation, those that the caller asked for.
    """

    statistic: float
    degrees: int
    p_value: float
    asymptotic_p_value: float
    lost: float
    lost_by_chance: float
    permuted: Values

    @property
    def share_lost(self) -> float:
        """Share of the real data that is lost, less what chance alone gives, in [0, 1].

        Corrected as Cohen's kappa is, (lost - chance) / (1 - chance): 0 on average for sides that are alike, 1 where
        nothing is shared, and in between rather too small, since chance takes less where much is lost already.
        """
        if self.lost_by_chance >= 1:
            return 0.0
        return max(0.0, (self.lost - self.lost_by_chance) / (1 - self.lost_by_chance))


def divided(total: int, most: int, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to fit a division into parts to, and rows to count in it, both ascending.

    Half are for fitting, and no more than `most`. Cross-fitting would count all of them, but the models of two folds
    then depend on each other's counted images, and no permutation of both is exactly valid; nor does it gain much where
    there are more real images than generated ones, or more than a model needs.

    Parameters
    ----------
    total
        Images.
    most
        To fit to.
    seed
        Of the division.
    """
    order = np.random.default_rng([seed, 1]).permutation(total).astype(np.int64)
    size = min(total // 2, most)
    return np.sort(order[:size]), np.sort(order[size:])


def homogeneity(
    real: Counts, generated: Counts, *, seed: int, permutations: int = PERMUTATIONS, also: Sequence[Statistic] = ()
) -> Homogeneity:
    """Test whether two histograms come from one distribution.

    Parameters
    ----------
    real, generated
        Counts of the images of each side in K parts, int64 [K], at least one image a side.
    seed
        Of the permutations.
    permutations
        How many.
    also
        Further statistics to be computed of each permutation.
    """
    from scipy.stats import chi2

    seen = (real + generated) > 0
    real, generated = real[seen], generated[seen]
    observed = float(chi_square(real, generated))
    degrees = len(real) - 1
    statistics = (chi_square, lost_mass, *also)
    drawn = _permuted(real, generated, statistics, permutations=permutations, seed=seed)
    at_least = int(np.count_nonzero(drawn[0] >= observed * (1 - _ROUNDING)))
    return Homogeneity(
        statistic=observed,
        degrees=degrees,
        p_value=(1 + at_least) / (1 + permutations),
        asymptotic_p_value=float(chi2.sf(observed, degrees)) if degrees else 1.0,
        lost=float(lost_mass(real, generated)),
        lost_by_chance=float(drawn[1].mean()),
        permuted=drawn[2:],
    )


def chi_square(real: Counts, generated: Counts) -> Values:
    """Pearson's chi-square of 2 x K tables, [...] for counts [..., K]; parts that are empty on both sides give 0."""
    n, m = _sizes(real, generated)
    together = real + generated
    differences = np.square(real / n - generated / m)
    terms = np.divide(differences, together, out=np.zeros_like(differences), where=together > 0)
    return np.asarray((n * m)[..., 0] * terms.sum(axis=-1))


def lost_mass(real: Counts, generated: Counts) -> Values:
    """Sum over parts of max(0, real share - generated share), [...] for counts [..., K]."""
    n, m = _sizes(real, generated)
    return np.asarray(np.maximum(real / n - generated / m, 0.0).sum(axis=-1))


def smallest_loss(n_real: int, n_generated: int, parts: int, *, level: float = TEST_LEVEL, power: float = 0.8) -> float:
    """The smallest share of the data whose loss the test would see with probability `power`, wherever it is lost.

    A loss e is hardest to see where it is spread evenly over half of the data: among all pairs of histograms with a
    total variation distance of e the noncentrality of the chi-square statistic, N M / (N + M) Σ δ² / p, is at least
    4 e² N M / (N + M) by Cauchy and Schwarz. The loss of a whole part is seen at less.

    Parameters
    ----------
    n_real, n_generated
        Counted images of each side.
    parts
        K.
    level
        Of the test.
    power
        In (level, 1).

    Returns
    -------
    float
        In (0, 1]; 1 where not even the loss of everything would surely be seen. By the noncentral chi-square
        distribution, so that it is a guide rather than a bound where parts have few images.
    """
    from scipy.stats import chi2, ncx2

    if parts < 2:
        return 1.0
    bound = chi2.isf(level, parts - 1)
    low, high = 0.0, 1.0
    while ncx2.sf(bound, parts - 1, high) < power:
        high *= 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if ncx2.sf(bound, parts - 1, middle) >= power else (middle, high)
    return min(1.0, float(np.sqrt(high * (1 / n_real + 1 / n_generated)) / 2))


def part_p_values(real: Counts, generated: Counts) -> Values:
    """Of each part alone, two-sided (twice the smaller tail of Fisher's exact test), float64 [K]."""
    from scipy.stats import hypergeom

    n, m = int(real.sum()), int(generated.sum())
    together = real + generated
    few = hypergeom.cdf(generated, n + m, together, m)
    many = hypergeom.sf(generated - 1, n + m, together, m)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(few, many)), dtype=np.float64)


def described_parts(names: Sequence[str], real: Counts, generated: Counts, *, level: float) -> list[Part]:
    """Each part with its shares, its p-value and the interval of the shares' difference.

    The interval is Newcombe's (1998, method 10) of two Wilson intervals: right also where a count is 0.

    Parameters
    ----------
    names
        Of the K parts.
    real, generated
        int64 [K].
    level
        Of each interval.
    """
    shares_real, low_real, high_real = _wilson(real, level)
    shares, low, high = _wilson(generated, level)
    differences = shares - shares_real
    lower = differences - np.hypot(shares - low, high_real - shares_real)
    upper = differences + np.hypot(high - shares, shares_real - low_real)
    p_values = part_p_values(real, generated)
    return [
        Part(
            name,
            float(shares_real[place]),
            float(shares[place]),
            float(lower[place]),
            float(upper[place]),
            float(p_values[place]),
        )
        for place, name in enumerate(names)
    ]


def lacking(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Those of `parts` of which too few images are generated beyond doubt (Bonferroni over all), most lost first."""
    bound = NAMING_LEVEL / max(1, len(parts))
    found = [part for part in parts if part.generated < part.real and (part.p_value or 0.0) <= bound]
    return tuple(sorted(found, key=lambda part: part.generated - part.real))


def share_lost(test: Homogeneity, lost: Sequence[Part]) -> float:
    """The effect that is reported: share of the real data that is lost, in [0, 1].

    The greater of two estimates that are rather too small both: `Homogeneity.share_lost`, and what the parts that lack
    images beyond doubt (`lacking`) have lost together.
    """
    return max(test.share_lost, sum(part.real - part.generated for part in lost))


def _permuted(
    real: Counts, generated: Counts, statistics: Sequence[Statistic], *, permutations: int, seed: int
) -> Values:
    """Each statistic of each permutation, float64 [S, P]."""
    rng = np.random.default_rng(seed)
    together, size = real + generated, int(generated.sum())
    block = max(1, _BLOCK_ENTRIES // len(together))
    found = np.empty((len(statistics), permutations))
    for start in range(0, permutations, block):
        stop = min(start + block, permutations)
        drawn = rng.multivariate_hypergeometric(together, size, size=stop - start, method="marginals")
        for place, statistic in enumerate(statistics):
            found[place, start:stop] = statistic(together - drawn, drawn)
    return found


def _sizes(real: Counts, generated: Counts) -> tuple[Values, Values]:
    n, m = real.sum(axis=-1, keepdims=True), generated.sum(axis=-1, keepdims=True)
    return n.astype(np.float64), m.astype(np.float64)


def _wilson(counts: Counts, level: float) -> tuple[Values, Values, Values]:
    """Shares and the ends of their Wilson (1927) intervals, float64 [K] each."""
    from ganeval.uncertainty.interval import critical_value

    total = counts.sum()
    shares, square = counts / total, critical_value(level) ** 2
    centre = (shares + square / (2 * total)) / (1 + square / total)
    reach = np.sqrt(square * (shares * (1 - shares) / total + square / (4 * total**2))) / (1 + square / total)
    return shares, np.maximum(centre - reach, 0.0), np.minimum(centre + reach, 1.0)
