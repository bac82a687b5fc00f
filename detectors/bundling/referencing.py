"""Scores the calibration photographs, and simulated fakes of them, by every shipped detector, as they would come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ganeval.detectors.artefacts.histories import random_history
from ganeval.detectors.artefacts.training_set import HANDLING, pair_from
from ganeval.detectors.bundling.photographs import Photograph
from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.detectors.conditions import conditions_of
from ganeval.detectors.detector import PixelDetector
from ganeval.detectors.fusion.bins import bin_of
from ganeval.detectors.specimen import Specimen, open_specimen
from ganeval.progress import Progress

#: Seed of the pairs; training draws its own.
_SEED = 77
#: A picture whose history ends with a JPEG comes as that file, by this share, else as a PNG made of it.
_AS_JPEG = 0.75
#: What whole photographs go through: always something.
_HANDLED = replace(HANDLING, untouched=0.0)

Row = tuple[list[float], bool, str, str, str]


@dataclass(frozen=True)
class _Work:
    path: Path
    source: str
    group: str
    draw: int | None
    detectors: Mapping[str, PixelDetector]


def reference_scores(
    photographs: Sequence[Photograph],
    detectors: Mapping[str, PixelDetector],
    *,
    draws: int,
    wholes: int = 8,
    workers: int,
    progress: Progress,
) -> ReferenceScores:
    """The table: each photograph as its file is, whole after histories, and pairs of a cut-out and a fake of it.

    Parameters
    ----------
    photographs
        None of which was trained on.
    detectors
        By name.
    draws
        Pairs of each photograph.
    wholes
        Histories that each photograph goes through as a whole.
    workers
        Processes.
    progress
        Told of each photograph.
    """
    work = [
        _Work(one.path, one.source, one.sha256[:16], draw, detectors)
        for one in photographs
        for draw in (None, *range(-wholes, draws))
    ]
    rows: list[Row] = []
    task = progress.start("reference scores", total=len(work))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for found in pool.map(_scored, work, chunksize=8):
            rows.extend(found)
            task.advance(1)
    task.finish()
    scores, generated, clusters, groups, bins = zip(*rows, strict=True)
    texts = (np.array(column, np.str_) for column in (clusters, groups, bins))
    return ReferenceScores(tuple(detectors), np.array(scores, np.float32), np.array(generated, np.bool_), *texts)


def _scored(work: _Work) -> list[Row]:
    if work.draw is None:
        specimen = open_specimen(work.path)
        return [_row(specimen, False, work.source, work)]
    # Drawn from the checksum, so that the table doesn't depend on which photographs stand beside.
    seed = (_SEED, work.draw % 1000, int(work.group[:8], 16))
    rng = np.random.default_rng([*seed, 1])
    if work.draw < 0:
        history = random_history(rng, settings=_HANDLED)
        sides = [(history.apply(open_specimen(work.path).pixels), False, work.source)]
    else:
        pair = pair_from(work.path, seed)
        history = pair.history
        sides = [(pair.photograph, False, work.source), (pair.generated, True, pair.simulator)]
    handled = history.describe()
    as_file = rng.random() < _AS_JPEG
    rows = []
    for pixels, generated, cluster in sides:
        specimen = open_specimen(pixels, work.group)
        info = specimen.info
        if handled["codec"] == "webp":
            info = replace(info, format="WEBP")
        elif handled["codec"] == "jpeg" and as_file:
            info = replace(info, format="JPEG", jpeg_quality=int(handled["quality"]))
        else:
            info = replace(info, format="PNG")
        rows.append(_row(Specimen(work.group, pixels, info), generated, cluster, work))
    return rows


def _row(specimen: Specimen, generated: bool, cluster: str, work: _Work) -> Row:
    scores = [
        detector.score(specimen.pixels) if specimen.side >= detector.minimum_side else float("nan")
        for detector in work.detectors.values()
    ]
    return scores, generated, cluster, work.group, bin_of(conditions_of(specimen))
