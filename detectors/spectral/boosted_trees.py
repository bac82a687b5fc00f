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

_FIELDS = {"feature": np.int16, "threshold": np.float64, "left": np.int16, "right": np.int16, "value": np.float32}


@dataclass(frozen=True)
class BoostedTrees:
    """An ensemble of regression trees whose leaves add up to a log-odds.

    Parameters
    ----------
    feature, threshold, left, right, value
        [trees, nodes] each, padded: at an inner node one goes left where ``x[feature] <= threshold``, else right; at a
        leaf left and right are the node itself, and `value` is added. Node 0 is the root.
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
    def from_arrays(cls, arrays: Arrays) -> BoostedTrees:
        """The inverse of `arrays`; raises `WeightsError` where one is missing, of another shape, or points astray."""
        missing = [name for name in (*_FIELDS, "baseline", "depth") if name not in arrays]
        if missing:
            raise WeightsError(f"the trees lack {', '.join(missing)}")
        fields = {name: arrays[name].astype(kind, copy=False) for name, kind in _FIELDS.items()}
        shape = fields["feature"].shape
        if len(shape) != 2 or 0 in shape or any(array.shape != shape for array in fields.values()):
            raise WeightsError(f"the trees' arrays have shapes {[array.shape for array in fields.values()]}")
        for name in ("baseline", "depth"):
            if arrays[name].shape != (1,) or not np.isfinite(arrays[name]).all():
                raise WeightsError(f"the trees' {name!r} isn't one number")
        for name in ("left", "right"):
            if fields[name].min() < 0 or fields[name].max() >= shape[1]:
                raise WeightsError(f"the trees' array {name!r} points at nodes that don't exist")
        return cls(**fields, baseline=float(arrays["baseline"][0]), depth=int(arrays["depth"][0]))
