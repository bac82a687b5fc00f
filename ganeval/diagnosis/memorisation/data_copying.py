"""The data-copying test C_T, and whether samples are nearest to training images rather than held-out ones, by cells."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.memorisation.exchange import Exchange, exchange_test, nearest_of_both, smallest_excess
from ganeval.diagnosis.memorisation.nearest_images import nearest_training_images
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Histogram, Part, Severity
from ganeval.wording import counted

Vectors = npt.NDArray[np.floating[Any]]
Values = npt.NDArray[np.float64]

#: Samples that a cell must hold to count, and rearrangements for the p-value.
FEWEST_IN_CELL = 20
REARRANGEMENTS = 2499
#: Share of the samples that are nearest to training images beyond what chance gives, in all or in the cells that stand
#: out. A generator that copies a share f of its samples and is else honest reaches f; as of `authenticity`.
PARTIAL, SEVERE = 0.05, 0.25
#: P[held-out is farther] less P[generated is farther] from which samples are called typical.
_TYPICAL = 0.1
#: Corrected p-value up to which a cell stands out.
_STANDS_OUT = 0.05
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

    Samples that are more typical than held-out images have a low C_T too, without anything being copied: see
    `ganeval.diagnosis.memorisation.exchange`.

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
    """Cells of each side's images: nearest of `count` k-means centres, fitted to the first images alone.

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
    # These cells mustn't know which images are training images.
    (kinds,) = cells_of(_mixed(subject), [generated.pooled], cells, seed=subject.seed)
    exchange = exchange_test(
        nearest_of_both(subject).image,
        len(subject.real),
        m,
        kinds,
        fewest=FEWEST_IN_CELL,
        level=subject.level,
        seed=subject.seed,
    )
    standing_out = np.flatnonzero(exchange.p_values <= _STANDS_OUT)
    in_cells = float((exchange.votes * exchange.excesses)[standing_out].sum()) / n
    effect = max(exchange.excess, in_cells)
    severity: Severity = "severe" if effect >= SEVERE else "partial" if effect >= PARTIAL else "none"
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        _sentence(found, exchange, len(standing_out)),
        p_value=exchange.p_value,
        effect=max(effect, 0.0),
        effect_of="share of the samples that are nearest to a training image, beyond what chance gives",
        smallest_effect=smallest_excess(exchange.spread),
        parts=_parts(exchange),
        parts_of="share of samples whose nearest real image is a training image: by chance, and seen",
        histograms=(_histogram(ours, theirs),),
        details={
            "c_t": found.value,
            "c_t_p_value": found.p_value,
            "shift": found.shift,
            "cells": cells,
            "cells_counted": len(found.cells),
            "z": [float(z) for z in found.z],
            "nearest_to_training_images": exchange.share,
            "expected_share": exchange.expected,
            "excess": exchange.excess,
            "interval": list(exchange.interval),
            "level": subject.level,
            "cells_standing_out": len(standing_out),
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


def _sentence(found: DataCopying, exchange: Exchange, standing_out: int) -> str:
    words = (
        f"a sample lies nearer to the training images than a held-out image of the same kind in "
        f"{100 * (1 + found.shift) / 2:.1f} % of pairs (C_T {found.value:.3g}); the real image that is nearest to a "
        f"sample is a training image in {100 * exchange.share:.1f} % of cases, where chance gives "
        f"{100 * exchange.expected:.1f} %"
    )
    if standing_out:
        return f"{words}, and more than that in {counted(standing_out, 'group')} of similar images"
    if found.shift > _TYPICAL and found.p_value <= _STANDS_OUT:
        return f"{words}: the samples are more typical than the data, which by itself is no copying"
    return words


def _mixed(subject: Subject) -> Vectors:
    """Features of random real images, training and held-out ones alike."""
    assert subject.held_out is not None
    first, second = subject.real.pooled, subject.held_out.pooled
    random = np.random.default_rng([subject.seed, 0xCD])
    total = len(first) + len(second)
    rows = random.choice(total, min(_FITTED, total), replace=False)
    return np.concatenate([first[rows[rows < len(first)]], second[rows[rows >= len(first)] - len(first)]])


def _distances(subject: Subject, side: Features) -> npt.NDArray[np.float64]:
    found = nearest_training_images(side, subject.real, block_bytes=subject.block_bytes, progress=subject.progress)
    return found.distances[:, 0]


def _parts(found: Exchange) -> tuple[Part, ...]:
    order = [cell for cell in np.argsort(-found.z, kind="stable").tolist() if np.isfinite(found.z[cell])]
    return tuple(
        Part(
            f"cell {cell}",
            found.expected,
            float(found.expected + (1 - found.expected) * found.excesses[cell]),
            p_value=float(norm.sf(found.z[cell])),
        )
        for cell in order[:10]
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
