"""Which of the chosen metrics can be computed from these images and features, and what to say of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ganeval.errors import GanevalError, MetricError, NotEnoughImagesError
from ganeval.features.features import ExtractorInfo, Features
from ganeval.images.source import ImageSource
from ganeval.metrics.registry import Metric
from ganeval.metrics.score import Score
from ganeval.metrics.selection import Selected
from ganeval.notices import Notice
from ganeval.statistics.source import StatisticsSource
from ganeval.wording import counted

_NO_READER = (
    lambda features: features.reader is None,
    "the images themselves, and the {side} ones can be read only once",
    "Give them as files or arrays.",
)
#: What a side lacks where a metric can't read what it needs, by the need; see `ganeval.metrics.registry.NEEDS`.
_LACKS: Mapping[str, tuple[Callable[[Features], bool], str, str]] = {
    "logits": (
        lambda features: features.logits is None,
        "class logits, which the extractor {extractor!r} doesn't have",
        "Use inception-v3 or efficientnet-lite0, or leave the metric out.",
    ),
    "spatial": (
        lambda features: features.spatial is None,
        "spatial features, which inception-v3 makes where the metric is named, and {extractor!r} made none",
        "Use --extractor inception-v3 and name the metric, or leave it out.",
    ),
    "labels": (
        lambda features: features.labels is None,
        "class labels, and the {side} images have none",
        "Sort the images into one folder a class and add --labels folders, or use an .npz with labels.",
    ),
    "images": _NO_READER,
    "pairs": _NO_READER,
    "clips": (
        lambda features: features.clips is None,
        "videos, and the {side} images aren't frames of any",
        "Put the frames of each clip into a folder of its own and add --clips folders, or give an array N,T,3,H,W.",
    ),
    "generator": (
        lambda features: features.sampler is None,
        "a generator that can be asked for chosen latent vectors, and the {side} images are a plain set",
        "Score a generator itself, such as generator:dcgan.",
    ),
}
#: What the extractor alone decides, known before any image is read.
_OF_THE_EXTRACTOR = ("logits",)
#: What a set shows before any image is read, and whether it lacks it.
_OF_THE_SOURCE: Mapping[str, Callable[[ImageSource], bool]] = {
    "clips": lambda source: not source.in_clips,
    "generator": lambda source: source.sampler is None,
}


class Suitability:
    """The metrics still in the running: a named one that can't be computed is an error, others leave with a notice.

    Parameters
    ----------
    selection
        The metrics chosen.
    options
        Parameters by the table's names.
    """

    def __init__(self, selection: Sequence[Selected], *, options: Mapping[str, Mapping[str, Any]]) -> None:
        self.selection = list(selection)
        self.options = options
        self.notices: list[Notice] = []
        self._left: list[tuple[Selected, GanevalError]] = []

    def leave_out(self, one: Selected, error: GanevalError) -> None:
        """Drop a metric with a notice, or raise `error` if the user named it."""
        if one.named:
            raise error
        self.selection.remove(one)
        self._left.append((one, error))
        self.notices.append(
            Notice("metric-left-out", f"{', '.join(one.scores)} left out: {error.message}", severity="info")
        )

    def check_counts(self, generated: ImageSource, real: ImageSource | None) -> None:
        """Before any work: the lengths of the sets against what each metric needs, and what else it does.

        Raises
        ------
        NotEnoughImagesError
            For a metric that the user named, or if no metric remains.
        MetricError
            The same, where a metric lacks something beside images.
        OptionError
            For an option's value that its metric can't use.
        """
        for one in list(self.selection):
            chosen = self.options.get(one.metric.name, {})
            fewest = one.metric.fewest(chosen)
            lacking = _lacking_in_statistics(one.metric, real)
            if lacking is not None:
                self.leave_out(one, lacking)
                continue
            if one.metric.needs in _OF_THE_SOURCE and _OF_THE_SOURCE[one.metric.needs](generated):
                self._lacks(one, "generated", "")
                continue
            try:
                one.metric.require_at_hand(chosen)
            except MetricError as missing:
                self.leave_out(one, missing)
                continue
            for side, source in (("generated", generated), ("real", real if one.metric.needs_real else None)):
                have = None if source is None else _count_for(one.metric, source)
                if source is not None and have is not None and have < fewest:
                    names = ", ".join(one.scores)
                    error = NotEnoughImagesError(
                        f"at least {counted(fewest, f'{side} image')} {'is' if fewest == 1 else 'are'} needed for "
                        f"{names}, and {source.name} has {have:,}"
                    )
                    self.leave_out(one, error)
                    break
        self.refuse_nothing(NotEnoughImagesError)

    def check_extractor(self, extractor: ExtractorInfo) -> None:
        """Before any work: metrics on logits against an extractor without them.

        A user's own, whose `feature_dim` isn't known before it has run, may have some: see `check_features`.

        Raises
        ------
        MetricError
            For a metric that the user named, or if no metric remains.
        """
        if extractor.feature_dim is not None and extractor.class_count is None:
            for one in list(self.selection):
                if one.metric.needs in _OF_THE_EXTRACTOR:
                    self._lacks(one, "generated", extractor.name)
            self.refuse_nothing(MetricError)

    def check_features(self, real: Features | None, generated: Features, extractor: ExtractorInfo) -> None:
        """After extraction: what each metric needs against what there is; raises as `check_extractor` does."""
        for one in list(self.selection):
            sides = {"generated": generated}
            if one.metric.needs_real and real is not None:
                sides["real"] = real
            for side, features in sides.items():
                if one.metric.needs in _LACKS and _LACKS[one.metric.needs][0](features):
                    self._lacks(one, side, extractor.name)
                    break
        self.refuse_nothing(MetricError)

    def _lacks(self, one: Selected, side: str, extractor: str) -> None:
        _, what, hint = _LACKS[one.metric.needs]
        message = f"{one.metric.name} needs {what.format(extractor=extractor, side=side)}"
        self.leave_out(one, MetricError(message, hint=hint))

    def refuse_nothing(self, error: type[MetricError]) -> None:
        """Raise `error` if no metric remains, with what kept each out: a reason that several share is given once."""
        if self.selection:
            return
        reasons: dict[str, list[str]] = {}
        for one, why in self._left:
            reasons.setdefault(why.message, []).extend(one.scores)
        hints = {why.hint for _, why in self._left}
        if len(reasons) == 1:
            told = f" {next(iter(reasons))}"
        else:
            told = "".join(f"\n  {', '.join(names)}: {reason}" for reason, names in reasons.items())
        raise error(f"no metric can be computed:{told}", hint=hints.pop() if len(hints) == 1 else None)


def _lacking_in_statistics(metric: Metric, real: ImageSource | None) -> MetricError | None:
    """Why a metric can't be computed where the real side is a file of statistics; None where it can."""
    if not isinstance(real, StatisticsSource) or not metric.needs_real or metric.real_by_moments:
        return None
    lacks = _STATISTICS_LACK.get(metric.needs)
    if lacks is not None:
        return MetricError(
            f"{metric.name} needs {lacks} of the real side, and {real.name} holds only statistics",
            hint="Give the real images themselves.",
        )
    if not real.rows:
        return MetricError(
            f"{metric.name} needs the features of single real images, and {real.name} holds only their moments",
            hint="Make it with features: ganeval stats DATA --out FILE.npz --features 10000 (or all).",
        )
    return None


#: What no file of statistics has, by what a metric needs.
_STATISTICS_LACK = {
    "images": "the images themselves",
    "pairs": "the images themselves",
    "spatial": "spatial features",
    "clips": "the frames of videos",
    "generator": "a generator",
}


def _count_for(metric: Metric, source: ImageSource) -> int | None:
    """How many images of the source a metric can use; None where that isn't known."""
    if isinstance(source, StatisticsSource) and not metric.real_by_moments:
        return source.rows
    return source.count


def sample_size_notices(scores: Iterable[Score], dimension: int, metrics: Mapping[str, Metric]) -> list[Notice]:
    """What the images that went into the scores do to them: rank-deficient covariances, clamped subsets, copies.

    Parameters
    ----------
    scores
        Their own numbers of images count: a comparison may have cut the sets.
    dimension
        Of the features.
    metrics
        By the scores' full names; see `ganeval.metrics.naming.metrics_by_score`.
    """
    notices = []
    for score in scores:
        covariances = metrics[score.name].covariances
        if covariances is not None:
            notices += _RANK_NOTICES[covariances](score, dimension)
        if score.details.get("equal_to_real"):
            notices.append(_equal_to_real(score))
        if score.details.get("clamped"):
            size = int(score.parameters["subset_size"])
            notices.append(
                Notice(
                    "subset-clamped",
                    f"{score.name}: subsets of {counted(size, 'image')} instead of 1,000, because a side has no more",
                    "The value is unbiased all the same, but noisier, and its spread can't be compared with papers'.",
                    severity="info",
                )
            )
    return notices


def _rank_notices(score: Score, dimension: int) -> list[Notice]:
    # What differs from the pooled features of the images stands in the score's own details.
    dimension = score.details.get("dimensions", dimension)
    what = "step" if "steps" in score.details else "image"
    sides = score.details.get("steps", {"real": score.n_real, "generated": score.n_generated})
    few = {side: count for side, count in sides.items() if count is not None and count <= dimension}
    if not few:
        return []
    counts = " and ".join(counted(count, f"{side} {what}") for side, count in few.items())
    remedy = (
        f"use more than {dimension:,} a side{', or kid' if what == 'image' else ''}"
        if score.corrected is None
        else "the corrected one allows for it, with an interval that is wider for it"
    )
    return [
        Notice(
            "rank-deficient",
            f"{score.name}: {counts} for {counted(dimension, 'feature dimension')}: the covariance is rank-deficient",
            f"The value is far above what more images would give; {remedy}.",
        )
    ]


def _class_rank_notices(score: Score, dimension: int) -> list[Notice]:
    classes = score.details["classes"]
    few = [name for name, one in classes.items() if min(one["n_real"], one["n_generated"]) <= dimension]
    if not few:
        return []
    if len(few) == len(classes):
        which = "each class has"
    else:
        which = f"{len(few):,} of {counted(classes, 'class', 'classes')} {'has' if len(few) == 1 else 'have'}"
    remedy = (
        f"use more than {dimension:,} a class and side"
        if score.corrected is None
        else "the corrected one allows for it, with an interval that is wider for it"
    )
    return [
        Notice(
            "rank-deficient",
            f"{score.name}: {which} no more images on a side than there are feature dimensions, {dimension:,}: their "
            "covariances are rank-deficient",
            f"The value is far above what more images would give; {remedy}.",
        )
    ]


#: By what a metric estimates covariances of.
_RANK_NOTICES: Mapping[str, Callable[[Score, int], list[Notice]]] = {
    "sides": _rank_notices,
    "classes": _class_rank_notices,
}


def _equal_to_real(score: Score) -> Notice:
    count = score.details["equal_to_real"]
    those = counted(count, "generated image")
    return Notice(
        "equal-to-real",
        f"{score.name}: {those} {'has' if count == 1 else 'have'} exactly the features of a real one, which makes "
        f"{'its' if count == 1 else 'their'} realism infinite",
        "Copies of real images are no sign of a good generator; from half of all images on the score is infinite too.",
    )
