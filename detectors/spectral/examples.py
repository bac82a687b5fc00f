"""Reads a training set once and keeps of each image only its features."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from ganeval.detectors.detector import Example, Pixels, silent
from ganeval.detectors.spectral.classifiers import check_classes
from ganeval.progress import Progress

Features = npt.NDArray[np.floating]


def collect(
    examples: Iterable[Example],
    features_of: Callable[[Pixels], Features | None],
    progress: Progress | None,
    label: str,
    dtype: type[np.floating] = np.float64,
) -> tuple[Features, npt.NDArray[np.bool_]]:
    """Features [N, D] and classes, bool [N], of all examples that have features; `label` names the task in `progress`.

    Raises
    ------
    OptionError
        If no example of one of the classes has features.
    """
    rows: list[Features] = []
    classes: list[bool] = []
    task = silent(progress).start(label, None)
    try:
        for example in examples:
            row = features_of(example.pixels)
            if row is not None:
                rows.append(np.asarray(row, dtype))
                classes.append(example.generated)
            task.advance(1)
    finally:
        task.finish()
    generated = np.array(classes, bool)
    check_classes(generated)
    return np.stack(rows), generated
