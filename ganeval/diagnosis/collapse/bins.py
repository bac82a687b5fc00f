"""NDB and JS: in which groups of similar images (bins of k-means) are too few or too many generated?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.diagnosis.collapse.histogram_divergences import Placed, jensen_shannon_divergence
from ganeval.diagnosis.collapse.part_counts import (
    Counts,
    Homogeneity,
    Statistic,
    Values,
    described_parts,
    divided,
    homogeneity,
    lacking,
    share_lost,
    smallest_loss,
)
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.diagnosis.pictures import pictures
from ganeval.diagnosis.score_names import name_on_features
from ganeval.diagnosis.small_pictures import small_pictures
from ganeval.errors import NotEnoughImagesError, OptionError, did_you_mean
from ganeval.features.features import Features
from ganeval.metrics.arrays import as_pair
from ganeval.metrics.options import parse_boolean, parse_optional, require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Exhibit, Histogram, Part, Picture, Severity
from ganeval.wording import counted

Rows = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

#: K of the paper.
BINS = 100
#: Images of a bin, on average on each side, that are left at least: with fewer images there are fewer bins.
IMAGES_A_BIN = 10
#: Level of the test of each bin, as in the paper.
BIN_LEVEL = 0.05
#: Real images to which k-means is fitted at most: 100 means of 100 images each, in seconds.
MOST_FITTED = 10_000
#: From here a loss is "partial": half of a class of ten in a hundred. Bins are small groups that a slight change of
#: quality moves images out of, so that less is no sign of collapse.
PARTIAL = 0.05
#: From here it is "severe": more than a third of the data's bins might as well be empty.
SEVERE = 0.35
#: Fewest images a side.
FEWEST = 40

_SHOWN_BINS = 4
_SHOWN_IMAGES = 6
_BLOCK_ROWS = 4096
_ITERATIONS = 50
# Directions whose variance is below this share of the largest are rounding, and whitening would blow them up.
_FLAT = 1e-4

_BY_COUNT = "it counts significant differences, which grow in number with the images"


@dataclass(frozen=True)
class Binned:
    """Images of one side in their bins.

    Parameters
    ----------
    rows
        int64 [n], of the side's images, ascending.
    bins
        int64 [n], which bin.
    distances
        float32 [n], to the bin's centre.
    """

    rows: Rows
    bins: npt.NDArray[np.int64]
    distances: Vectors

    def nearest(self, number: int, count: int) -> list[int]:
        """Up to `count` rows of the bin's images, nearest to its centre first."""
        own = np.flatnonzero(self.bins == number)
        return [int(row) for row in self.rows[own[np.argsort(self.distances[own], kind="stable")[:count]]]]


def fitted_centres(points: Vectors, count: int, *, seed: int) -> Vectors:
    """Centres of k-means (Lloyd 1982, started by k-means++), float32 [count, D], for points [n, D], n >= count."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Fewer different images than bins leave some bins empty, which is no harm.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(count, n_init=1, max_iter=_ITERATIONS, random_state=seed, algorithm="lloyd").fit(points)
    return np.asarray(model.cluster_centers_, dtype=np.float32)


def assigned(points: Vectors, rows: Rows, centres: Vectors, transform: Callable[[Vectors], Vectors]) -> Binned:
    """The nearest of `centres` [K, D] to each of ``points[rows]``, each block of rows brought there by `transform`."""
    bins, distances = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.float32)
    squares = np.einsum("kd,kd->k", centres, centres)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = transform(points[rows[start : start + _BLOCK_ROWS]])
        scores = squares - 2 * (block @ centres.T)
        nearest = scores.argmin(axis=1)
        stop = start + len(block)
        bins[start:stop] = nearest
        distances[start:stop] = np.linalg.norm(block - centres[nearest], axis=1)
    return Binned(rows, bins, distances)


def bin_z(real: Counts, generated: Counts) -> Values:
    """z of the two-proportion test of each bin with pooled variance (Richardson & Weiss 2018, section 3).

    Parameters
    ----------
    real, generated
        Counts [..., K].

    Returns
    -------
    ndarray
        float64 [..., K], positive where more are generated; 0 where a bin has no image, or all.
    """
    n = real.sum(axis=-1, keepdims=True).astype(np.float64)
    m = generated.sum(axis=-1, keepdims=True).astype(np.float64)
    pooled = (real + generated) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    difference = generated / m - real / n
    return np.asarray(np.divide(difference, error, out=np.zeros_like(difference), where=error > 0))


def different_bins(bins: int, level: float = BIN_LEVEL) -> Statistic:
    """NDB / K as a function of counts: the share of `bins` bins whose shares differ at `level`, two-sided."""
    from scipy.stats import norm

    critical = float(norm.isf(level / 2))

    def statistic(real: Counts, generated: Counts) -> Values:
        return np.asarray((np.abs(bin_z(real, generated)) > critical).sum(axis=-1) / bins)

    return statistic


def standardising(points: Vectors) -> Callable[[Vectors], Vectors]:
    """Around the mean of points [n, D] and scaled by one number, so that float32 holds all squares of distances."""
    mean, scale = _mean_and_scale(points)
    return lambda block: np.asarray((block.astype(np.float64) - mean) / scale, dtype=np.float32)


def whitening(points: Vectors) -> Callable[[Vectors], Vectors]:
    """To principal components of variance 1, fitted to points [n, D]; those that hardly vary are left out."""
    mean, scale = _mean_and_scale(points)
    centred = (points.astype(np.float64) - mean) / scale
    values, vectors = np.linalg.eigh(centred.T @ centred / max(1, len(points) - 1))
    kept = values > _FLAT * max(float(values[-1]), 0.0)
    if not kept.any():
        return standardising(points)
    weights = vectors[:, kept] / (scale * np.sqrt(values[kept]))
    return lambda block: np.asarray((block.astype(np.float64) - mean) @ weights, dtype=np.float32)


def _mean_and_scale(points: Vectors) -> tuple[Values, float]:
    mean = points.mean(axis=0, dtype=np.float64)
    scale = max(
        float(np.abs(points[start : start + _BLOCK_ROWS] - mean).max()) for start in range(0, len(points), _BLOCK_ROWS)
    )
    return mean, scale or 1.0


def _from_features(features: Features, side: str) -> Vectors:
    return features.pooled


def _from_pixels(features: Features, side: str) -> Vectors:
    return small_pictures(features, side).div_(255).numpy()


#: What the bins are made of: name to a function of a side's features and its name.
SPACES: Mapping[str, Callable[[Features, str], Vectors]] = {"features": _from_features, "pixels": _from_pixels}


def _examine(subject: Subject, *, count: int | None, space: str, whiten: bool, most_fitted: int) -> Examined:
    if space not in SPACES:
        raise OptionError(f"space is {space!r}", hint=did_you_mean(str(space), SPACES))
    require_count("most_fitted", most_fitted, minimum=2)
    real, generated = (
        SPACES[space](side, name) for side, name in ((subject.real, "real"), (subject.generated, "generated"))
    )
    as_pair(real, generated)
    fitted, others = divided(len(real), most_fitted, subject.seed)
    bins = _bin_count(count, len(fitted), min(len(others), len(generated)))
    points = np.ascontiguousarray(real[fitted], dtype=np.float32)
    transform = (whitening if whiten else standardising)(points)
    centres = fitted_centres(transform(points), bins, seed=subject.seed)
    of_real = assigned(real, others, centres, transform)
    of_generated = assigned(generated, np.arange(len(generated)), centres, transform)
    placed = np.full(len(real), -1, dtype=np.int64)
    placed[others] = of_real.bins
    return _found(subject, Placed(placed, bins), of_real, of_generated, space=space, whiten=whiten)


def _found(
    subject: Subject, real: Placed, of_real: Binned, of_generated: Binned, *, space: str, whiten: bool
) -> Examined:
    bins = real.count
    generated = Placed(of_generated.bins, bins)
    counts_real, counts = real.counts, generated.counts
    share_different = different_bins(bins)
    test = homogeneity(counts_real, counts, seed=subject.seed, also=(share_different,))
    parts = described_parts([f"bin {number + 1}" for number in range(bins)], counts_real, counts, level=subject.level)
    lost = lacking([part for part in parts if part.real > 0])
    share = share_lost(test, lost)
    severity: Severity = "severe" if share >= SEVERE else "partial" if share >= PARTIAL else "none"
    scores = _scores(subject, real, generated, test, share_different, space=space, whiten=whiten)
    z = bin_z(counts_real, counts)
    evidence = Evidence(
        diagnostic=DIAGNOSTIC.name,
        title=DIAGNOSTIC.title,
        failure=DIAGNOSTIC.failure,
        severity=severity,
        sentence=_sentence(bins, share, lost),
        p_value=test.p_value,
        effect=share,
        effect_of="share of the real data that is lost",
        smallest_effect=smallest_loss(int(counts_real.sum()), int(counts.sum()), test.degrees + 1),
        parts=lost,
        parts_of="share of the images in the bin",
        exhibits=_exhibits(subject, parts, z, of_real, of_generated),
        histograms=(_histogram(parts),),
        details={
            "bins": bins,
            "space": space,
            "n_real_counted": int(counts_real.sum()),
            "chi_square": test.statistic,
            "degrees_of_freedom": test.degrees,
            "chi_square_p_value": test.asymptotic_p_value,
            "lost": test.lost,
            "lost_by_chance": test.lost_by_chance,
            "z": [float(value) for value in z],
        },
    )
    return Examined(evidence, {score.name: score for score in scores})


def _scores(
    subject: Subject,
    real: Placed,
    generated: Placed,
    test: Homogeneity,
    share_different: Statistic,
    *,
    space: str,
    whiten: bool,
) -> tuple[Score, Score]:
    names = [f"{base}_pixels" if space == "pixels" else name_on_features(base, subject.generated) for base in _BASES]
    parameters = {"bins": real.count, "space": space, "whiten": whiten, "seed": subject.seed}
    by_chance = test.permuted[0]
    ndb = Score(
        name=names[0],
        value=float(share_different(real.counts, generated.counts)),
        n_real=int(real.counts.sum()),
        n_generated=int(generated.counts.sum()),
        higher_is_better=False,
        parameters={**parameters, "level": BIN_LEVEL},
        details={
            "ndb": round(float(share_different(real.counts, generated.counts)) * real.count),
            "of_two_real_samples": float(by_chance.mean()),
            "of_two_real_samples_at_most": float(np.quantile(by_chance, subject.level)),
        },
        no_interval_reason=_BY_COUNT,
    )
    js = jensen_shannon_divergence(names[1], real, generated, level=subject.level)
    js.parameters.update(parameters)
    return ndb, js


_BASES = ("ndb", "ndb_js")


def _bin_count(asked: int | None, fitted: int, smaller: int) -> int:
    if asked is not None:
        bins = require_count("count", asked, minimum=2)
        if bins > fitted:
            raise NotEnoughImagesError(
                f"{bins} bins can't be fitted to {counted(fitted, 'image')}, half of the real ones",
                hint="Add real images, or lower the option bins.count.",
            )
        return bins
    bins = min(BINS, fitted // IMAGES_A_BIN, smaller // IMAGES_A_BIN)
    if bins < 2:
        raise NotEnoughImagesError(f"bins need {FEWEST} images a side, and there are too few", hint="Add images.")
    return bins


def _sentence(bins: int, share: float, lost: Sequence[Part]) -> str:
    groups = counted(bins, "group") + " of similar images"
    if not lost:
        spread = "spread thinly over them" if share >= PARTIAL else "which is next to nothing"
        lost_share = f"{share * 100:.1f} % of the real data is lost"
        return f"of {groups} none is clearly made too rarely: {lost_share}, {spread}"
    empty = sum(part.generated == 0 for part in lost)
    never = f", {empty:,} of them never" if empty else ""
    return (
        f"of {groups} {len(lost):,} {'is' if len(lost) == 1 else 'are'} made too rarely{never}: "
        f"{share * 100:.1f} % of the real data is lost"
    )


def _histogram(parts: Sequence[Part]) -> Histogram:
    ordered = sorted(parts, key=lambda part: (-part.real, part.name))
    return Histogram(
        "Bins",
        "Share of the images in each group of similar images, largest group of the real ones first.",
        tuple(part.name for part in ordered),
        {"real": tuple(part.real for part in ordered), "generated": tuple(part.generated for part in ordered)},
    )


def _exhibits(
    subject: Subject, parts: Sequence[Part], z: Values, of_real: Binned, of_generated: Binned
) -> tuple[Exhibit, ...]:
    order = [int(number) for number in np.argsort(z, kind="stable")]
    few = [number for number in order[:_SHOWN_BINS] if z[number] < 0]
    many = [number for number in order[::-1][:_SHOWN_BINS] if z[number] > 0]
    # All pictures of a side are read in one go: a source is read from its beginning each time.
    shown = {
        side: _pictures(features, side, [row for number in few + many for row in binned.nearest(number, _SHOWN_IMAGES)])
        for side, features, binned in (
            ("real", subject.real, of_real),
            ("generated", subject.generated, of_generated),
        )
    }
    titles = ((few, "Groups made too rarely"), (many, "Groups made too often"))
    sentence = (
        "The images nearest to the middle of each group, real ones above generated ones, largest difference first."
    )
    return tuple(
        Exhibit(
            title,
            sentence,
            tuple(
                row
                for number in chosen
                for side, binned in (("real", of_real), ("generated", of_generated))
                if (row := _row(parts[number], side, binned.nearest(number, _SHOWN_IMAGES), shown[side]))[1]
            ),
        )
        for chosen, title in titles
        if chosen
    )


def _row(part: Part, side: str, rows: Sequence[int], shown: Mapping[int, Picture]) -> tuple[str, tuple[Picture, ...]]:
    share = part.real if side == "real" else part.generated
    return f"{part.name}, {side}: {share * 100:.2f} %", tuple(shown[row] for row in rows)


def _pictures(features: Features, side: str, rows: Sequence[int]) -> dict[int, Picture]:
    return dict(zip(rows, pictures(features, rows, side), strict=True))


DIAGNOSTIC = Diagnostic(
    name="bins",
    title="Statistically different bins",
    paper="Richardson & Weiss 2018, On GANs and GMMs",
    failure="mode-collapse",
    examine=_examine,
    minimum=FEWEST,
    parameters=(
        Parameter("count", None, parse_optional(int), f"bins, {BINS} by default and fewer where there are few images"),
        Parameter("space", "features", str, f"what bins are made of: {' or '.join(SPACES)}"),
        Parameter("whiten", False, parse_boolean, "whether directions are scaled to equal variance first"),
        Parameter("most_fitted", MOST_FITTED, int, "real images to which the bins are fitted at most"),
    ),
)
