"""Scores the calibration photographs, and simulated fakes of them, by every shipped detector, as they would come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ganeval.detectors.artefacts.clips import frame_pair_from
from ganeval.detectors.artefacts.histories import History
from ganeval.detectors.artefacts.training_set import HANDLING, history_from, pair_from, thumbnail_from
from ganeval.detectors.bundling.photographs import Photograph
from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.detectors.conditions import conditions_of
from ganeval.detectors.detector import PixelDetector
from ganeval.detectors.fusion.bins import bin_of
from ganeval.detectors.specimen import Pixels, Specimen, open_specimen
from ganeval.progress import Progress

#: Seed of the pairs; training draws its own. What is added to the number of a draw of another kind.
_SEED = 77
_WHOLES = 992
_CLIPS = 2000
#: A picture whose history ends with a JPEG comes as that file, by this share, else as a PNG made of it.
_AS_JPEG = 0.75
#: What whole photographs go through: nearly always something.
_HANDLED = replace(HANDLING, untouched=0.0)

Row = tuple[list[float], bool, str, str, str]
#: A picture as it would come in, whether it is generated, and its source or its simulator.
Side = tuple[Specimen, bool, str]


@dataclass(frozen=True)
class Draws:
    """How many pictures of each kind are made of each photograph, beside its own file.

    Parameters
    ----------
    pairs
        Of a cut-out and a fake of it.
    wholes
        Histories that it goes through as a whole.
    clips
        Of frames of a film and of a fake's film.
    films
        Frames of a film of the whole.
    """

    pairs: int = 8
    wholes: int = 8
    clips: int = 4
    films: int = 2


@dataclass(frozen=True)
class _Work:
    path: Path
    source: str
    group: str
    kind: str
    draw: int
    detectors: Mapping[str, PixelDetector]

    def seed(self, kind: int = 0) -> tuple[int, int, int]:
        # Drawn from the checksum, so that the table doesn't depend on which photographs stand beside.
        return (_SEED, kind + self.draw, int(self.group[:8], 16))


def reference_scores(
    photographs: Sequence[Photograph],
    detectors: Mapping[str, PixelDetector],
    *,
    draws: Draws,
    workers: int,
    progress: Progress,
) -> ReferenceScores:
    """The table: each photograph as its file is, whole after histories, pairs of a cut-out and a fake of it, films.

    Parameters
    ----------
    photographs
        None of which was trained on.
    detectors
        By name.
    draws
        Pictures of each photograph.
    workers
        Processes.
    progress
        Told of each photograph.
    """
    numbers = {"file": 1, "whole": draws.wholes, "pair": draws.pairs, "film": draws.films, "clip": draws.clips}
    work = [
        _Work(one.path, one.source, one.sha256[:16], kind, draw, detectors)
        for one in photographs
        for kind, number in numbers.items()
        for draw in range(number)
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
    return [_row(specimen, generated, cluster, work) for specimen, generated, cluster in _KINDS[work.kind](work)]


def _file(work: _Work) -> list[Side]:
    return [(open_specimen(work.path), False, work.source)]


def _whole(work: _Work) -> list[Side]:
    seed = (*work.seed(_WHOLES), 1)
    rng = np.random.default_rng(seed)
    history = history_from(rng, seed, _HANDLED)
    pixels = history.apply(thumbnail_from(open_specimen(work.path).pixels, seed))
    return _handled([(pixels, False, work.source)], history, rng, work)


def _pair(work: _Work) -> list[Side]:
    pair = pair_from(work.path, work.seed())
    sides = [(pair.photograph, False, work.source), (pair.generated, True, pair.simulator)]
    return _handled(sides, pair.history, np.random.default_rng([*work.seed(), 1]), work)


def _clip(work: _Work) -> list[Side]:
    pair = frame_pair_from(work.path, work.seed(_CLIPS), whole=work.kind == "film")
    sides: list[tuple[Pixels | None, bool, str]] = [
        (pair.photograph, False, work.source),
        (pair.generated, True, pair.simulator),
    ]
    return [
        (_as_format(pixels, pair.codec.upper(), work), generated, cluster)
        for pixels, generated, cluster in sides
        if pixels is not None
    ]


_KINDS: Mapping[str, Callable[[_Work], list[Side]]] = {
    "file": _file,
    "whole": _whole,
    "pair": _pair,
    "film": _clip,
    "clip": _clip,
}


def _handled(
    sides: Sequence[tuple[Pixels, bool, str]], history: History, rng: np.random.Generator, work: _Work
) -> list[Side]:
    """As the file that a history leaves."""
    handled = history.describe()
    codec, file_format, quality = handled["codec"], "PNG", 0
    as_file = rng.random() < _AS_JPEG
    if codec == "webp":
        file_format = "WEBP"
    elif codec == "jpeg" and as_file:
        file_format, quality = "JPEG", int(handled["quality"])
    return [
        (_as_format(pixels, file_format, work, quality), generated, cluster) for pixels, generated, cluster in sides
    ]


def _as_format(pixels: Pixels, file_format: str, work: _Work, quality: int = 0) -> Specimen:
    info = replace(open_specimen(pixels, work.group).info, format=file_format)
    return Specimen(work.group, pixels, replace(info, jpeg_quality=quality) if quality else info)


def _row(specimen: Specimen, generated: bool, cluster: str, work: _Work) -> Row:
    scores = [
        detector.score(specimen.pixels) if specimen.side >= detector.minimum_side else float("nan")
        for detector in work.detectors.values()
    ]
    return scores, generated, cluster, work.group, bin_of(conditions_of(specimen))
