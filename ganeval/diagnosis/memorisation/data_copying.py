"""The data-copying test C_T: whether samples lie nearer to the training images than held-out ones do, cell by cell."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.memorisation.nearest_images import nearest_training_images
from ganeval.diagnosis.memorisation.shares import SINGLE_LEVEL
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Histogram, Part, Severity

Vectors = npt.NDArray[np.floating[Any]]
Values = npt.NDArray[np.float64]

#: Samples that a cell must hold to count, and rearrangements for the p-value.
FEWEST_IN_CELL = 20
REARRANGEMENTS = 2499
#: By how much more often than not a sample lies nearer to the training images than a held-out image of its cell. A
#: generator that copies a share f of its samples and is else honest reaches f; where it is 0.33, two of three pairs go
#: that way, which is a medium effect by the usual reading of Cliff's delta.
PARTIAL, SEVERE = 0.1, 0.33
#: Training images, and their dimensions, in which cells are looked for: these are only to be roughly alike.
_FITTED, _DIMENSIONS = 10_000, 64
_BINS = 20
_BYTES = 64 * 2**20


class DataCopying(NamedTuple):
    """Result of the test.

    Parameters
    ----------
    value
        C_T: far below 0 for copying, far above for samples that lie too far from the training images.
    p_value
        That exchangeable samples reach a C_T so low.
    shift
        Mean over the cells of P[held-out is farther] − P[generated is farther] (−1..1).
    cells
        Numbers of the cells that count.
    z, cell_shift
        Of each of them: Mann-Whitney's z, and its own shift.
    share_generated, share_held_out
        Of each of them.
    """

    value: float
    p_value: float
    shift: float
    cells: npt.NDArray[np.int64]
    z: npt.NDArray[np.float64]
    cell_shift: npt.NDArray[np.float64]
    share_generated: npt.NDArray[np.float64]
    share_held_out: npt.NDArray[np.float64]


def data_copying(
    generated: Vectors,
    held_out: Vectors,
    generated_cells: npt.NDArray[np.int64],
    held_out_cells: npt.NDArray[np.int64],
    *,
    fewest: int = FEWEST_IN_CELL,
    rearrangements: int = REARRANGEMENTS,
    seed: int = 2020,
) -> DataCopying:
    """C_T of distances to the nearest training image (Meehan, Chaudhuri & Dasgupta 2020, section 4.2).

    In each cell with enough samples, the Mann-Whitney U of generated against held-out distances as a z-score; C_T is
    their mean, weighted by the held-out images' shares. Its distribution where both are exchangeable comes from
    rearranging all images between the two sets, cells and all, so that the p-value holds for any numbers of them
    (the paper's normal limit isn't used).

    Parameters
    ----------
    generated, held_out
        Distances [M] and [N] to the nearest training image.
    generated_cells, held_out_cells
        Which cell each lies in, int64 from 0; cells must not have been fitted to these images.
    fewest
        τ·M of the paper: samples that a cell must hold to count.
    rearrangements
        For the p-value, which is at least 1 / (1 + rearrangements).
    seed
        Of the rearrangements.

    Raises
    ------
    NotEnoughImagesError
        If no cell holds enough samples and a held-out image.
    """
    fewest = require_count("fewest", fewest)
    values = np.concatenate([generated, held_out])
    cells = np.concatenate([generated_cells, held_out_cells]).astype(np.int64)
    n, total, k = len(generated), len(values), int(cells.max()) + 1
    within = np.empty(total)
    sizes = np.bincount(cells, minlength=k)
    ties = np.zeros(k)
    for cell in range(k):
        rows = np.flatnonzero(cells == cell)
        within[rows] = rankdata(values[rows])
        _, repeats = np.unique(values[rows], return_counts=True)
        ties[cell] = float((repeats.astype(np.float64) ** 3 - repeats).sum())
    is_ours = np.zeros(total, dtype=bool)
    is_ours[:n] = True
    ours: Values = np.bincount(cells, weights=is_ours, minlength=k).astype(np.float64)
    ranks: Values = np.bincount(cells, weights=within * is_ours, minlength=k).astype(np.float64)
    z, shift, weight = _statistics(ours, ranks, sizes, ties, fewest)
    if not weight.any():
        raise NotEnoughImagesError(
            f"no cell holds {fewest} samples and a held-out image", hint="Give more images, or fewer cells."
        )
    value = float((z * weight).sum() / weight.sum())
    random = np.random.default_rng([seed, 0xC7])
    step = max(1, _BYTES // (8 * total))
    order = np.argsort(cells, kind="stable")
    # Sums over cells are differences of running sums, with the images in the order of their cells.
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    lower = 0
    for start in range(0, rearrangements, step):
        count = min(step, rearrangements - start)
        drawn = random.permuted(np.broadcast_to(is_ours[order], (count, total)), axis=1)
        ours_again = _sums(drawn.astype(np.float64), bounds)
        ranks_again = _sums(drawn * within[order], bounds)
        again, _, weights = _statistics(ours_again, ranks_again, sizes, ties, fewest)
        sums = weights.sum(axis=1)
        drawn_values = np.divide((again * weights).sum(axis=1), sums, out=np.zeros(count), where=sums > 0)
        lower += int((drawn_values <= value + 1e-9).sum())
    counted = np.flatnonzero(weight)
    return DataCopying(
        value,
        (1 + lower) / (1 + rearrangements),
        float((shift * weight).sum() / weight.sum()),
        counted,
        z[counted],
        shift[counted],
        ours[counted] / n,
        (sizes - ours)[counted] / (total - n),
    )


def _sums(values: npt.NDArray[np.float64], bounds: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    running = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    return np.asarray(np.diff(running[:, bounds], axis=1))


def _statistics(
    ours: npt.NDArray[np.float64],
    ranks: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.int64],
    ties: npt.NDArray[np.float64],
    fewest: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """z, shift and weight of each cell [..., k], from numbers and rank sums of the generated images in it."""
    theirs = sizes - ours
    pairs = ours * theirs
    # How often a generated image is the farther one, less what chance gives.
    beyond = ranks - ours * (ours + 1) / 2 - pairs / 2
    spread = np.maximum(sizes, 2)
    variance = pairs / 12 * (sizes + 1 - ties / (spread * (spread - 1)))
    z = np.divide(beyond, np.sqrt(np.maximum(variance, 0)), out=np.zeros_like(beyond), where=variance > 1e-12)
    shift = np.divide(-2 * beyond, pairs, out=np.zeros_like(beyond), where=pairs > 0)
    weight = np.where((ours >= fewest) & (theirs > 0), theirs, 0.0)
    return z, shift, weight


def cells_of(training: Vectors, sides: list[Vectors], count: int, *, seed: int) -> list[npt.NDArray[np.int64]]:
    """Cells of each side's images: nearest of `count` k-means centres, fitted to the training images alone.

    In the training images' leading principal components, as the paper's authors do for images.

    Parameters
    ----------
    training
        [T, D].
    sides
        Each [n, D].
    count
        Of cells, at most that of the training images.
    seed
        Of the choice of training images and of the clustering.
    """
    from sklearn.cluster import KMeans

    random = np.random.default_rng([seed, 0xCE])
    rows = np.sort(random.choice(len(training), min(_FITTED, len(training)), replace=False))
    sample = training[rows].astype(np.float64)
    mean = sample.mean(axis=0)
    _, vectors = np.linalg.eigh((sample - mean).T @ (sample - mean))
    axes = vectors[:, ::-1][:, :_DIMENSIONS]
    reduced = (sample - mean) @ axes
    different = len(np.unique(np.round(reduced, 12), axis=0))
    kmeans = KMeans(min(count, different), n_init=3, random_state=seed % 2**32).fit(reduced)
    return [np.asarray(kmeans.predict((side - mean) @ axes), dtype=np.int64) for side in sides]


def _examine(subject: Subject, *, cells: int | None) -> Examined:
    if subject.held_out is None:
        raise MetricError(
            "it needs real images that the generator wasn't trained on", hint="Pass them with --held-out."
        )
    generated, held_out = subject.generated, subject.held_out
    n, m = len(generated), len(held_out)
    # So many that chance leaves enough of both in most cells.
    cells = max(1, min(50, min(n, m) // 100)) if cells is None else require_count("cells", cells)
    ours, theirs = (_distances(subject, side) for side in (generated, held_out))
    where = cells_of(subject.real.pooled, [generated.pooled, held_out.pooled], cells, seed=subject.seed)
    found = data_copying(ours, theirs, *where, seed=subject.seed)
    effect = found.shift
    severity: Severity = "severe" if effect >= SEVERE else "partial" if effect >= PARTIAL else "none"
    percent = 100 * (1 + found.shift) / 2
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        f"a sample lies nearer to the training images than a held-out image of the same kind in {percent:.1f} % of "
        f"pairs, where fresh images would in 50 %{'' if effect > 0 else ': nothing is copied'}",
        p_value=found.p_value,
        effect=max(effect, 0.0),
        effect_of="how much more often than not a sample is the nearer one to the training images, of pairs in a cell",
        smallest_effect=_smallest(n, m),
        parts=_parts(found, ours, theirs, where),
        parts_of="median distance to the nearest training image",
        histograms=(_histogram(ours, theirs),),
        details={
            "c_t": found.value,
            "cells": cells,
            "cells_counted": len(found.cells),
            "z": [float(z) for z in found.z],
        },
    )
    score = Score(
        "c_t",
        found.value,
        len(subject.real),
        n,
        higher_is_better=True,
        parameters={"cells": cells},
        details={"p_value": found.p_value, "n_held_out": m},
        no_interval_reason="it is a test statistic, with a standard deviation of its own where nothing is copied",
    )
    extractor = generated.extractor
    name = "c_t" if extractor is None else f"c_t_{extractor.name}"
    return Examined(evidence, {name: score.renamed(name)})


def _distances(subject: Subject, side: Features) -> npt.NDArray[np.float64]:
    found = nearest_training_images(side, subject.real, block_bytes=subject.block_bytes, progress=subject.progress)
    return found.distances[:, 0]


def _smallest(n: int, m: int) -> float:
    """Of a Mann-Whitney test on all images at once, which that of the cells comes near."""
    reach = float(norm.isf(SINGLE_LEVEL) + norm.isf(0.2))
    return min(1.0, 2 * reach * math.sqrt((n + m + 1) / (12 * n * m)))


def _parts(
    found: DataCopying,
    ours: npt.NDArray[np.float64],
    theirs: npt.NDArray[np.float64],
    where: list[npt.NDArray[np.int64]],
) -> tuple[Part, ...]:
    order = np.argsort(found.z, kind="stable")
    return tuple(
        Part(
            f"cell {int(found.cells[i])}",
            float(np.median(theirs[where[1] == found.cells[i]])),
            float(np.median(ours[where[0] == found.cells[i]])),
            p_value=float(norm.cdf(found.z[i])),
        )
        for i in order[:10]
    )


def _histogram(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> Histogram:
    end = float(np.quantile(np.concatenate([ours, theirs]), 0.99)) or 1.0
    edges = np.linspace(0, end, _BINS + 1)
    shares = [np.histogram(np.minimum(v, end), edges)[0] / len(v) for v in (ours, theirs)]
    return Histogram(
        "Distance to the nearest training image",
        "Samples that lie to the left of held-out images are copied, or all too ordinary.",
        tuple(f"{edge:.3g}" for edge in edges[:-1]),
        {"generated": tuple(map(float, shares[0])), "held-out": tuple(map(float, shares[1]))},
    )


def _parse_cells(text: str) -> int | None:
    return None if text.strip().lower() in ("auto", "none") else int(text)


DIAGNOSTIC = Diagnostic(
    name="data-copying",
    title="Data copying",
    paper="Meehan, Chaudhuri & Dasgupta 2020, A Non-Parametric Test to Detect Data-Copying in Generative Models",
    failure="memorisation",
    examine=_examine,
    needs=("held-out",),
    minimum=FEWEST_IN_CELL,
    parameters=(
        Parameter(
            "cells", None, _parse_cells, "k-means cells (auto: one for each 100 images of the smaller set, to 50)"
        ),
    ),
)
