"""Looks for samples that are copies of training images: exact, mirrored, cropped, noisy, compressed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.memorisation.closeness import (
    Closeness,
    closeness_of_sets,
    feature_closeness,
    pixel_closeness,
    remarkably_close,
)
from ganeval.diagnosis.memorisation.nearest_images import nearest_images
from ganeval.diagnosis.memorisation.shares import SINGLE_LEVEL
from ganeval.diagnosis.memorisation.tail_excess import TailExcess, tail_excess
from ganeval.diagnosis.memorisation.tail_scan import tail_scan_p_value
from ganeval.diagnosis.memorisation.thumbnails import Thumbnails, thumbnails
from ganeval.diagnosis.pictures import pictures
from ganeval.errors import GanevalError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Exhibit, Histogram, Severity
from ganeval.uncertainty.interval import Interval
from ganeval.wording import counted

#: Share of fresh real images that count as exceptionally close: the one in a thousand that lies closest.
EXCEPTIONAL = 0.001
#: Share of samples that are near copies beyond what fresh images show: from one in a thousand on anybody who draws a
#: few thousand samples publishes training images; at one in a hundred every grid of samples shows one.
PARTIAL, SEVERE = 0.001, 0.01
#: Share of fresh images beyond the threshold up to which a sample beyond it is called a near copy by itself.
_NAMING = 0.002
#: Where there are no held-out images, this share of the training images, and at most so many, stand in for them.
_SET_ASIDE, _MOST_SET_ASIDE = 1 / 3, 20_000
#: Pixels that are read at most unless the user wants it: a minute's work or so.
_MOST_PIXELS = 1.5e9
#: Neighbours in the features that are tried as sources of crops.
_CANDIDATES = 20
_SHOWN, _SHOWN_ANYWAY = 16, 6
#: The threshold lies at this one of the closest fresh images or beyond.
_STEADY = 10
_BINS = 20
_PIXELS = ("auto", "yes", "no")


@dataclass(frozen=True)
class Copies:
    """What is known of each sample.

    Parameters
    ----------
    p_values
        float64 [M]: share of fresh real images at least as close to a training image, counting itself (conformal).
    near_copy
        bool [M]: whether it is closer than the `EXCEPTIONAL` share of fresh real images, or the closest ten of them.
    expected
        Share of fresh real images that would be called near copies too.
    p_value
        That fresh real images would have so many exceptionally close ones among them.
    excess
        The share of the samples that is closer than fresh real images explain, whether or not one can say which.
    """

    p_values: npt.NDArray[np.float64]
    near_copy: npt.NDArray[np.bool_]
    expected: float
    p_value: float
    excess: TailExcess


def find_copies(
    generated: Sequence[npt.NDArray[np.floating[Any]]],
    fresh: Sequence[npt.NDArray[np.floating[Any]]],
    *,
    level: float = 0.95,
) -> Copies:
    """Which samples are closer to training images than fresh real images are, in any of several spaces.

    In each space all values are ranked together, and an image counts with its best rank. Ranks don't know which
    images were generated, so that for samples that are as fresh real images are, every order is equally likely, and
    the conformal p-values (Vovk et al. 2005; Bates et al. 2023) and the test `tail_scan_p_value` are valid.

    Parameters
    ----------
    generated, fresh
        For each space, how close each lies to its nearest training image, for its surroundings, [M] and [H]; the
        smaller, the closer.
    level
        Of the interval.
    """
    n, m = len(generated[0]), len(fresh[0])
    ranks = [rankdata(np.concatenate(pair), method="min") for pair in zip(generated, fresh, strict=True)]
    best = np.min(ranks, axis=0)
    ours, theirs = best[:n], np.sort(best[n:])
    at_most = np.searchsorted(theirs, ours, side="right")
    # The very closest of few fresh images may be anything: the tenth is steadier.
    place = max(1, math.floor(EXCEPTIONAL * (m + 1)), min(_STEADY, m // 10))
    return Copies(
        p_values=(1 + at_most) / (m + 1),
        near_copy=ours < theirs[place - 1],
        expected=place / (m + 1),
        p_value=tail_scan_p_value(ours, theirs),
        excess=tail_excess(ours, theirs, level),
    )


@dataclass(frozen=True)
class _Spaces:
    """Closeness of samples and of fresh images in each space, and each sample's nearest training image in it."""

    names: tuple[str, ...]
    generated: tuple[Closeness, ...]
    fresh: tuple[Closeness, ...]
    nearest: tuple[npt.NDArray[np.int64], ...]
    mirrored: dict[int, int]
    without_pixels: str | None

    @property
    def values(self) -> tuple[list[npt.NDArray[np.float64]], list[npt.NDArray[np.float64]]]:
        """How remarkably close samples and fresh images are, in each space."""
        both = [remarkably_close(*pair) for pair in zip(self.generated, self.fresh, strict=True)]
        return [pair[0] for pair in both], [pair[1] for pair in both]


def _examine(subject: Subject, *, pixels: str) -> Examined:
    if pixels not in _PIXELS:
        raise OptionError(f"pixels must be one of {', '.join(_PIXELS)}, not {pixels!r}")
    spaces, seen = _compare(subject, pixels)
    ours, theirs = spaces.values
    found = find_copies(ours, theirs, level=subject.level)
    n, m = len(found.near_copy), len(spaces.fresh[0].ratio)
    count, excess = int(found.near_copy.sum()), found.excess
    # Copies of what was set aside couldn't be seen.
    effect, low, high = (min(1.0, value / seen) for value in (excess.share, excess.low, excess.high))
    exact = _exact(subject.generated, subject.real)
    severity: Severity = "severe" if effect >= SEVERE else "partial" if effect >= PARTIAL else "none"
    order = np.lexsort((np.min(ours, axis=0), found.p_values))
    shown = order[: max(_SHOWN_ANYWAY, min(_SHOWN, count))]
    fresh_words = "held-out images" if subject.held_out is not None else "training images that were set aside"
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        _sentence(effect, low, high, count, n, len(exact), len(spaces.mirrored), expected=found.expected),
        p_value=found.p_value,
        effect=effect,
        effect_of="share of the samples that are near copies of training images, beyond what fresh real images show",
        smallest_effect=_smallest(n, m, seen),
        exhibits=(_gallery(subject, spaces, found, shown),),
        histograms=tuple(
            _histogram(name, generated.ratio, fresh.ratio)
            for name, generated, fresh in zip(spaces.names, spaces.generated, spaces.fresh, strict=True)
        ),
        details={
            "near_copies": count,
            "near_copies_share": count / n,
            "expected_share": found.expected,
            "beyond": {"count": excess.beyond, "share": excess.beyond / n, "expected_share": excess.expected},
            "interval": [low, high],
            "level": subject.level,
            "exact_copies": len(exact),
            "exact_mirrored_copies": len(spaces.mirrored),
            "calibrated_on": f"{counted(m, 'image')}: {fresh_words}",
            "share_of_training_images_searched": seen,
            "spaces": list(spaces.names),
            "without_pixels": spaces.without_pixels,
            "closest": [
                {"generated": _id(subject.generated, row), "p_value": float(found.p_values[row])}
                | {f"nearest_{name}": _id(subject.real, at[row]) for name, at in _named(spaces)}
                for row in shown.tolist()
            ],
        },
    )
    interval = Interval(
        low, high, subject.level, "exact intervals of both shares, combined (Newcombe 1998), at all depths together"
    )
    score = Score("near_copies", effect, len(subject.real), n, higher_is_better=False, interval=interval)
    extractor = subject.generated.extractor
    name = "near_copies" if extractor is None else f"near_copies_{extractor.name}"
    return Examined(evidence, {name: score.renamed(name)})


def _compare(subject: Subject, pixels: str) -> tuple[_Spaces, float]:
    """The spaces, and the share of the training images with which both samples and fresh images were compared."""
    real, fresh, aside = subject.real, subject.held_out, np.empty(0, dtype=np.int64)
    kept = np.arange(len(real))
    if fresh is None:
        random = np.random.default_rng([subject.seed, 0xC0])
        aside = np.sort(random.choice(len(real), min(int(len(real) * _SET_ASIDE), _MOST_SET_ASIDE), replace=False))
        kept = np.setdiff1d(kept, aside)
    calibration = len(aside) if fresh is None else len(fresh)
    if calibration < 10 or len(kept) < 10:
        raise NotEnoughImagesError(
            "there are too few real images to know how close fresh ones come to the training images",
            hint="Give at least 10 held-out images, or 30 training images.",
        )
    if fresh is not None:
        ours, theirs = (
            closeness_of_sets(side, real, block_bytes=subject.block_bytes) for side in (subject.generated, fresh)
        )
    else:
        ours, theirs = (
            feature_closeness(vectors, real.pooled[kept], block_bytes=subject.block_bytes)
            for vectors in (subject.generated.pooled, real.pooled[aside])
        )
    names, closeness, nearest = ["features"], [(ours, theirs)], [_overall(subject, ours, kept, aside)]
    mirrored: dict[int, int] = {}
    reason = _why_no_pixels(subject, pixels)
    if reason is None:
        try:
            small = [thumbnails(side.reader) for side in (subject.generated, real) if side.reader is not None]
            other = small[1].grey[aside] if fresh is None or fresh.reader is None else thumbnails(fresh.reader).grey
        except GanevalError as error:
            reason = error.message
        else:
            in_pixels = [
                pixel_closeness(grey, small[1].grey[kept], near.near[:, :_CANDIDATES], block_bytes=subject.block_bytes)
                for grey, near in ((small[0].grey, ours), (other, theirs))
            ]
            names.append("pixels")
            closeness.append((in_pixels[0], in_pixels[1]))
            nearest.append(kept[in_pixels[0].nearest])
            mirrored = _mirrored(small[0], real, {row for row, _ in _exact(subject.generated, real)})
    spaces = _Spaces(
        tuple(names),
        tuple(pair[0] for pair in closeness),
        tuple(pair[1] for pair in closeness),
        tuple(nearest),
        mirrored,
        reason,
    )
    return spaces, len(kept) / len(real)


def _overall(
    subject: Subject, ours: Closeness, kept: npt.NDArray[np.int64], aside: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The nearest of all training images, also of those set aside, for the pictures."""
    nearest = kept[ours.nearest]
    if not len(aside):
        return nearest
    real, generated = subject.real.pooled, subject.generated.pooled
    there = nearest_images(generated, real[aside], block_bytes=subject.block_bytes)
    here = np.linalg.norm(real[nearest].astype(np.float64) - generated, axis=1)
    return np.where(there.distances[:, 0] < here, aside[there.rows[:, 0]], nearest)


def _why_no_pixels(subject: Subject, pixels: str) -> str | None:
    """Why the pixels aren't looked at; None where they are."""
    sides = [side for side in (subject.generated, subject.real, subject.held_out) if side is not None]
    if pixels == "no":
        return "it wasn't wanted"
    if any(side.reader is None for side in sides):
        return "the images can't be read again"
    total = sum(info.width * info.height for side in sides for info in side.images)
    if pixels == "auto" and total > _MOST_PIXELS:
        return f"the sets have {total / 1e9:.1f} billion pixels; pixels=yes reads them all the same"
    return None


def _exact(generated: Features, real: Features) -> list[tuple[int, int]]:
    """Pairs of rows of a generated and a real image with the same pixels."""
    known = {info.digest: row for row, info in reversed(list(enumerate(real.images))) if info.digest}
    return [(row, known[info.digest]) for row, info in enumerate(generated.images) if info.digest in known]


def _mirrored(small: Thumbnails, real: Features, exact: set[int]) -> dict[int, int]:
    known = {info.digest: row for row, info in enumerate(real.images) if info.digest}
    return {row: known[d] for row, d in enumerate(small.mirrored) if d in known and row not in exact}


def _smallest(n: int, m: int, seen: float) -> float:
    """Share of samples that must be exact copies: so many that, alone at the top, they can't be chance.

    The factor 3 is what looking at several depths costs, about.
    """
    needed = math.ceil(math.log(SINGLE_LEVEL / 3) / math.log(n / (n + m)))
    return min(1.0, max(needed, 8) / n / seen)


def _sentence(
    effect: float, low: float, high: float, count: int, n: int, exact: int, mirrored: int, *, expected: float = 0.0
) -> str:
    if low <= 0 and count == exact == mirrored == 0:
        return f"none of {counted(n, 'sample')} is closer to a training image than fresh real images come"
    kinds = [(exact, ""), (mirrored, ", mirrored")]
    same = "".join(
        f"; {number:,} {'has' if number == 1 else 'have'} exactly a training image's pixels{how}"
        for number, how in kinds
        if number
    )
    if low <= 0:
        return (
            f"{counted(count, 'sample')} of {n:,} lie exceptionally close to a training image, "
            f"which fresh real images do as well now and then{same}"
        )
    between = f"between {_percent(low)} and {_percent(high)} %"
    # Beyond the closest ten of few fresh images lie samples of which nothing can be said one by one.
    named = (
        ""
        if count >= low * n or expected > _NAMING
        else f"; {f'{count:,}' if count else 'none'} of them so close that it can be said of each by itself"
    )
    return f"{_percent(effect)} % of the samples ({between}) are near copies of training images{named}{same}"


def _percent(share: float) -> str:
    """Two digits, but never as a power of ten."""
    return f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.2g}"


def _gallery(subject: Subject, spaces: _Spaces, found: Copies, rows: npt.NDArray[np.int64]) -> Exhibit:
    captions = [f"p {found.p_values[row]:.2g}" for row in rows]
    columns = [pictures(subject.generated, rows.tolist(), "generated", captions)]
    for name, close, at in zip(spaces.names, spaces.generated, spaces.nearest, strict=True):
        words = [f"{name} {close.ratio[row]:.2f}" for row in rows]
        columns.append(pictures(subject.real, at[rows].tolist(), "real", words))
    return Exhibit(
        "Samples that are closest to training images",
        "Each sample stands beside its nearest training images in "
        + " and in ".join(spaces.names)
        + ": the number is its distance, relative to that of the 50th nearest; 0 is an exact copy.",
        tuple(
            (_id(subject.generated, row), trio)
            for row, trio in zip(rows.tolist(), zip(*columns, strict=True), strict=True)
        ),
    )


def _histogram(name: str, generated: npt.NDArray[np.float64], fresh: npt.NDArray[np.float64]) -> Histogram:
    edges = np.linspace(0, 1, _BINS + 1)
    shares = [np.histogram(np.clip(v, 0, 1), edges)[0] / len(v) for v in (generated, fresh)]
    return Histogram(
        f"Distance to the nearest training image, in {name}",
        "Relative to the distance to the 50th nearest: copies stand at the left.",
        tuple(f"{edge:.2f}" for edge in edges[:-1]),
        {"generated": tuple(map(float, shares[0])), "held-out": tuple(map(float, shares[1]))},
    )


def _named(spaces: _Spaces) -> list[tuple[str, npt.NDArray[np.int64]]]:
    return list(zip(spaces.names, spaces.nearest, strict=True))


def _id(features: Features, row: int) -> str:
    return features.ids[row] if row < len(features.ids) else str(row)


DIAGNOSTIC = Diagnostic(
    name="copies",
    title="Copies of training images",
    paper="after Carlini et al. 2023, Extracting Training Data from Diffusion Models, section 4.2, with the conformal "
    "p-values of Bates et al. 2023, Testing for Outliers with Conformal P-values",
    failure="memorisation",
    examine=_examine,
    minimum=30,
    parameters=(
        Parameter(
            "pixels", "auto", str, "whether to look at the pixels too: yes, no, or auto (if they are few enough)"
        ),
    ),
)
