"""Squared Wasserstein distances between two sets of numbers, many lines at once: plug-in, bias, influence.

On a line the optimal transport takes quantiles to quantiles, W₂² = ∫ (F⁻¹(t) − G⁻¹(t))² dt (Santambrogio 2015,
section 2.1). Sets of different sizes are matched exactly: the quantile functions of both are constant between
consecutive multiples of 1/N and 1/M.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Groups of images from whose differences the noise of the quantile functions is estimated.
_GROUPS = 16
#: Fewest images a side for that: a few in each group.
FEWEST_FOR_INTERVAL = 4 * _GROUPS
#: Points at which groups' quantile functions are compared, at most, and along how many lines.
_LEVELS = 64
_NOISE_LINES = 128

Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Matching:
    """Which order statistics of both sides share which part of the mass.

    Parameters
    ----------
    first, second
        int64 [S], ranks from 0; each rank of each side occurs.
    weights
        float64 [S], the mass of each part; they add up to 1.
    """

    first: Rows
    second: Rows
    weights: Values

    @property
    def is_one_to_one(self) -> bool:
        """Whether both sides are of one size, so that ranks are matched to equal ranks."""
        return bool(self.first[-1] == self.second[-1] == len(self.first) - 1)


def matching(n: int, m: int) -> Matching:
    """The optimal matching of `n` and `m` sorted numbers of equal weights."""
    # In units of 1/(n·m) all edges are whole numbers.
    edges = np.union1d(np.arange(1, n + 1, dtype=np.int64) * m, np.arange(1, m + 1, dtype=np.int64) * n)
    starts = np.concatenate([[0], edges[:-1]])
    return Matching(starts // m, starts // n, (edges - starts) / (n * m))


def squared_distances(first: Values, second: Values, matched: Matching) -> Values:
    """Squared Wasserstein distances float64 [L] of the sorted rows of `first` [L, N] and `second` [L, M]."""
    if matched.is_one_to_one:
        return np.asarray(np.square(first - second).mean(axis=1))
    difference = np.take(first, matched.first, axis=1)
    difference -= np.take(second, matched.second, axis=1)
    return np.asarray(np.square(difference, out=difference) @ matched.weights)


def potentials(first: Values, second: Values, matched: Matching) -> tuple[Values, Values]:
    """Kantorovich potentials of the squared distance at the sorted rows' own points, [L, N] and [L, M], of mean 0.

    The first variation of W₂² in the two measures (Santambrogio 2015, proposition 7.17): their slopes are twice the
    way to the point's partner, 2 (x − T(x)), integrated between neighbours by the trapezoidal rule.
    """
    if matched.is_one_to_one:
        return _integral(first, second), _integral(second, first)
    to_second = _mean_partner(second, matched.second, matched.first, matched.weights)
    to_first = _mean_partner(first, matched.first, matched.second, matched.weights)
    return _integral(first, to_second), _integral(second, to_first)


def _mean_partner(other: Values, ranks: Rows, own_ranks: Rows, weights: Values) -> Values:
    """Mean of the partners [L, n] of each rank of the own side."""
    starts = np.flatnonzero(np.diff(own_ranks, prepend=-1))
    carried = np.add.reduceat(np.take(other, ranks, axis=1) * weights, starts, axis=1)
    return np.asarray(carried * len(starts))


def _integral(points: Values, partners: Values) -> Values:
    ways = points - partners
    values = np.zeros_like(points)
    np.cumsum(np.diff(points, axis=1) * (ways[:, 1:] + ways[:, :-1]), axis=1, out=values[:, 1:])
    values -= values.mean(axis=1, keepdims=True)
    return values


class SlicedTransport:
    """Squared Wasserstein distances along lines, gathered from one block of lines after the other.

    Parameters
    ----------
    n_real, n_generated
        N and M.
    seed
        Of the random parts and groups of images.
    with_uncertainty
        Whether bias, influences and noise are wanted beside the distances; needs `FEWEST_FOR_INTERVAL` images a side.

    Attributes
    ----------
    plug_in
        The squared distance along each line so far.
    corrected
        The same without the bias of finite samples.
    influences
        float64 [N] and [M], sums over the lines of the images' influences.
    parts
        Into how many parts each side was cut for `corrected`.
    members
        Images of each group, int64 [16, group size] for each side.
    """

    def __init__(self, n_real: int, n_generated: int, *, seed: int, with_uncertainty: bool) -> None:
        self._with_uncertainty = with_uncertainty
        self._whole = matching(n_real, n_generated)
        self.plug_in: list[float] = []
        self.corrected: list[float] = []
        self.influences = np.zeros(n_real), np.zeros(n_generated)
        self.members: tuple[Rows, ...] = ()
        self.parts = 0, 0
        if with_uncertainty:
            random = np.random.default_rng(seed)
            counts = n_real, n_generated
            levels = min(_LEVELS, min(counts) // _GROUPS)
            sizes = [count // (_GROUPS * levels) * levels for count in counts]
            orders = [random.permutation(count) for count in counts]
            self._levels = levels
            self.members = tuple(o[: _GROUPS * s].reshape(_GROUPS, s) for o, s in zip(orders, sizes, strict=True))
            self._part_size = min(counts) // 2
            self._part_of = [_parts(count, self._part_size, random) for count in counts]
            self.parts = counts[0] // self._part_size, counts[1] // self._part_size
            self._inner_products = [np.zeros((_GROUPS, _GROUPS)) for _ in range(3)]
            self._noise_lines = 0

    def add(self, real: Values, generated: Values) -> None:
        """Count in the coordinates [l, N] and [l, M] of the images along further lines, of mean 0 on both sides."""
        sides = real, generated
        if not self._with_uncertainty:
            self.plug_in.extend(squared_distances(np.sort(real, axis=1), np.sort(generated, axis=1), self._whole))
            return
        orders = [np.argsort(side, axis=1) for side in sides]
        lines = [np.take_along_axis(side, order, axis=1) for side, order in zip(sides, orders, strict=True)]
        plug_in = squared_distances(lines[0], lines[1], self._whole)
        self.plug_in.extend(plug_in)
        self.corrected.extend(self._without_noise(lines, orders))
        of_lines = potentials(lines[0], lines[1], self._whole)
        for total, order, values in zip(self.influences, orders, of_lines, strict=True):
            total += np.bincount(order.ravel(), weights=values.ravel(), minlength=len(total))
        self._add_noise(real, generated)

    def noise(self) -> tuple[Values, Values, Values]:
        """Inner products [16, 16] of groups' centred quantile functions: among real, generated groups, and across."""
        real, generated, across = (products / self._noise_lines for products in self._inner_products)
        return real, generated, across

    def _without_noise(self, lines: Sequence[Values], orders: Sequence[Rows]) -> Values:
        """Squared distances [l] without the noise of the quantile functions.

        Both sides are cut into parts of one size, half of the smaller side: the distance between the parts' mean
        quantile functions, less the variance of these means as the parts' differences show it. Its mean is exactly 0
        where both sides follow one distribution, while the plug-in's bias falls more slowly than 1/N, the more so the
        heavier the tails.
        """
        means, noise = [], np.zeros(len(lines[0]))
        for line, order, part_of in zip(lines, orders, self._part_of, strict=True):
            which, count = part_of[order], int(part_of.max())
            total, squares = np.zeros((len(line), self._part_size)), np.zeros(len(line))
            for part in range(1, count + 1):
                quantiles = _centred(line[which == part].reshape(len(line), -1))
                total += quantiles
                squares += np.square(quantiles).mean(axis=1)
            mean = total / count
            noise += (squares / count - np.square(mean).mean(axis=1)) / (count - 1)
            means.append(mean)
        return np.asarray(np.square(means[0] - means[1]).mean(axis=1) - noise)

    def _add_noise(self, real: Values, generated: Values) -> None:
        wanted = min(len(real), _NOISE_LINES - self._noise_lines)
        if wanted <= 0:
            return
        self._noise_lines += wanted
        first, second = (
            _group_quantiles(side[:wanted], members, self._levels)
            for side, members in zip((real, generated), self.members, strict=True)
        )
        for products, (x, y) in zip(
            self._inner_products, ((first, first), (second, second), (first, second)), strict=True
        ):
            products += x @ y.T / self._levels


def _parts(count: int, size: int, random: np.random.Generator) -> npt.NDArray[np.int32]:
    """1, 2, ... [count] for the images of random parts of `size`, 0 for those left over."""
    number = np.arange(count, dtype=np.int32) // size + 1
    number[count // size * size :] = 0
    return random.permutation(number)


def _centred(rows: Values) -> Values:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def _group_quantiles(lines: Values, members: Rows, levels: int) -> Values:
    """Centred quantile functions of groups of images, means over `levels` steps: [groups, lines · levels]."""
    groups, size = members.shape
    values = np.sort(lines[:, members.ravel()].reshape(len(lines), groups, size), axis=2)
    values -= values.mean(axis=2, keepdims=True)
    steps = values.reshape(len(lines), groups, levels, size // levels).mean(axis=3)
    return np.asarray(steps.transpose(1, 0, 2).reshape(groups, -1))
