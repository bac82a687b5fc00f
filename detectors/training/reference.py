"""Scores of the images held back, with their conditions: what a detector of one's own is calibrated by."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.detectors.conditions import conditions_of
from ganeval.detectors.detector import PixelDetector
from ganeval.detectors.fusion.bins import BINS, bin_of
from ganeval.detectors.fusion.fusing import FEWEST
from ganeval.detectors.specimen import Specimen
from ganeval.detectors.training.examples import Split
from ganeval.errors import NotEnoughImagesError
from ganeval.progress import Progress


def score_held_back(name: str, detector: PixelDetector, split: Split, progress: Progress) -> ReferenceScores:
    """Raw scores of the images held back; those that the detector can't judge are left out.

    Raises
    ------
    NotEnoughImagesError
        If it can judge fewer than two of a class.
    """
    scores: list[float] = []
    sides: list[bool] = []
    texts: list[tuple[str, str, str]] = []
    task = progress.start("measuring", total=len(split.held_back))
    for chosen, image in split.images(held_back=True):
        task.advance(1)
        if min(image.pixels.shape[:2]) < detector.minimum_side:
            continue
        score = detector.score(image.pixels)
        if math.isnan(score):
            continue
        scores.append(score)
        sides.append(chosen.generated)
        conditions = conditions_of(Specimen(chosen.item.id, image.pixels, image.info))
        texts.append((chosen.cluster, chosen.group, bin_of(conditions)))
    task.finish()
    for generated, word in ((False, "real"), (True, "generated")):
        if sides.count(generated) < 2:
            raise NotEnoughImagesError(
                f"only {sides.count(generated)} {word} images of those held back can be judged by {name}",
                hint=f"It needs images of at least {detector.minimum_side} pixels on their shorter side.",
            )
    clusters, groups, bins = (np.array(column, np.str_) for column in zip(*texts, strict=True))
    return ReferenceScores(
        (name,), np.array(scores, np.float32)[:, None], np.array(sides, np.bool_), clusters, groups, bins
    )


def few_references(reference: ReferenceScores) -> tuple[str, ...]:
    """A sentence if there are conditions under which the detector was measured on too few images to speak."""
    counts = Counter(zip(reference.bins.tolist(), reference.generated.tolist(), strict=True))
    known = {key for key, _ in counts}
    enough = {key for key in known if min(counts[key, False], counts[key, True]) >= FEWEST}
    if enough:
        return ()
    kinds = ", ".join(
        f"{BINS[key]}: {counts[key, False]} real and {counts[key, True]} generated" for key in sorted(known)
    )
    return (
        f"it will abstain on every picture, for it speaks only where {FEWEST} images of each class of the same kind "
        f"were held back ({kinds}); give more images or a larger --held-back",
    )
