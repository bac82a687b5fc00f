"""What the covariance term of the Fréchet distance is for infinitely many images, from the images that there are.

The plug-in overlap τ = tr((Σr Σg)^½) is far too small until N is many times D, because sample eigenvalues spread. With
σ_j the singular values of the product of the two covariances' factors and S(s) = Σ_j σ_j²/(σ_j² + s²), the plug-in is
(2/π) ∫ S ds. In the limit of N and D growing together a sample's S at s is the population's at
v(s) = s / √(a_r(s)·a_g(s)), so that the population's overlap is (2/π) ∫ S dv. That map is the multiplicative law of
Marchenko & Pastur 1967 and Silverstein 1995, on which Tiomoko & Couillet 2019 ("Random matrix-improved estimation of
the Wasserstein distance between two centered Gaussian distributions") build an estimator; there a = 1 − S/N.

Features of images are no Gaussians: their classes differ in spread, a few images lie far out. Here a is therefore
measured instead of assumed: with h_i(s) the leverage of image i, its share of S, a = Σ h_i / Σ (h_i / (1 − h_i)), the
ratio of what the images say of the resolvent that they helped to make to what they say of the one made without them.
The same leave-one-out terms, integrated, are the images' own contributions to the overlap, from which the standard
error comes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ganeval.metrics.covariance_factor import SingularSystem
from ganeval.metrics.cubic_spline import cubic_spline

#: Scales s at which leverages are taken, and those between them for the integral.
_NODES = 40
_FINE = 1024
#: From this part of the smallest singular value to this multiple of the largest.
_FROM, _TO = 0.05, 30.0
#: Least that an image leaves to the others: an image of leverage one says nothing of a resolvent made without it.
_LEAST_REMAINDER = 1e-3
#: Beyond the least v that the images reach, the relative step at which S is read to carry it on to 0.
_CLEARANCE = 1.05
#: Share of what the images could resolve, S at s = 0, beyond which the rest that they leave to each other is noise:
#: with singular values missing (two equal images, or rounding) it doesn't fall to 0, and v needn't turn back.
_MOST_RESOLVED = 0.96
_ROWS = 2048
#: Multiplications from which on float32 is worth a look, and the error that it may make in a coordinate of variance 1.
_MUCH = 10**9
_HARMLESS = 0.02

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overlap:
    """tr((Σr Σg)^½) of the populations, as the images tell it.

    Parameters
    ----------
    value
        Its estimate.
    real, generated
        float64 [N] and [M], what each image says of it when the others made the optimal map: xᵀTx for the centred
        image x and the map T from its side to the other; each side's mean is `value`. `real` is None where that side's
        covariance is taken as it is.
    extrapolated
        How much of `value` stems from carrying the spectrum on below what the images resolve; 0 where they
        resolve all of it, as with more images than dimensions.
    """

    value: float
    real: Values | None
    generated: Values
    extrapolated: float


def population_overlap(real: torch.Tensor | None, generated: torch.Tensor, system: SingularSystem) -> Overlap:
    """The overlap of two populations from samples of them.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D]. Where `real` is None the real covariance in `system` is taken as it is, as that of a
        population or a set that doesn't change: a = 1 on that side, and only the generated side is corrected.
    system
        Of the factors of their unbiased covariances, real first.
    """
    singular = system.values
    dimension = _varying_columns(system)
    if len(singular) == 0:
        return Overlap(0.0, None if real is None else np.zeros(len(real)), np.zeros(len(generated)), 0.0)
    scales = torch.logspace(
        math.log10(_FROM * float(singular[-1])), math.log10(_TO * float(singular[0])), _NODES, dtype=torch.float64
    ).to(singular.device)
    shares = _shares(singular, scales)
    sides = [_Side(generated, system.second, shares)]
    if real is not None:
        sides.append(_Side(real, system.first, shares))
    freedom = min(len(side) for side in (real, generated) if side is not None) - 1
    most = math.inf if freedom > dimension else _MOST_RESOLVED * freedom
    curve = _Curve(singular, scales, np.prod([side.shrinkage for side in sides], axis=0), most)
    # As many singular values as images allow, or a v that turns back, tell that there is more than the images resolve.
    resolved = freedom > len(singular) and curve.first == 0
    rank = dimension if freedom <= dimension else len(singular)
    value, start, extrapolated = curve.overlap(rank, resolved=resolved)
    weights = curve.weights(start)
    of_generated, *of_real = (side.contributions(weights, value) for side in sides)
    return Overlap(value, of_real[0] if of_real else None, of_generated, extrapolated)


def _varying_columns(system: SingularSystem) -> int:
    """Columns that have a part in the overlap: those in which both sides vary."""
    return int(((system.first != 0).any(dim=1) & (system.second != 0).any(dim=1)).sum())


class _Side:
    """Leverages of one side's images at every scale, and what follows from them."""

    def __init__(self, rows: torch.Tensor, directions: torch.Tensor, shares: torch.Tensor) -> None:
        count = len(rows)
        directions = directions / math.sqrt(count - 1)
        mean = rows.mean(dim=0, dtype=torch.float64)
        width = _width(rows, mean, directions)
        directions, parts = directions.to(width), shares.T.to(width)
        leverages = torch.empty(count, len(shares), dtype=torch.float64, device=rows.device)
        for start in range(0, count, _ROWS):
            coordinates = (rows[start : start + _ROWS].double() - mean).to(width) @ directions
            leverages[start : start + _ROWS] = (coordinates.square_() @ parts).double()
        total = shares.sum(dim=1)
        # The sum is known; rounding leaves it off by little, and taking that out costs nothing.
        leverages *= total / leverages.sum(dim=0).clamp(min=1e-300)
        self._apart = leverages / (1 - 1 / count - leverages).clamp(min=_LEAST_REMAINDER)
        apart = self._apart.sum(dim=0) * (count - 1) / count
        # An image less changes the resolvent itself, by Σ w²/N relative to S: small, but of the order that counts here.
        shrinkage = total / apart * (1 + shares.square().sum(dim=1) / (count * total))
        self.shrinkage: Values = shrinkage.cpu().numpy()

    def contributions(self, weights: Values, mean: float) -> Values:
        """What each image says [N], with mean `mean`: its terms integrated over the scales with `weights`."""
        towards = torch.from_numpy(weights * self.shrinkage).to(self._apart.device)
        raw: Values = (self._apart @ towards).cpu().numpy()
        average = float(raw.mean())
        return raw * (mean / average) if average > 0 else np.full_like(raw, mean)


class _Curve:
    """S of the population against v, from where the images begin to resolve it: S is at most `most` there."""

    def __init__(self, singular: torch.Tensor, scales: torch.Tensor, shrinkage: Values, most: float) -> None:
        nodes = np.log(scales.cpu().numpy())
        fine = np.linspace(nodes[0], nodes[-1], _FINE)
        self._at_nodes: Values = np.exp(nodes) / np.sqrt(shrinkage)
        logarithm = cubic_spline(np.log(shrinkage), np.linspace(0, len(nodes) - 1, _FINE))
        self._v: Values = np.exp(fine - logarithm / 2)
        shares = _total_shares(singular, torch.from_numpy(np.exp(fine)).to(singular.device))
        self._s: Values = shares.cpu().numpy()
        #: Where v begins to grow with s, and S to be resolved.
        self.first = min(max(_last_descent(self._v), int(np.argmax(self._s <= most))), len(fine) - 2)

    def overlap(self, rank: int, *, resolved: bool) -> tuple[float, float, float]:
        """The overlap, the v from which on it is measured, and the part of it that is extrapolated."""
        v, s, first = self._v, self._s, self.first
        if not resolved:
            first = min(int(first + np.argmax(v[first:] >= _CLEARANCE * v[first])), len(v) - 2)
        body = float(((s[first + 1 :] + s[first:-1]) / 2 * np.diff(v[first:])).sum())
        beyond = float(s[-1] * v[-1])
        low, start = float(s[first]), float(v[first])
        head = start * low if resolved else _carried_on(v[first:], s[first:], rank)
        scale = 2 / math.pi
        return scale * (body + beyond + head), start, scale * (head - start * low)

    def weights(self, start: float) -> Values:
        """Of the scales [K], for integrals over v from `start` on whose integrand is even below it."""
        v = self._at_nodes
        first = min(int(np.argmax(v >= start * (1 - 1e-9))), len(v) - 2)
        first = max(first, _last_descent(v))
        weights = np.zeros_like(v)
        steps = np.diff(v[first:])
        weights[first:-1] += steps / 2
        weights[first + 1 :] += steps / 2
        weights[first] += v[first]
        weights[-1] += v[-1]
        return weights


def _last_descent(v: Values) -> int:
    """Index from which on `v` only grows."""
    falling = np.flatnonzero(np.diff(v) <= 0)
    return 0 if len(falling) == 0 else min(int(falling[-1]) + 1, len(v) - 2)


def _carried_on(v: Values, s: Values, rank: int) -> float:
    """∫ S dv from 0 to ``v[0]`` for a curve that ends at S(0) = `rank`, with the value and slope of `s` at v[0].

    S = R / (1 + c·v^e): the shape of a spectrum that falls like a power and ends.
    """
    low, start = float(s[0]), float(v[0])
    if low >= rank * (1 - 1e-9):
        return start * rank
    window = max(int(np.searchsorted(v, 3 * start)), 1)
    window = min(window, len(v) - 1)
    slope = math.log(low / float(s[window])) / math.log(float(v[window]) / start)
    # Σ t/(t + v²) falls nowhere faster than 1/v².
    exponent = min(max(slope / (1 - low / rank), 1e-3), 4.0)
    x = np.linspace(0, 1, 4001) ** 4
    y = rank / (1 + (rank / low - 1) * x**exponent)
    return start * float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum())


def _shares(singular: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """σ²/(σ² + s²), [K, r]."""
    squares = singular.square()
    return squares / (squares + scales.square()[:, None])


def _total_shares(singular: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """S at each scale [K], a few scales at a time."""
    parts = (scales[start : start + 64] for start in range(0, len(scales), 64))
    return torch.cat([_shares(singular, part).sum(dim=1) for part in parts])


def _width(rows: torch.Tensor, mean: torch.Tensor, directions: torch.Tensor) -> torch.dtype:
    """float32 where the work is much and its rounding harmless even in the direction in which the rows vary least."""
    if rows.numel() * directions.shape[1] < _MUCH:
        return torch.float64
    length = float((rows[:_ROWS].double() - mean).square().sum(dim=1).max().sqrt())
    rounding = torch.finfo(torch.float32).eps * length * float(directions.norm(dim=0).max())
    return torch.float32 if rounding * math.sqrt(len(rows)) < _HARMLESS else torch.float64
