"""What a streaming metric computes, on which features and against what: from a user's wishes to scores."""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ganeval.errors import MetricError, NotEnoughImagesError, did_you_mean
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.features import Features
from ganeval.images.pixels import ValueRange
from ganeval.metrics.moments import Moments
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric
from ganeval.metrics.score import Score
from ganeval.metrics.selection import Selected, other_names
from ganeval.notices import Notice
from ganeval.scoring.choice import Choice, choose_metrics
from ganeval.scoring.collecting import collect_scores
from ganeval.scoring.suitability import Suitability
from ganeval.streaming.image_batches import require_value_range
from ganeval.streaming.kept_rows import Keeping
from ganeval.streaming.network import Network, network_for
from ganeval.streaming.real_images import Reading, RealImages, real_images_for
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

#: What of an image a metric may need to be computed on a stream, and the column that holds it.
_COLUMN_OF_NEED = {"pooled": "pooled", "logits": "logits"}
#: Numbers of a plan's identity that say what kind of states are gathered.
KIND_SIZE = 32


@dataclass(frozen=True)
class Wish:
    """What a user asked for; see `ganeval.streaming.metric.StreamingMetric` for each."""

    metrics: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    extractor: Any = "auto"
    real: Any = None
    weights: str | Path | None = None
    preprocessing: str | None = None
    value_range: tuple[float, float] | None = None
    capacity: int | None = None
    folder: str | Path | None = None
    keep_features: bool = False
    seed: int = 2020
    level: float | None = DEFAULT_LEVEL
    batch_size: int | None = None
    workers: int | None = None
    cache: bool = True
    cache_dir: str | Path | None = None
    trust: bool = False


class Scores(dict[str, Score]):
    """Scores by full name, such as ``"fd_pixels"``; looking one up works by its other names too, such as ``"fid"``."""

    def __init__(self, scores: Mapping[str, Score], other_names: Mapping[str, str]) -> None:
        super().__init__(scores)
        self._other_names = dict(other_names)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._other_names

    def get(self, name: str, default: Any = None) -> Any:
        """The score under any of its names, else `default`."""
        return super().get(self._other_names.get(name, name), default)

    def __missing__(self, name: str) -> Score:
        if name in self._other_names:
            return self[self._other_names[name]]
        raise MetricError(f"there is no score {name!r}", hint=did_you_mean(name, self))


class Plan:
    """A checked wish.

    Parameters
    ----------
    wish
        What was asked for.

    Raises
    ------
    MetricError
        For metrics that are unknown, or that can't be computed on features and logits alone.
    OptionError
        For options that can't be used.
    """

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.value_range: ValueRange | None = require_value_range(wish.value_range)
        self.level = require_level(wish.level)
        if wish.capacity is not None:
            require_count("capacity", wish.capacity, minimum=2)
        self._choice = choose_on_streams(wish.metrics, wish.options)
        for one in self._choice.selection:
            one.metric.fewest(self._choice.options.get(one.metric.name, {}))
        weights = None if wish.weights is None else Path(wish.weights)
        self.network: Network = network_for(wish.extractor, weights, wish.preprocessing, wish.trust)
        self.real: RealImages | None = None
        if wish.real is not None and self.needs_real:
            self.real = real_images_for(wish.real, self.network, self._reading(), self.keeping)
        self._known_moments: tuple[weakref.ref[Features], Moments] | None = None
        #: What was left out in the last computation, and why.
        self.notices: list[Notice] = list(self._choice.notices)

    def __deepcopy__(self, memo: dict[int, Any]) -> Plan:
        return self

    def __getstate__(self) -> dict[str, Any]:
        # Entries of the table hold functions without a name, which have no pickle: they are looked up again.
        return {"wish": self.wish if self.real is None else replace(self.wish, real=None), "real": self.real}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["wish"])  # type: ignore[misc]
        self.real = state["real"]

    def _reading(self) -> Reading:
        wish = self.wish
        return Reading(
            batch_size=wish.batch_size,
            workers=wish.workers,
            value_range=self.value_range,
            seed=wish.seed,
            cache=wish.cache,
            cache_dir=None if wish.cache_dir is None else Path(wish.cache_dir),
            trust=wish.trust,
        )

    @property
    def extractor(self) -> FeatureExtractor:
        """The extractor; raises as `ganeval.features.resolving.resolve_extractor` does."""
        return self.network.extractor

    @property
    def selection(self) -> Sequence[Selected]:
        """The metrics."""
        return self._choice.selection

    @property
    def needs_real(self) -> bool:
        """Whether any metric compares with real images."""
        return any(one.metric.needs_real for one in self.selection)

    def parameters(self, name: str) -> dict[str, Any]:
        """All parameters of a metric of the selection, by its name in the table."""
        metric = next(one.metric for one in self.selection if one.metric.name == name)
        return metric.chosen(self._choice.options.get(name, {}))

    @cached_property
    def keeping(self) -> Keeping:
        """The least that all metrics can be computed from, on either side."""
        spare = not self.wish.keep_features
        from_rows = [one.metric for one in self.selection if not (spare and one.metric.from_moments)]
        needs = {_COLUMN_OF_NEED[metric.needs] for metric in from_rows}
        # With a capacity, moments still are of all images, and what they suffice for is computed from them.
        partial = spare or self.wish.capacity is not None
        return Keeping(
            moments=partial and any(one.metric.from_moments for one in self.selection),
            columns=("keys", *sorted(needs, reverse=True)) if needs else (),
            capacity=self.wish.capacity,
            folder=None if self.wish.folder is None else Path(self.wish.folder),
        )

    def check_extractor(self) -> None:
        """Resolve the extractor; raises as that does, and `MetricError` for a named metric whose logits it lacks."""
        suitability = Suitability(self.selection, options=self._choice.options)
        suitability.check_extractor(self.extractor.info)
        self._choice = replace(self._choice, selection=suitability.selection)
        self.notices += suitability.notices

    def identity(self) -> torch.Tensor:
        """int64 [2 * `KIND_SIZE`], equal for two plans exactly if they gather the same of the same images.

        The first half says of what kind the gathered is, the second how images are taken and where rows are held.
        """
        keeping, info = self.keeping, self.extractor.info
        # The digest of an object's weights may be another in each process, see `ganeval.features.identity`.
        weights = info.weights_sha256 if isinstance(self.wish.extractor, str) else None
        kind = {
            "extractor": [info.name, info.preprocessing, info.precision, weights],
            "keeping": {**asdict(keeping), "folder": None},
            "seed": self.wish.seed if keeping.columns else None,
        }
        taking = {
            "extractor": asdict(info),
            "range": self.value_range,
            "folder": str(keeping.folder),
            "real": self.needs_real,
        }
        return torch.tensor([*_digest(kind), *_digest(taking)], dtype=torch.int64)

    def scores(self, real: Features | None, generated: Features, *, level: float | None) -> Scores:
        """All scores of the generated side.

        Parameters
        ----------
        real, generated
            Of either side what there is, moments where not all rows are; `real` is None where there is nothing.
        level
            Of the intervals, None for none.

        Raises
        ------
        MetricError
            If a metric that was named can't be computed, or none can.
        """
        suitability = Suitability(self.selection, options=self._choice.options)
        extractor = self.extractor.info
        scores = collect_scores(suitability, lambda one: self._results(one, real, generated, level), extractor.name)
        self.notices = [*self.network.notices, *self._choice.notices, *suitability.notices]
        return Scores(scores, other_names(suitability.selection, scores, extractor.name))

    def _results(
        self, one: Selected, real: Features | None, generated: Features, level: float | None
    ) -> Sequence[Score]:
        metric, chosen = one.metric, self._choice.options.get(one.metric.name, {})
        if metric.needs_real and real is None:
            raise MetricError(
                f"{', '.join(one.scores)}: there are no real images to compare with",
                hint="Name them (real=...), or call update(images, real=True) with them.",
            )
        if not generated.set_size:
            raise NotEnoughImagesError(f"{', '.join(one.scores)}: there are no generated images yet")
        if metric.from_moments is not None and real is not None and generated.moments is not None:
            of_real = self._moments_of(real)
            return metric.from_moments(of_real, generated.moments, **metric.chosen(chosen))
        if not _has_rows(metric, generated):
            raise _lacking(one, "generated")
        if real is not None and not (_has_rows(metric, real) or metric.real_by_moments):
            if metric.needs_real:
                raise _lacking(one, "real")
            real = None
        return metric(real, generated, seed=self.wish.seed, level=level, **chosen)

    def _moments_of(self, real: Features) -> Moments:
        if real.moments is not None:
            return real.moments
        if self._known_moments is None or self._known_moments[0]() is not real:
            self._known_moments = (weakref.ref(real), Moments.of(real.pooled))
        return self._known_moments[1]


def _digest(settings: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).digest()


def _has_rows(metric: Metric, side: Features) -> bool:
    """Whether a side holds single images' features of the kind that a metric reads."""
    return side.logits is not None if metric.needs == "logits" else len(side) > 0 and side.pooled.shape[1] > 0


def _lacking(one: Selected, side: str) -> MetricError:
    what = "class logits" if one.metric.needs == "logits" else "features"
    return MetricError(
        f"{', '.join(one.scores)} needs the {what} of single {side} images, and there are none",
        hint="Of real images statistics keep them with 'ganeval stats --features'; logits come from an extractor with "
        "classes, such as inception-v3.",
    )


def choose_on_streams(names: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> Choice:
    """What names stand for, without those metrics of groups that need more than pooled features or logits.

    Raises
    ------
    MetricError
        For a name that is unknown, or where a metric that needs more was named.
    OptionError
        For options that can't be used.
    """
    choice = choose_metrics(list(names), options, with_real=True)
    kept = [one for one in choice.selection if one.metric.needs in _COLUMN_OF_NEED]
    left = [one for one in choice.selection if one.metric.needs not in _COLUMN_OF_NEED]
    named = [one for one in left if one.named]
    if named or not kept:
        one = (named or left)[0]
        raise MetricError(
            f"{', '.join(one.scores)} can't be computed on a stream of batches: it needs {one.metric.needs}, and there "
            "are only pooled features and logits",
            hint="Use ganeval.score on a set of images.",
        )
    notices = [
        Notice(
            "metric-left-out",
            f"{', '.join(one.scores)} left out: only pooled features and logits are gathered, and it needs "
            f"{one.metric.needs}",
            severity="info",
        )
        for one in left
    ]
    return Choice(kept, choice.options, [*choice.notices, *notices])
