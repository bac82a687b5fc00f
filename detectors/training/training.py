"""From two sets of images to a detector's folder: train, calibrate on what was held back, measure, describe."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganeval.detectors.detector import PIXEL_DETECTORS
from ganeval.detectors.evaluating.measures import Measure, auc, auc_interval, rate
from ganeval.detectors.evaluating.sets import SideFiles, differences
from ganeval.detectors.training.examples import split_by_source
from ganeval.detectors.training.folder import require_free, save_detector
from ganeval.detectors.training.reference import few_references, score_held_back
from ganeval.errors import CorruptImageError
from ganeval.images.opening import open_source
from ganeval.images.source import ImageSource
from ganeval.progress import Progress
from ganeval.version import __version__

_FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class Trained:
    """How a training went.

    Parameters
    ----------
    detector
        Its name.
    auc
        On the images held back.
    detection
        Share of generated images held back that score above the threshold which 5 % of the real ones exceed.
    fitted, held_back
        Images of each class, real first.
    warnings
        About the sets, a sentence each.
    seconds
        It took.
    """

    detector: str
    auc: Measure
    detection: Measure
    fitted: tuple[int, int]
    held_back: tuple[int, int]
    warnings: tuple[str, ...]
    seconds: float


def train_detector(
    real: str,
    generated: str,
    name: str,
    out: str | os.PathLike[str],
    *,
    held_back: float = 0.25,
    group: str | None = None,
    level: float = 0.95,
    seed: int = 2020,
    command: str = "",
    progress: Progress,
) -> Trained:
    """Train a detector and save it.

    Parameters
    ----------
    real, generated
        Sets of images in any form that `open_source` takes.
    name
        Of the detector in `PIXEL_DETECTORS`.
    out
        Folder to make.
    held_back
        Part of the groups that isn't trained on.
    group
        Regular expression that finds in an image's id what it was made from; None: the file's name.

    Raises
    ------
    GanevalError
        If the detector is unknown, the sets can't be opened or are too small, or the folder can't be written.
    """
    began = time.monotonic()
    kind = PIXEL_DETECTORS.get(name)
    require_free(out)
    sources = (open_source(real), open_source(generated))
    split = split_by_source(*sources, held_back=held_back, group=group, seed=seed)
    files = _looked_at(sources)
    detector = kind.fit(split.examples(), seed=seed, progress=progress)
    reference = score_held_back(name, detector, split, progress)
    scores = tuple(reference.scores[reference.generated == side, 0].astype(np.float64) for side in (False, True))
    area = Measure(auc(scores[1], scores[0]), *auc_interval(scores[1], scores[0], level), sum(map(len, scores)))
    threshold = float(np.quantile(scores[0], 1 - _FALSE_ALARMS))
    detection = rate(int((scores[1] > threshold).sum()), len(scores[1]), level)
    counts = Counter((one.generated, part) for part in (0, 1) for one in (split.fitting, split.held_back)[part])
    trained = Trained(
        detector=name,
        auc=area,
        detection=detection,
        fitted=(counts[False, 0], counts[True, 0]),
        held_back=(len(scores[0]), len(scores[1])),
        warnings=tuple(f"{one}: what it has learnt may be that" for one in differences(*files))
        + few_references(reference)
        + (
            (f"{len(split.skipped)} images couldn't be decoded, the first is {split.skipped[0][0]}",)
            if split.skipped
            else ()
        ),
        seconds=time.monotonic() - began,
    )
    made = _made(trained, sources, files, command, seed, level)
    save_detector(out, name, detector, reference, made, _card(kind, trained, made))
    return trained


def _looked_at(sources: tuple[ImageSource, ImageSource]) -> tuple[SideFiles, SideFiles]:
    """What the files are; images that can't be decoded are counted when they are trained on."""
    sides = (SideFiles(), SideFiles())
    for source, side in zip(sources, sides, strict=True):
        for item in source:
            try:
                side.add(item.load().info)
            except CorruptImageError:
                continue
    return sides


def _made(
    trained: Trained,
    sources: tuple[ImageSource, ImageSource],
    files: tuple[SideFiles, SideFiles],
    command: str,
    seed: int,
    level: float,
) -> dict[str, Any]:
    sides = {}
    for word, source, side, place in zip(("real", "generated"), sources, files, (0, 1), strict=True):
        sides[word] = {
            "source": source.name,
            "fingerprint": source.fingerprint(),
            "fitted": trained.fitted[place],
            "held_back": trained.held_back[place],
            "formats": dict(side.formats),
            "shorter_side": [min(side.sides), max(side.sides)] if side.sides else [],
            "jpeg_quality": [min(side.qualities), max(side.qualities)] if side.qualities else [],
        }
    return {
        "ganeval": __version__,
        "command": command,
        "seed": seed,
        "data": sides,
        "measured": {
            "level": level,
            "auc": trained.auc.as_dict(),
            "detection_at_5_percent_false_alarms": trained.detection.as_dict(),
        },
        "warnings": list(trained.warnings),
    }


def _card(kind: Any, trained: Trained, made: dict[str, Any]) -> str:
    lines = [
        f"# A detector: {kind.title}",
        "",
        f"Method: `{trained.detector}` ({kind.paper}). Trained with ganeval {made['ganeval']}:",
        "",
        "```",
        made["command"],
        "```",
        "",
        "## Data",
        "",
        "| side | set | trained on | held back | formats | shorter side, px | JPEG quality |",
        "|---|---|---|---|---|---|---|",
    ]
    for word, side in made["data"].items():
        cells = [
            ", ".join(f"{name} {count}" for name, count in side["formats"].items()),
            *(_span(side[key]) for key in ("shorter_side", "jpeg_quality")),
        ]
        lines.append(f"| {word} | `{side['source']}` | {side['fitted']} | {side['held_back']} | {' | '.join(cells)} |")
    area, found = trained.auc, trained.detection
    lines += [
        "",
        "## How good, on images held back (of the same sets: other generators and cameras will do worse)",
        "",
        f"- Area under the ROC curve {area.value:.3f}, interval {area.low:.3f} to {area.high:.3f}.",
        f"- At the threshold that 5 % of the real images exceed it finds {100 * found.value:.1f} % of the generated "
        f"ones ({100 * found.low:.1f} to {100 * found.high:.1f} %).",
        "",
        "## Known limits",
        "",
        "- It knows the two sets and nothing else: whatever separates them (content, format, size, compression) may be "
        "what it has learnt.",
        *(f"- {warning[0].upper()}{warning[1:]}." for warning in trained.warnings),
        "- It says how unlike the real set a picture is, not whether a picture is true.",
        "",
    ]
    return "\n".join(lines)


def _span(ends: list[int]) -> str:
    return "none" if not ends else f"{ends[0]} to {ends[1]}" if ends[0] != ends[1] else str(ends[0])
