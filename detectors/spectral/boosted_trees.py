"""Gradient-boosted trees as plain arrays: trained by scikit-learn, evaluated here, so that nothing pickled travels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganeval.detectors.detector import Arrays
from ganeval.errors import WeightsError

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

_FIELDS: dict[str, type[np.generic]] = {
    "feature": np.int16,
    "threshold": np.float64,
    "left": np.int16,
    "right": np.int16,
    "value": np.float32,
}


@dataclass(frozen=True)
class BoostedTrees:
    """An ensemble of regression trees whose leaves add up to a log-odds.

    Parameters
    ----------
    feature, threshold, left, right, value
        [trees, nodes] each, padded: at an inner node one goes left where ``x[feature] <= threshold``, else right; at a
        leaf left and right are the node itself, and `value` is added. Node 0 is the root, and children come after their
        parents.
    baseline
        Log-odds before the first tree.
    depth
        Steps from the root that reach every leaf.
    """

    feature: npt.NDArray[np.int16]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: npt.NDArray[np.float32]
    baseline: float
    depth: int

    @classmethod
    def trained(
        cls,
        x: npt.NDArray[np.float32],
        y: npt.NDArray[np.bool_],
        *,
        seed: int,
        iterations: int = 600,
        rate: float = 0.05,
        leaves: int = 63,
    ) -> BoostedTrees:
        """Fit to float32 [n, features] and bool [n] (scikit-learn's histogram gradient boosting, logistic loss)."""
        # Only training needs scikit-learn, which takes most of a second to import.
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=iterations,
            learning_rate=rate,
            max_leaf_nodes=leaves,
            min_samples_leaf=20,
            l2_regularization=1.0,
            max_features=0.2,
            early_stopping=False,
            random_state=seed,
        ).fit(x, y)
        return cls.from_scikit_learn(model)

    @classmethod
    def from_scikit_learn(cls, model: HistGradientBoostingClassifier) -> BoostedTrees:
        """The same function as a fitted binary classifier's ``decision_function`` (features without missing values)."""
        trees = [predictors[0].nodes for predictors in model._predictors]
        shape = (len(trees), max(len(nodes) for nodes in trees))
        arrays = {name: np.zeros(shape, dtype=kind) for name, kind in _FIELDS.items()}
        for row, nodes in enumerate(trees):
            count = len(nodes)
            own = np.arange(count)
            leaf = nodes["is_leaf"].astype(bool)
            arrays["feature"][row, :count] = np.where(leaf, 0, nodes["feature_idx"])
            arrays["threshold"][row, :count] = np.where(leaf, 0, nodes["num_threshold"])
            arrays["left"][row, :count] = np.where(leaf, own, nodes["left"])
            arrays["right"][row, :count] = np.where(leaf, own, nodes["right"])
            arrays["value"][row, :count] = np.where(leaf, nodes["value"], 0)
        depth = max(int(nodes["depth"].max()) for nodes in trees)
        return cls(**arrays, baseline=float(np.ravel(model._baseline_prediction)[0]), depth=depth)

    @classmethod
    def mean_of(cls, members: Sequence[BoostedTrees]) -> BoostedTrees:
        """The mean of several functions, as one ensemble: all their trees, each leaf divided by their number."""
        nodes = max(one.feature.shape[1] for one in members)

        def joined(name: str) -> npt.NDArray[Any]:
            arrays: list[npt.NDArray[Any]] = [getattr(one, name) for one in members]
            return np.concatenate([np.pad(array, ((0, 0), (0, nodes - array.shape[1]))) for array in arrays])

        return cls(
            feature=joined("feature"),
            threshold=joined("threshold"),
            left=joined("left"),
            right=joined("right"),
            value=(joined("value") / len(members)).astype(np.float32),
            baseline=float(np.mean([one.baseline for one in members])),
            depth=max(one.depth for one in members),
        )

    def __call__(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Log-odds of rows of float32 [n, features], float64 [n]."""
        return np.array([self._one(row) for row in x])

    def _one(self, row: npt.NDArray[np.float32]) -> float:
        feature, threshold, left, right = self._flat
        node = np.arange(len(self.feature)) * self.feature.shape[1]
        # Trees are of uneven depth: only those that haven't come to a leaf go on.
        going = np.arange(len(node))
        for _ in range(self.depth):
            if not len(going):
                break
            here = node[going]
            below = np.where(row[feature[here]] <= threshold[here], left[here], right[here])
            node[going] = below
            going = going[left[below] != below]
        return self.baseline + float(self.value.ravel()[node].sum(dtype=np.float64))

    @cached_property
    def _flat(self) -> tuple[npt.NDArray[Any], ...]:
        """Feature, threshold, left and right of all nodes of all trees in a row."""
        first = (np.arange(len(self.feature)) * self.feature.shape[1])[:, None]
        left, right = (first + side for side in (self.left, self.right))
        return self.feature.ravel(), self.threshold.ravel(), left.ravel(), right.ravel()

    def arrays(self) -> Arrays:
        """For a safetensors file."""
        return {
            **{name: getattr(self, name) for name in _FIELDS},
            "baseline": np.array([self.baseline]),
            "depth": np.array([self.depth], dtype=np.int16),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, *, features: int) -> BoostedTrees:
        """The inverse of `arrays`, for rows of that many features.

        Raises
        ------
        WeightsError
            Where an array is missing, of another shape or type, or what they describe aren't trees of that depth whose
            children come after their parents, with finite values, that ask for features which are there.
        """
        missing = [name for name in (*_FIELDS, "baseline", "depth") if name not in arrays]
        if missing:
            raise WeightsError(f"the trees lack {', '.join(missing)}")
        kinds: dict[str, type[np.generic]] = {**_FIELDS, "baseline": np.float64, "depth": np.int64}
        for name, kind in kinds.items():
            if not np.issubdtype(arrays[name].dtype, _family(kind)):
                raise WeightsError(f"the trees' array {name!r} has the type {arrays[name].dtype}")
        for name in ("baseline", "depth"):
            if arrays[name].shape != (1,) or not np.isfinite(arrays[name]).all():
                raise WeightsError(f"the trees' {name!r} isn't one number")
        shape = arrays["feature"].shape
        if len(shape) != 2 or 0 in shape or any(arrays[name].shape != shape for name in _FIELDS):
            raise WeightsError(f"the trees' arrays have shapes {[arrays[name].shape for name in _FIELDS]}")
        # Before anything is cast: a number that doesn't fit would become another.
        depth = _depth(arrays, features)
        if int(arrays["depth"][0]) != depth:
            raise WeightsError(f"the trees' depth is given as {arrays['depth'][0]}, and is {depth}")
        fields = {name: arrays[name].astype(kind, copy=False) for name, kind in _FIELDS.items()}
        return cls(**fields, baseline=float(arrays["baseline"][0]), depth=depth)


def _family(kind: type[np.generic]) -> type[np.generic]:
    return np.integer if issubclass(kind, np.integer) else np.floating


def _depth(arrays: Arrays, features: int) -> int:
    """Steps from the roots to the farthest leaf; raises `WeightsError` where what can be reached is no tree."""
    feature, threshold, left, right, value = (arrays[name] for name in _FIELDS)
    nodes = left.shape[1]
    if nodes > np.iinfo(np.int16).max:
        raise WeightsError(f"the trees have {nodes} nodes: more than can be told apart")
    if any(side.min() < 0 or side.max() >= nodes for side in (left, right)):
        raise WeightsError("the trees' arrays 'left' and 'right' point at nodes that don't exist")
    steps = np.full(left.shape, -1)  # From the root; -1 where nothing leads.
    steps[:, 0] = 0
    for node in range(nodes):
        reached = np.flatnonzero(steps[:, node] >= 0)
        leaf = (left[reached, node] == node) & (right[reached, node] == node)
        if not (np.abs(value[reached[leaf], node]) <= np.finfo(np.float32).max).all():
            raise WeightsError("the trees have leaves whose value is no number")
        inner = reached[~leaf]
        if np.isnan(threshold[inner, node]).any():
            raise WeightsError("the trees have thresholds that are no number")
        if ((feature[inner, node] < 0) | (feature[inner, node] >= features)).any():
            raise WeightsError(f"the trees are of another version: here are {features} features")
        for side in (left, right):
            below = side[inner, node].astype(np.int64)
            if (below <= node).any():
                raise WeightsError("the trees' children don't come after their parents")
            steps[inner, below] = np.maximum(steps[inner, below], steps[inner, node] + 1)
    return int(steps.max())
