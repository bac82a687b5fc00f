"""Weighs detectors against each other on the reference scores, and places a picture among its references."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from ganeval.detectors.calibration.conformal import p_value
from ganeval.detectors.calibration.platt import Platt, bootstrap_platt, fit_platt
from ganeval.detectors.calibration.reference import ReferenceScores

Floats = npt.NDArray[np.float64]

#: References of each class that a bin needs before anything is said of pictures of its kind.
FEWEST = 40
#: Photographs of one source (files and changed copies) under the same conditions that have a say of their own. Of
#: fewer, none might score as high as a picture that is to be found: the least share that n can show is 1 in n + 1.
#: Some 30 copies of each photograph are among the references.
SOURCE = 160


@dataclass(frozen=True)
class Fused:
    """What the pixel detectors together say of a picture.

    Parameters
    ----------
    ratio
        Natural log-likelihood ratio, generated against camera.
    ratios
        Of the same under redrawn references, float64 [replicates].
    p_camera
        Conformal p-value among photographs under these conditions: small where hardly a photograph scores as high. The
        largest over all of them and over every source with `SOURCE` of them: the bound on false alarms shall hold for
        each kind of photographs, not only on average.
    p_pooled
        The same among all photographs together.
    p_generated
        Among generated references: small where hardly a generated picture scores as low.
    bound
        The largest ratio that the number of references supports: one that reaches it may be any larger one.
    """

    ratio: float
    ratios: Floats
    p_camera: float
    p_pooled: float
    p_generated: float
    bound: float = math.inf


@dataclass(frozen=True)
class _Bin:
    singles: Mapping[str, Platt]
    final: Platt
    resampled: list[Platt]
    cameras: list[Floats]
    generated: Floats


@dataclass(frozen=True)
class Fusion:
    """Detectors' weights and calibrations.

    Parameters
    ----------
    weights
        Of each detector's log-likelihood ratio in the sum: not negative, fitted on all references together.
    """

    weights: Mapping[str, float]
    _bins: Mapping[str, _Bin] = field(repr=False)

    @classmethod
    def fitted(cls, reference: ReferenceScores, *, seed: int = 2020, replicates: int = 200) -> Fusion:
        """Fit to the reference scores of all detectors that shall speak.

        Each detector is calibrated under each condition (towards its calibration over all of them, where there are
        few references), the ratios are weighed by logistic regression with weights that aren't negative, and their sum
        is calibrated once more under each condition.
        """
        generated = reference.generated
        ratios = np.zeros(reference.scores.shape)
        singles: dict[str, dict[str, Platt]] = {}
        for column, name in enumerate(reference.detectors):
            scores = reference.scores[:, column].astype(np.float64)
            spoke = np.isfinite(scores)
            overall = fit_platt(scores[spoke], generated[spoke])
            for key in np.unique(reference.bins):
                here = spoke & (reference.bins == key)
                if _enough(generated[here]):
                    platt = fit_platt(scores[here], generated[here], toward=overall)
                    singles.setdefault(str(key), {})[name] = platt
                    ratios[here, column] = platt(scores[here])
        weights = _weights(ratios, generated)
        fused = ratios @ weights
        overall = fit_platt(fused, generated)
        bins = {}
        for key, platts in singles.items():
            here = reference.bins == key
            final = fit_platt(fused[here], generated[here], toward=overall)
            drawn = bootstrap_platt(
                fused[here], generated[here], reference.clusters[here], toward=overall, seed=seed, replicates=replicates
            )
            cameras = _by_source(fused[here & ~generated], reference.clusters[here & ~generated])
            bins[key] = _Bin(platts, final, drawn, cameras, fused[here & generated])
        return cls(dict(zip(reference.detectors, map(float, weights), strict=True)), bins)

    def knows(self, key: str) -> bool:
        """Whether there are references enough under these conditions."""
        return key in self._bins

    def single(self, detector: str, score: float, key: str) -> float | None:
        """Log-likelihood ratio of one detector's raw score; None where it abstains or has too few references."""
        platt = self._bins[key].singles.get(detector) if key in self._bins else None
        return None if platt is None or not np.isfinite(score) else float(platt(score))

    def together(self, scores: Mapping[str, float], key: str) -> Fused | None:
        """Of all detectors' raw scores; None where no detector speaks under these conditions."""
        ratios = {name: self.single(name, score, key) for name, score in scores.items()}
        speaking = {name: ratio for name, ratio in ratios.items() if ratio is not None}
        if not speaking:
            return None
        here = self._bins[key]
        total = sum(self.weights[name] * ratio for name, ratio in speaking.items())
        return Fused(
            float(here.final(total)),
            np.array([float(platt(total)) for platt in here.resampled]),
            max(p_value(total, one, larger_is_stranger=True) for one in here.cameras),
            p_value(total, here.cameras[0], larger_is_stranger=True),
            p_value(total, here.generated, larger_is_stranger=False),
            here.final.bound,
        )


def _by_source(scores: Floats, sources: npt.NDArray[np.str_]) -> list[Floats]:
    """All scores, and those of each source that has `SOURCE` of them."""
    names, counts = np.unique(sources, return_counts=True)
    return [scores, *(scores[sources == name] for name in names[counts >= SOURCE])]


def _enough(generated: npt.NDArray[np.bool_]) -> bool:
    return min(int(generated.sum()), int((~generated).sum())) >= FEWEST


def _weights(ratios: Floats, generated: npt.NDArray[np.bool_]) -> Floats:
    """Logistic regression without intercept on the ratios; weights aren't negative, and drawn towards 1/detectors."""
    count = ratios.shape[1]
    even = np.full(count, 1 / count)
    share = np.where(generated, 0.5 / max(1, generated.sum()), 0.5 / max(1, (~generated).sum()))
    sign = np.where(generated, 1.0, -1.0)

    def loss(w: Floats) -> tuple[float, Floats]:
        margins = sign * (ratios @ w)
        error = -sign * share / (1 + np.exp(np.clip(margins, -30, 30)))
        value = float((share * np.logaddexp(0, -margins)).sum()) + 0.005 * float(((w - even) ** 2).sum())
        return value, ratios.T @ error + 0.01 * (w - even)

    found = minimize(loss, even, jac=True, method="L-BFGS-B", bounds=[(0, 2)] * count)
    return np.asarray(found.x, np.float64)
