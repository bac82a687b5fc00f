"""Classifiers of feature vectors whose trained state is plain arrays: trained by scikit-learn, evaluated here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.detectors.detector import Arrays, State
from ganeval.errors import OptionError, WeightsError, did_you_mean

Vector = npt.NDArray[np.float64]

#: Of Durall, Keuper 2020.
RBF_C, RBF_GAMMA = 6.37, 0.86


class Decision:
    """A trained decision function: sum over support vectors of a kernel, plus an intercept.

    With ``gamma=None`` the kernel is linear and there is one vector, the normal of the plane.

    Parameters
    ----------
    vectors
        float64 [V, D].
    dual
        float64 [V].
    intercept
        Added to the sum.
    gamma
        Of exp(-gamma |x - v|^2); None for the dot product.
    """

    def __init__(self, vectors: Vector, dual: Vector, intercept: float, gamma: float | None = None) -> None:
        self.vectors = vectors
        self.dual = dual
        self.intercept = intercept
        self.gamma = gamma

    def __call__(self, features: Vector) -> Vector:
        """float64 [N] of float64 [N, D]: positive on the side of generated images."""
        products = features @ self.vectors.T
        if self.gamma is not None:
            squared = (features**2).sum(1)[:, None] - 2 * products + (self.vectors**2).sum(1)[None]
            products = np.exp(-self.gamma * np.maximum(squared, 0.0))
        decided: Vector = products @ self.dual + self.intercept
        return decided


class FeatureClassifier:
    """Standardisation of the features, then a decision function.

    Each feature is centred and divided by its deviation over the training set and by the root of the number of
    features: the squared distance of two images is 2 on average whatever D is, which is the scale at which Durall's
    gamma of .86 was chosen (his 80 features lay within 0..1).
    """

    def __init__(self, kind: str, centre: Vector, scale: Vector, decision: Decision) -> None:
        self.kind = kind
        self.centre = centre
        self.scale = scale
        self.decision = decision

    @classmethod
    def fit(cls, kind: str, features: Vector, generated: npt.NDArray[np.bool_], *, seed: int) -> FeatureClassifier:
        """Train on float64 [N, D] and bool [N].

        Raises
        ------
        OptionError
            For an unknown `kind`, or if one class is missing.
        """
        if kind not in CLASSIFIERS:
            raise OptionError(f"unknown classifier {kind!r}", hint=did_you_mean(kind, CLASSIFIERS))
        check_classes(generated)
        centre = features.mean(0)
        # Divided by its deviation a constant feature would be noise made large: it is left at zero.
        deviation = features.std(0)
        scale = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0) / np.sqrt(features.shape[1])
        decision = CLASSIFIERS[kind]((features - centre) * scale, generated, seed)
        return cls(kind, centre, scale, decision)

    def score(self, features: Vector) -> Vector:
        """float64 [N] of float64 [N, D]: positive on the side of generated images."""
        return self.decision((features - self.centre) * self.scale)

    def arrays(self) -> Arrays:
        """What `restore` needs, all float64."""
        return {
            "centre": self.centre,
            "scale": self.scale,
            "vectors": self.decision.vectors,
            "dual": self.decision.dual,
            "intercept": np.array([self.decision.intercept]),
        }

    def settings(self) -> dict[str, Any]:
        """What `restore` needs, for JSON."""
        return {"classifier": self.kind, "gamma": self.decision.gamma}

    @classmethod
    def restore(cls, state: State, dimension: int) -> FeatureClassifier:
        """The classifier of that state, on `dimension` features; raises `WeightsError` if it is of another."""
        vectors = take(state, "vectors", (None, dimension))
        gamma = state.settings.get("gamma")
        if gamma is not None and not (isinstance(gamma, (int, float)) and gamma > 0):
            raise WeightsError(f"the gamma of a detector's classifier is {gamma!r}, not a positive number")
        decision = Decision(
            vectors, take(state, "dual", (len(vectors),)), float(take(state, "intercept", (1,))[0]), gamma
        )
        kind = str(state.settings.get("classifier", "?"))
        return cls(kind, take(state, "centre", (dimension,)), take(state, "scale", (dimension,)), decision)


def take(state: State, name: str, shape: tuple[int | None, ...]) -> Vector:
    """The array `name` of a state as float64; None in `shape` stands for any length.

    Raises
    ------
    WeightsError
        If it is missing, of another shape, or not of finite numbers.
    """
    array = state.arrays.get(name)
    if array is None:
        raise WeightsError(f"a detector's state lacks the array {name!r}", hint="Train it again with this version.")
    fits = array.ndim == len(shape) and all(want in (None, got) for got, want in zip(array.shape, shape, strict=True))
    if not fits or array.dtype.kind not in "fiu":
        raise WeightsError(
            f"the array {name!r} of a detector's state has shape {array.shape} and type {array.dtype}, and {shape} of "
            "floating point was expected",
            hint="It is of another detector or version: train it again with this one.",
        )
    if not np.isfinite(array).all():
        raise WeightsError(f"the array {name!r} of a detector's state has values that aren't finite")
    return array.astype(np.float64)


def check_classes(generated: npt.NDArray[np.bool_]) -> None:
    """Raise `OptionError` unless both classes are there."""
    if generated.all() or not generated.any():
        missing = "generated" if len(generated) == 0 or not generated.any() else "real"
        raise OptionError(
            f"there are no usable {missing} images to train on",
            hint="Both classes are needed, of images large enough for this detector and not flat all over.",
        )


def _svm(kernel: str) -> Callable[[Vector, npt.NDArray[np.bool_], int], Decision]:
    def train(features: Vector, generated: npt.NDArray[np.bool_], seed: int) -> Decision:
        from sklearn.svm import SVC

        options = {"C": RBF_C, "gamma": RBF_GAMMA} if kernel == "rbf" else {}
        machine = SVC(kernel=kernel, **options).fit(features, generated)
        intercept = float(machine.intercept_[0])
        if kernel == "linear":
            return Decision(np.asarray(machine.coef_, np.float64), np.ones(1), intercept)
        return Decision(machine.support_vectors_, machine.dual_coef_[0], intercept, RBF_GAMMA)

    return train


def _logistic(features: Vector, generated: npt.NDArray[np.bool_], seed: int) -> Decision:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="liblinear", max_iter=1000, random_state=seed).fit(features, generated)
    return Decision(np.asarray(model.coef_, np.float64), np.ones(1), float(model.intercept_[0]))


#: Name to function of standardised features, classes and seed: the three of Durall, Keuper 2020.
CLASSIFIERS: dict[str, Callable[[Vector, npt.NDArray[np.bool_], int], Decision]] = {
    "svm-rbf": _svm("rbf"),
    "svm-linear": _svm("linear"),
    "logistic": _logistic,
}
