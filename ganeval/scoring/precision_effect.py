"""What a lower precision of the network does to the Fréchet distance, measured on the first images of the sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganeval.features.compiling.extractor import NEVER
from ganeval.features.engine import extract
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import Features
from ganeval.metrics.frechet_distance import frechet_distance
from ganeval.notices import Notice
from ganeval.wording import counted

if TYPE_CHECKING:
    from ganeval.scoring.evaluation import Evaluation, ExtractedSet

#: |ΔFD|/FD from which on the notice is a warning.
TOLERATED = 0.005
#: Images a side that are extracted in both precisions: one in `_ONE_IN`, at least and at most so many.
_ONE_IN, _FEWEST, _MOST = 40, 64, 256

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Side:
    """The same images in both precisions, [n, D] each."""

    exact: Rows
    lower: Rows

    @property
    def deviation(self) -> float:
        """Root mean square of the difference, relative to how the exact features spread around their mean."""
        spread = float(np.linalg.norm(self.exact - self.exact.mean(0)))
        return float(np.linalg.norm(self.lower - self.exact)) / spread if spread else 0.0


def precision_notice(
    evaluation: Evaluation, exact: FeatureExtractor, real: ExtractedSet | None, generated: ExtractedSet
) -> Notice:
    """What the precision of `evaluation`'s extractor does, seen on the first images of either side.

    The first 64 to 256 images (one in 40, so that it takes a twentieth of the time) go through `exact`, the same
    extractor in float32, and their Fréchet distance is computed in both precisions. Their float32 features are stored
    as any others, so that a second run doesn't extract them again.
    """
    precision = evaluation.network.info.precision
    sides = [_measured(evaluation, exact, one) for one in (real, generated) if one is not None]
    whole = [side for side in sides if side is not None]
    opening = f"the network computed in {precision}"
    if not whole:
        return Notice(
            "precision",
            f"{opening}; what that does to the scores couldn't be measured, as the images can't be read twice",
            "Compare these scores with others of the same precision only.",
        )
    deviation = max(side.deviation for side in whole)
    moved = f"single features deviate by {deviation:.1%} of their spread"
    if len(whole) < 2:
        return Notice(
            "precision",
            f"{opening}; on the first {counted(len(whole[0].exact), 'image')}, {moved}"
            + ("" if len(sides) == 1 else "; what that does to the distance couldn't be measured on one side alone"),
            "Compare these scores with others of the same precision only.",
            severity="info" if len(sides) == 1 else "warning",
        )
    before = frechet_distance(whole[0].exact, whole[1].exact, level=None).value
    after = frechet_distance(whole[0].lower, whole[1].lower, level=None).value
    change = abs(after - before) / before if before > 0 else float("inf") if after > 0 else 0.0
    counts = " and ".join(str(len(side.exact)) for side in whole)
    return Notice(
        "precision",
        f"{opening}: on the first {counts} images its Fréchet distance is {after:.6g} instead of {before:.6g} "
        f"({change:.2%} off), and {moved}",
        "Compare these scores with others of the same precision only.",
        severity="info" if change < TOLERATED else "warning",
    )


def _measured(evaluation: Evaluation, exact: FeatureExtractor, one: ExtractedSet) -> _Side | None:
    if not one.source.repeatable:
        return None
    wanted = min(_MOST, max(_FEWEST, len(one.features) // _ONE_IN))
    settings = evaluation.extraction_settings(f"float32, for comparison: {one.source.name}")
    found = extract(one.source, exact, **{**settings, "compile": NEVER}, limit=wanted).features
    common = _common_rows(found, one.features)
    return None if len(common) < 2 else _Side(found.pooled[: len(common)], one.features.pooled[common])


def _common_rows(first: Features, whole: Features) -> list[int]:
    """Rows of `whole` that hold the images of `first`, as far as they go in the same order."""
    ids = whole.ids[: len(first.ids)]
    same = [a == b for a, b in zip(first.ids, ids, strict=False)]
    return list(range(same.index(False) if False in same else len(same)))
