"""How well a residual matches fingerprints, and what pictures that carry none of them reach by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.detectors.fingerprints.collected import Collected

Float = npt.NDArray[np.float64]
#: The period of JPEG and of up-sampling three times by two.
_PERIOD = 8
# Power, in multiples of noise, from which a frequency of a fingerprint counts.
_SIGNIFICANT = 9.0
_RELATIVES, _STRONGEST = 2000, 256


class Targets:
    """Fingerprints to match residuals with.

    Parameters
    ----------
    fingerprints
        Each float64 [size, size, channels]; only their directions count.
    search
        Whether to take the highest correlation over all circular shifts, for pictures that may have been cropped.
    """

    def __init__(self, fingerprints: Sequence[Float], search: bool) -> None:
        self.search = search
        self._planes = np.stack(fingerprints)
        self._norms = np.linalg.norm(self._planes.reshape(len(fingerprints), -1), axis=1)
        self._spectra = np.fft.rfft2(self._planes, axes=(1, 2)).conj() if search else None

    def correlations(self, residual: npt.NDArray[np.floating]) -> Float:
        """float64 [G]: normalised correlation of a residual [size, size, channels] with each fingerprint."""
        plane = residual.astype(np.float64)
        if self._spectra is None:
            products = np.tensordot(self._planes, plane, axes=3)
        else:
            crossed = (np.fft.rfft2(plane, axes=(0, 1)) * self._spectra).sum(-1)
            products = np.fft.irfft2(crossed, s=plane.shape[:2]).max(axis=(1, 2))
        return np.asarray(products / np.maximum(self._norms * np.linalg.norm(plane), 1e-12), np.float64)


class Agreement:
    """How well a picture agrees with a fingerprint where the fingerprint is more than noise.

    An up-sampler's fingerprint is a few frequencies among thousands. Over all of them a picture of the generator itself
    correlates by as little as its own content leaves, and so does one of a relative with the same up-sampler
    and other weights; over those few alone the one comes near to 1 and the other doesn't.

    Parameters
    ----------
    total
        float64 [size, size, channels]: sum of `count` residuals of mean square 1.
    count
        How many.
    search
        As of `Targets`.
    """

    def __init__(self, total: Float, count: int, search: bool) -> None:
        spectrum = np.fft.fft2(total, axes=(0, 1))
        power = np.abs(spectrum) ** 2
        # Where there is no fingerprint, the sum of n residuals of power 1 at each frequency has power n on average, and
        # an exponential distribution: a noisy frequency passes once in e**9.
        significant = power > _SIGNIFICANT * count * total.shape[0] * total.shape[1]
        self._mask = significant if significant.any() else np.ones_like(significant)
        self._target = Targets([np.fft.ifft2(spectrum * self._mask, axes=(0, 1)).real], search)

        self._powers = (power * self._mask).sum(-1)

    def of_relatives(self, level: float, seed: int) -> float:
        """What a share `level` of relatives exceed: fingerprints of the same powers and random phases.

        The fewer frequencies a fingerprint has, the more likely another generator has it by chance. The three channels
        share a phase, as they do where the up-sampler treats them alike.
        """
        size = self._powers.shape[0]
        down, right = np.unravel_index(np.arange(size * size), (size, size))
        mirrored = (-down % size) * size + (-right % size)
        place = np.arange(size * size)
        # One of each pair of opposite frequencies, for they have opposite phases; those that are their own are real.
        kept = (self._powers.ravel() > 0) & (place <= mirrored)
        real = (place == mirrored)[kept]
        shares = (self._powers.ravel() * np.where(place == mirrored, 1, 2))[kept]
        # Thousands of frequencies give a normal distribution of next to no width: the strongest few decide.
        strongest = np.argsort(shares)[::-1][:_STRONGEST]
        phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (_RELATIVES, len(strongest)))
        cosines = np.where(real[strongest], np.sign(np.cos(phases)), np.cos(phases))
        return float(np.quantile(cosines @ (shares[strongest] / shares.sum()), 1 - level))

    def of(self, residual: npt.NDArray[np.floating]) -> float:
        """Correlation over the frequencies that count, -1 to 1."""
        spectrum = np.fft.fft2(residual.astype(np.float64), axes=(0, 1)) * self._mask
        return float(self._target.correlations(np.fft.ifft2(spectrum, axes=(0, 1)).real)[0])


def own_agreements(one: Collected, search: bool) -> Float:
    """float64 [k]: of a generator's own kept pictures, each with the fingerprint without itself."""
    return np.array([Agreement(one.total - kept, one.count - 1, search).of(kept) for kept in one.kept])


@dataclass(frozen=True)
class Null:
    """What foreign pictures reach.

    Parameters
    ----------
    means, deviations
        float64 [G]: of foreign pictures' correlation with each fingerprint.
    highest
        float64 [N], ascending: each foreign picture's highest score over the fingerprints that aren't its own, a score
        being the correlation in `deviations` above `means`.
    source
        What the foreign pictures were, in words.
    """

    means: Float
    deviations: Float
    highest: Float
    source: str

    def scores(self, correlated: Float) -> Float:
        """float64 [..., G] of correlations of that shape."""
        return (correlated - self.means) / self.deviations

    def p_value(self, score: float) -> float:
        """Share of foreign pictures, this one counted among them, that reach `score`."""
        reaching = len(self.highest) - int(np.searchsorted(self.highest, score, side="left"))
        return (1 + reaching) / (1 + len(self.highest))

    def threshold(self, level: float) -> float:
        """The highest score of a foreign picture that has a p-value above `level`: beyond it one is named."""
        allowed = int(level * (1 + len(self.highest)) + 1e-9)
        return float(self.highest[-allowed]) if allowed else float("inf")


def needed_for(level: float) -> int:
    """Foreign pictures without which no p-value can be as low as `level`."""
    return int(np.ceil(1 / level - 1e-9)) - 1


@dataclass(frozen=True)
class Matches:
    """Correlations of the kept residuals, each with the fingerprints without itself in them.

    Parameters
    ----------
    values
        float64 [K, G].
    owners
        int64 [K]: index of the generator whose picture it is, -1 for a photograph.
    """

    values: Float
    owners: npt.NDArray[np.int64]

    @property
    def foreign(self) -> npt.NDArray[np.bool_]:
        """bool [K, G]: whether the fingerprint isn't that of the picture's own generator."""
        return np.asarray(self.owners[:, None] != np.arange(self.values.shape[1])[None])


def leave_one_out(generators: Mapping[str, Collected], photographs: Collected, search: bool) -> Matches:
    """Match every kept residual; from its own generator's fingerprint it is taken out first."""
    targets = Targets([one.total for one in generators.values()], search)
    values, owners = [targets.correlations(residual) for residual in photographs.kept], [-1] * len(photographs.kept)
    for owner, one in enumerate(generators.values()):
        for residual in one.kept:
            found = targets.correlations(residual)
            found[owner] = Targets([one.total - residual], search).correlations(residual)[0]
            values.append(found)
            owners.append(owner)
    return Matches(np.array(values), np.array(owners, np.int64))


def foreign_null(matches: Matches) -> Null:
    """From pictures of other generators, and photographs."""
    foreign = matches.foreign
    masked = np.where(foreign, matches.values, np.nan)
    means, deviations = np.nanmean(masked, axis=0), np.nanstd(masked, axis=0)
    null = Null(means, np.maximum(deviations, 1e-6), np.empty(0), "pictures of other generators and photographs")
    highest = np.nanmax(np.where(foreign, null.scores(matches.values), np.nan)[foreign.any(1)], axis=1)
    return Null(null.means, null.deviations, np.sort(highest), null.source)


def shifted_null(generators: Mapping[str, Collected], needed: int, seed: int) -> Null:
    """From the generators' own pictures, shifted off the lattice at random, where there are no foreign ones.

    A shifted residual has the spectrum of a picture of its generator but not the phase. One of a generator whose
    lattice has a short period may still match, which makes the threshold too high rather than too low.
    """
    rng = np.random.default_rng(seed)
    values = []
    for one in generators.values():
        for residual in np.repeat(one.kept, int(np.ceil(needed / max(len(one.kept), 1))), axis=0):
            # Off the lattice in both directions.
            shift = rng.integers(0, residual.shape[0] // _PERIOD, 2) * _PERIOD + rng.integers(1, _PERIOD, 2)
            # Without the picture itself, as its content isn't white: it would match itself after a small shift.
            targets = Targets([other.total - residual * (other is one) for other in generators.values()], search=False)
            values.append(targets.correlations(np.roll(residual, tuple(shift), axis=(0, 1))))
    matches = Matches(np.array(values), np.full(len(values), -1, np.int64))
    null = foreign_null(matches)
    return Null(null.means, null.deviations, null.highest, "the generators' own pictures, shifted")


def pictures_needed(coherence: float, correlation: float) -> int | None:
    """How many pictures make a fingerprint that half of a generator's pictures match with `correlation` or better.

    A residual of power 1 holds `coherence` c of fingerprint; the mean of n holds c and (1 - c)/n of noise. They
    correlate by c / sqrt(c + (1 - c)/n) on average, which is solved for n. None where even endless pictures, with
    sqrt(c), wouldn't do.
    """
    if correlation <= 0:
        return 2
    surplus = coherence**2 / correlation**2 - coherence
    return None if coherence <= 0 or surplus <= 0 else max(2, int(np.ceil((1 - coherence) / surplus)))
