"""How many different images a generator can make, from how soon two alike appear: the birthday paradox."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import stats

from ganeval.diagnosis.collapse.close_pairs import DEFAULT_SHARE, ClosePairs
from ganeval.diagnosis.collapse.duplicate_search import MOST_PICTURES, DuplicateSearch, duplicate_searches, pair_exhibit
from ganeval.diagnosis.collapse.equal_parts import MOST_IMAGES
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Severity
from ganeval.uncertainty.interval import Interval

#: Share of the variety of real images that is missing: from half on a duplicate comes after 0.7 times as many images
#: as among real ones; from nine tenths on after a third as many, which anyone sees who looks at batches side by side.
PARTIAL, SEVERE = 0.5, 0.9
_SHOWN = 10
_METHOD = "exact Poisson limits for the number of pairs, widened for images that are in several of them"


@dataclass(frozen=True)
class Support:
    """How many different images a set behaves as if it were drawn from.

    Parameters
    ----------
    value
        The estimate; where no pair was found, the lower end of its interval, and the truth is above it.
    low, high
        Interval; `high` is infinite where no pair was found.
    pairs, count
        Pairs of duplicates, among so many images.
    dispersion
        Variance of the number of pairs over its mean; 1 if no image is in two pairs.
    """

    value: float
    low: float
    high: float
    pairs: int
    count: int
    dispersion: float

    @property
    def batch(self) -> float:
        """Batch size at which a duplicate appears with probability 1/2."""
        return batch_with_duplicate(self.value)


def support(pairs: ClosePairs, *, level: float = 0.95) -> Support:
    """Birthday-paradox estimate of the support's size (Arora & Zhang 2017, section 2 and theorem 1).

    Among n independent images with collision probability β = P[two are duplicates], C pairs are expected to be
    n(n−1)β/2, so that n(n−1)/(2C) estimates 1/β: the number of different images if all were equally frequent, and less
    than the number of different images otherwise (Hill's number of order two). Arora and Zhang read the same off the
    batch size s at which a duplicate appears with probability 1/2, and report s²: s(s−1) = 2 ln 2/β, 1.4 times as much.
    All pairs of the whole set say it more surely than repeated small batches.

    The interval takes images for independent, and C for a multiple φ of a Poisson count: φ is the variance of the
    U-statistic C, estimated from the pairs that share an image, over C, and at least 1. With φ = 1 it is the exact
    Poisson interval (Garwood 1936).

    Parameters
    ----------
    pairs
        Of `ganeval.diagnosis.collapse.close_pairs.pairs_within`, of two images or more.
    level
        Of the interval. Where no pair was found, of the one-sided lower bound.
    """
    count, total = len(pairs.first_degrees), pairs.total
    possible = count * (count - 1) / 2
    if total == 0:
        low = max(1.0, possible / -math.log(1 - level))
        return Support(low, low, math.inf, 0, count, 1.0)
    degrees = pairs.first_degrees.astype(float)
    shared = float((degrees * (degrees - 1)).sum())
    dispersion = max(1.0, 1 + shared / total - 4 * total / count)
    tail = (1 - level) / 2
    few = dispersion * float(stats.chi2.ppf(tail, 2 * total / dispersion)) / 2
    many = dispersion * float(stats.chi2.isf(tail, 2 * total / dispersion + 2)) / 2
    low, high = max(1.0, possible / many), possible / few if few > 0 else math.inf
    return Support(possible / total, low, high, total, count, dispersion)


def batch_with_duplicate(different: float) -> float:
    """Batch size s at which a duplicate among `different` equally frequent images is as likely as not."""
    return (1 + math.sqrt(1 + 8 * math.log(2) * different)) / 2


def missing_variety(generated: Support, fresh: Support) -> float:
    """Share of the real images' support that the samples' lacks, in [0, 1); a pair is added to each for caution."""
    return max(0.0, 1 - (fresh.pairs + 1) / (generated.pairs + 1))


def examine(subject: Subject, *, images: int, pixel_images: int, share: float) -> Examined:
    """Birthday-paradox support of samples and of as many real images, with a test of their numbers of duplicates.

    What a duplicate is, is made of other real images: a distance within which only a `share` of them have their
    nearest neighbour. The test is a permutation of the two sides' labels on the graph of close pairs, in feature space
    and, where pictures can be read again, in pixel space, corrected for being two.

    Parameters
    ----------
    subject
        What is examined.
    images, pixel_images
        Images of each part at most in feature and in pixel space.
    share
        Of real images that shall have a duplicate.

    Raises
    ------
    NotEnoughImagesError
        If there are too few images.
    OptionError
        If a parameter is out of range.
    """
    images = require_count("images", images, minimum=2)
    pixel_images = require_count("pixel_images", pixel_images, minimum=0)
    searches = duplicate_searches(subject, share=share, images=images, pixel_images=pixel_images)
    looks = [_Look(search, subject) for search in searches]
    # The space in which the difference is clearest speaks; in the first, features, if none is.
    chosen = min(looks, key=lambda look: look.p_value)
    effect = missing_variety(chosen.generated, chosen.fresh)
    severity: Severity = "severe" if effect >= SEVERE else "partial" if effect >= PARTIAL else "none"
    evidence = Evidence(
        DIAGNOSTIC.name,
        DIAGNOSTIC.title,
        DIAGNOSTIC.failure,
        severity,
        _sentence(chosen),
        p_value=min(1.0, len(looks) * chosen.p_value),
        effect=effect,
        effect_of="share of the real images' variety that the samples lack, by the frequency of duplicates",
        exhibits=tuple(pair_exhibit(look.search, count=_SHOWN) for look in looks if look.search.generated.total),
        details={look.search.space: look.details() for look in looks},
    )
    return Examined(evidence, dict(_scores(looks, subject)))


class _Look:
    """Both sides' support in one space."""

    def __init__(self, search: DuplicateSearch, subject: Subject) -> None:
        self.search = search
        self.generated = support(search.generated, level=subject.level)
        self.fresh = support(search.fresh, level=subject.level)
        self.p_value = search.pairs_p_value(subject.seed)

    def details(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "images": len(self.search.parts),
            "threshold": self.search.threshold,
            "p_value": self.p_value,
            "generated": _described(self.generated),
            self.search.parts.fresh.side: _described(self.fresh),
        }


def _described(one: Support) -> dict[str, Any]:
    return {
        "pairs": one.pairs,
        "support": one.value,
        "low": one.low,
        "high": one.high if math.isfinite(one.high) else None,
        "lower_bound_only": one.pairs == 0,
        "batch_with_duplicate": one.batch,
        "dispersion": one.dispersion,
    }


def _sentence(look: _Look) -> str:
    space = "pixels" if look.search.space == "pixels" else "features"
    if look.generated.pairs == 0:
        return (
            f"no two of {look.generated.count:,} samples are as alike in their {space} as duplicates are: they come of "
            f"at least {_rounded(look.generated.low)} different images"
        )
    than = "more than " if look.fresh.pairs == 0 else ""
    return (
        f"two samples that are duplicates by their {space} appear in a batch of about "
        f"{_rounded(look.generated.batch)}, of real images in one of {than}{_rounded(look.fresh.batch)}: the samples "
        f"behave like draws of about {_rounded(look.generated.value)} different images, real ones like "
        f"{than}{_rounded(look.fresh.value)}"
    )


def _rounded(number: float) -> str:
    """Two digits are all that such estimates are worth."""
    if number < 100:
        return f"{number:.0f}"
    scale = 10 ** (math.floor(math.log10(number)) - 1)
    return f"{round(number / scale) * scale:,}"


def _scores(looks: Sequence[_Look], subject: Subject) -> Sequence[tuple[str, Score]]:
    found = []
    for look in looks:
        name = look.search.score_name("support")
        score = Score(
            name=name,
            value=look.generated.value,
            n_real=len(look.search.parts),
            n_generated=look.generated.count,
            higher_is_better=True,
            parameters={"threshold": look.search.threshold},
            details={"real": look.fresh.value, "pairs": look.generated.pairs, "real_pairs": look.fresh.pairs},
        )
        if math.isfinite(look.generated.high):
            interval = Interval(look.generated.low, look.generated.high, subject.level, _METHOD)
            score = replace(score, interval=interval)
        else:
            score = score.without_interval("no two samples are duplicates, so that the value is a lower bound")
        found.append((name, score))
    return found


DIAGNOSTIC = Diagnostic(
    name="birthday",
    title="Birthday-paradox support",
    paper="Arora & Zhang 2017, Do GANs actually learn the distribution? An empirical study",
    failure="mode-collapse",
    examine=examine,
    minimum=20,
    parameters=(
        Parameter("images", MOST_IMAGES, int, "most images a side among which duplicates are searched"),
        Parameter("pixel_images", MOST_PICTURES, int, "most pictures a side that are read again for pixel space"),
        Parameter("share", DEFAULT_SHARE, float, "share of real images that count as having a duplicate"),
    ),
)
