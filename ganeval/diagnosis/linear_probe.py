"""A linear classifier of features: the independent judge that says which class an image shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, OptionError
from ganeval.metrics.arrays import as_vectors
from ganeval.metrics.options import require_number
from ganeval.wording import counted

#: Strengths among which `choose_strength` looks, weakest classifier first.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
#: After so many steps of L-BFGS answers hardly change any more, converged or not.
STEPS = 300

#: Rows on which a strength is chosen: more would take longer and hardly choose another.
_CHOOSING_ROWS = 4000
_BLOCK_ROWS = 2048
# Largest component of the gradient, in coordinates in which the Hessian is near 1, at which a fit is at its end.
_SLOPE = 3e-5
# Rows whose Gram matrix stands for that of all, and columns above which none is made: it would take too much memory.
_GRAM_ROWS = 8192
_WIDEST = 4096
# Columns whose spread is below this part of their largest value vary by rounding alone.
_ROUNDING = 1e-6

Rows = npt.NDArray[np.floating[Any]]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearProbe:
    """Multinomial logistic regression on standardised features.

    Parameters
    ----------
    classes
        Labels as they were given, in sorted order; predictions are places in it.
    mean, scale
        float64 [D], of the features on which it was fitted.
    weights, bias
        float64 [C, D] and [C].
    strength
        C of scikit-learn's `LogisticRegression`: the inverse of the L2 penalty.
    converged
        Whether the fit came to its end within `STEPS`.
    """

    classes: tuple[Any, ...]
    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    strength: float = 1.0
    converged: bool = True

    @classmethod
    def fit(cls, features: Rows, labels: Sequence[Any], *, strength: float | None = None, seed: int = 0) -> LinearProbe:
        """Fit to features [N, D] and one label each.

        Parameters
        ----------
        strength
            C of scikit-learn's `LogisticRegression`; None takes the best on images that are held out of these, see
            `choose_strength`.
        seed
            Of that division.

        Raises
        ------
        MetricError
            If there are fewer than two classes, or features aren't finite numbers, one row a label.
        OptionError
            If `strength` isn't a number above 0.
        """
        rows = _checked(features, labels)
        if strength is None:
            strength = choose_strength(rows, labels, seed=seed)
        if not require_number("strength", strength) > 0:
            raise OptionError(f"strength must be above 0, not {strength!r}")
        classes, targets = _numbered(labels)
        mean, scale = _moments(rows)
        standardised = _standardised(rows, mean, scale)
        weights, bias, converged = _fitted(standardised, targets, float(strength))
        return cls(classes, mean, scale, weights, bias, float(strength), converged)

    def logits(self, features: Rows) -> npt.NDArray[np.float64]:
        """float64 [N, C] for features [N, D]."""
        weights = self.weights / self.scale
        bias = self.bias - weights @ self.mean
        found = np.empty((len(features), len(self.classes)))
        for block in _blocks(len(features)):
            found[block] = np.asarray(features[block], dtype=np.float64) @ weights.T + bias
        return found

    def predict(self, features: Rows) -> npt.NDArray[np.int64]:
        """Places in `classes`, int64 [N], for features [N, D]."""
        return np.asarray(self.logits(features).argmax(axis=1), dtype=np.int64)


def choose_strength(features: Rows, labels: Sequence[Any], *, seed: int = 0) -> float:
    """The strength of `STRENGTHS` whose classifier is right most often on a held-out quarter of the images.

    Of equally good ones the weakest classifier is taken. At most 4,000 images are looked at, a random part of each
    class; classes with a single image train the classifiers and are not asked about.

    Parameters
    ----------
    features
        [N, D].
    labels
        One each.
    seed
        Of the division.

    Raises
    ------
    MetricError
        As `LinearProbe.fit`.
    """
    rows = _checked(features, labels)
    _, targets = _numbered(labels)
    random = np.random.default_rng([seed, 1])
    fitting, asking = _divided(targets, random)
    if not len(asking):
        return STRENGTHS[len(STRENGTHS) // 2]
    mean, scale = _moments(rows[fitting])
    known = _standardised(rows[fitting], mean, scale)
    asked = _standardised(rows[asking], mean, scale)
    _, numbers = np.unique(targets[fitting], return_inverse=True)
    truth = targets[asking]
    present = np.unique(targets[fitting])
    best, most = STRENGTHS[0], -1
    for strength in STRENGTHS:
        weights, bias, _ = _fitted(known, numbers, strength)
        right = int((present[(asked @ weights.T + bias).argmax(axis=1)] == truth).sum())
        if right > most:
            best, most = strength, right
    return best


def _divided(
    targets: npt.NDArray[np.int64], random: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to fit to and rows to ask about, a quarter of each class, in ascending order."""
    share = min(1.0, _CHOOSING_ROWS / len(targets))
    fitting, asking = [], []
    for number in range(int(targets.max()) + 1):
        own = random.permutation(np.flatnonzero(targets == number))
        own = own[: max(2, round(share * len(own)))]
        # At least one stays to fit to, and of two there is one to ask about.
        held = min(len(own) - 1, max(1, len(own) // 4))
        asking.append(own[:held])
        fitting.append(own[held:])
    return np.sort(np.concatenate(fitting)), np.sort(np.concatenate(asking))


def _checked(features: Rows, labels: Sequence[Any]) -> Rows:
    rows = as_vectors("features", features).cpu().numpy()
    if len(rows) != len(labels):
        raise MetricError(f"there are {counted(len(labels), 'label')} for {counted(len(rows), 'image')}")
    if len(set(labels)) < 2:
        raise MetricError("a classifier needs images of at least two classes", hint="Give labels of all classes.")
    return np.asarray(rows)


def _numbered(labels: Sequence[Any]) -> tuple[tuple[Any, ...], npt.NDArray[np.int64]]:
    classes = tuple(sorted(set(labels), key=lambda label: (str(type(label)), label)))
    number = {label: place for place, label in enumerate(classes)}
    return classes, np.asarray([number[label] for label in labels], dtype=np.int64)


def _moments(rows: Rows) -> tuple[Floats, Floats]:
    mean = sum(rows[block].sum(axis=0, dtype=np.float64) for block in _blocks(len(rows))) / len(rows)
    squares, largest = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for block in _blocks(len(rows)):
        some = rows[block].astype(np.float64)
        largest = np.maximum(largest, np.abs(some).max(axis=0))
        squares += ((some - mean) ** 2).sum(axis=0)
    scale = np.sqrt(squares / len(rows))
    return np.asarray(mean), np.where(scale > _ROUNDING * largest, scale, np.inf)


def _standardised(rows: Rows, mean: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """float32, each column of mean 0 and variance 1, or 0 where it is constant (its `scale` is infinite)."""
    found = np.empty(rows.shape, dtype=np.float32)
    for block in _blocks(len(rows)):
        found[block] = (rows[block] - mean) / scale
    return found


def _fitted(
    rows: npt.NDArray[np.float32], targets: npt.NDArray[np.int64], strength: float
) -> tuple[Floats, Floats, bool]:
    """Weights [C, D] and bias [C] where the mean log loss with its L2 penalty is least, and whether that was reached.

    The same optimum as scikit-learn's, found in a tenth of its steps: L-BFGS goes along the coordinates V of
    ``W = V R^-1`` with R R^T near the Hessian, which is bounded by the Gram matrix of the rows (Boehning 1992).
    """
    from scipy.linalg import solve_triangular
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    count, width = rows.shape
    if 2 * count <= width:
        # The best weights are combinations of the rows: found among those alone, in as many coordinates as rows.
        axes, lower = np.linalg.qr(rows.T)
        weights, bias, converged = _fitted(np.ascontiguousarray(lower.T), targets, strength)
        return weights @ axes.T, bias, converged
    size = int(targets.max()) + 1
    penalty = 1 / (strength * count)
    root = _root(rows, size, penalty)
    # Of the bias, which isn't penalised: the root of its own Hessian at equal probabilities.
    unit = 1 / np.sqrt(_curvature(size))

    def split(flat: Floats) -> tuple[Floats, Floats]:
        table = flat.reshape(size, width + 1)
        return solve_triangular(root, table[:, :width].T, lower=True, trans=1).T, table[:, width] * unit

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = split(flat)
        value, of_weights, of_bias = _log_loss(rows, targets, weights, bias)
        of_weights += penalty * weights
        gradient = np.empty((size, width + 1))
        gradient[:, :width] = solve_triangular(root, of_weights.T, lower=True).T
        gradient[:, width] = of_bias * unit
        return value + penalty / 2 * float((weights**2).sum()), gradient.ravel()

    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "gtol": _SLOPE, "ftol": 1e-9}
    # The products are torch's, on all its threads. NumPy's and SciPy's, each with a pool of its own that waits by
    # spinning, would take the cores from them and from each other: three times as slow on two cores.
    with threadpool_limits(limits=1, user_api="blas"):
        found = minimize(loss, np.zeros(size * (width + 1)), jac=True, method="L-BFGS-B", options=options)
    return (*split(found.x), bool(found.success))


def _log_loss(
    rows: npt.NDArray[np.float32], targets: npt.NDArray[np.int64], weights: Floats, bias: Floats
) -> tuple[float, Floats, Floats]:
    """Mean log loss and its gradient by weights and bias; products in float32, all else in float64."""
    value, of_weights, of_bias = 0.0, np.zeros_like(weights), np.zeros_like(bias)
    narrow, offsets = torch.from_numpy(weights.astype(np.float32)), torch.from_numpy(bias.astype(np.float32))
    for block in _blocks(len(rows)):
        some, right = torch.from_numpy(rows[block]), torch.from_numpy(targets[block])[:, None]
        # In float64 from here: the values of separable classes are small differences.
        scores = torch.addmm(offsets, some, narrow.T).double()
        totals = scores.logsumexp(dim=1, keepdim=True)
        value += float((totals - scores.gather(1, right)).sum())
        probabilities = scores.sub_(totals).exp_()
        probabilities.scatter_add_(1, right, torch.full_like(totals, -1.0))
        of_weights += (probabilities.float().T @ some).numpy()
        of_bias += probabilities.sum(dim=0).numpy()
    return value / len(rows), of_weights / len(rows), of_bias / len(rows)


def _root(rows: npt.NDArray[np.float32], size: int, penalty: float) -> Floats:
    """Lower triangular [D, D]; of many rows or columns a part is looked at, as it needn't be exact."""
    width = rows.shape[1]
    if width > _WIDEST:
        return np.asarray(np.sqrt(_curvature(size) + penalty) * np.eye(width))
    some = rows[:: -(-len(rows) // _GRAM_ROWS)]
    gram = (some.T @ some).astype(np.float64) * (_curvature(size) / len(some))
    # A floor above what rounding to float32 does to the smallest eigenvalues.
    gram[np.diag_indices(width)] += max(penalty, 1e-6 * float(np.trace(gram)))
    return np.asarray(np.linalg.cholesky(gram))


def _curvature(size: int) -> float:
    """Second derivative of the log loss by one score where all classes are equally probable."""
    return (1 - 1 / size) / size


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK_ROWS) for start in range(0, count, _BLOCK_ROWS))
