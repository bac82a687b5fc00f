"""MS-SSIM between random pairs of images of one class, of samples and of real images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganeval.diagnosis.collapse.equal_parts import EqualParts, Sample
from ganeval.errors import GanevalError
from ganeval.images.source import Label
from ganeval.metrics.mean_of_values import with_mean_interval
from ganeval.metrics.random_pairs import compare_pairs, disjoint_pairs
from ganeval.metrics.score import Score
from ganeval.metrics.structural_similarity import multi_scale_structural_similarity, scale_parameters

#: Pairs of a class with which its own mean is told.
_FEWEST_PAIRS = 5


@dataclass(frozen=True)
class _OfSide:
    values: np.ndarray[Any, np.dtype[np.float64]]
    classes: tuple[Label, ...]
    score: Score

    def by_class(self) -> dict[str, float]:
        names = np.asarray([str(name) for name in self.classes])
        return {
            str(name): float(self.values[names == name].mean())
            for name in np.unique(names)
            if (names == name).sum() >= _FEWEST_PAIRS
        }


@dataclass(frozen=True)
class ClassSimilarity:
    """Of both sides."""

    generated: _OfSide
    fresh: _OfSide

    def score(self) -> Score:
        """Of the samples, the real images' value in its details; lower is more diverse."""
        return replace(self.generated.score, details={**self.generated.score.details, "real": self.fresh.score.value})

    def details(self) -> dict[str, Any]:
        """JSON-ready: means over all pairs and those of classes with enough of them."""
        real = self.fresh.by_class()
        return {
            "generated": self.generated.score.value,
            "real": self.fresh.score.value,
            "pairs": len(self.generated.values),
            "classes": {
                name: {"generated": value, "real": real[name]}
                for name, value in self.generated.by_class().items()
                if name in real
            },
        }


def class_similarity(
    parts: EqualParts,
    generated: Sequence[Label],
    fresh: Sequence[Label],
    *,
    pairs: int,
    seed: int,
    level: float,
) -> ClassSimilarity | None:
    """Mean MS-SSIM over pairs of one class that share no image (Odena et al. 2017, section 4.2), of either side.

    None where pictures can't be read again, differ in size or are too small, or where a side has no two of a class.

    Parameters
    ----------
    generated, fresh
        Class of each image of the parts; None leaves it out.
    pairs
        Most pairs a side; classes take turns.
    """
    try:
        return ClassSimilarity(
            _of_side(parts.generated, generated, pairs, seed, level), _of_side(parts.fresh, fresh, pairs, seed, level)
        )
    except GanevalError:
        # Pictures are a second look: without them the features still speak.
        return None


def _of_side(sample: Sample, labels: Sequence[Label], pairs: int, seed: int, level: float) -> _OfSide:
    from ganeval.metrics.image_sets import reader_of

    reader = reader_of(sample.features, sample.side)
    places = disjoint_pairs(len(sample), pairs, seed=seed, labels=labels)
    found = compare_pairs(reader, sample.rows[places].astype(np.intp), multi_scale_structural_similarity)
    _, first = next(iter(reader.rows([int(sample.rows[0])])))
    score = Score(
        name="class_ms_ssim",
        value=found.mean,
        n_real=None,
        n_generated=len(sample),
        higher_is_better=False,
        parameters={"pairs": len(places)} | scale_parameters(min(first.shape[:2])),
    )
    score = with_mean_interval(
        score, found.values, level=level, what="pairs that share no image", lowest=0.0, highest=1.0
    )
    return _OfSide(found.values, tuple(labels[place] for place in places[:, 0]), score)
