"""An evaluation under way: the chosen metrics, one extractor, and any number of sets that go through both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganeval.distributed.blocks import AcrossRanks
from ganeval.distributed.extraction import extract_together
from ganeval.distributed.running import ranks_together, refuse_standard_input
from ganeval.features.compiling.extractor import NEVER
from ganeval.features.devices import resolve_device
from ganeval.features.engine import Extraction
from ganeval.features.extending import check_options
from ganeval.features.extractor import ExtractorRequest, FeatureExtractor
from ganeval.features.features import Features
from ganeval.features.precision import EXACT, require_native
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.features.unseen import NoFeatures
from ganeval.images.opening import open_source
from ganeval.images.source import ImageSource, SourceOptions
from ganeval.metrics.clips import for_clips
from ganeval.metrics.division import divided, undivided
from ganeval.metrics.naming import score_name
from ganeval.metrics.pair_comparisons import foresee_paired
from ganeval.metrics.score import Score
from ganeval.metrics.selection import Selected, other_names
from ganeval.metrics.spatial_frechet_distance import needs_spatial
from ganeval.notices import Notice
from ganeval.progress import Progress, SilentProgress
from ganeval.scoring.access import with_access
from ganeval.scoring.choice import Choice
from ganeval.scoring.collecting import collect_scores
from ganeval.scoring.precision_effect import precision_notice
from ganeval.scoring.suitability import Suitability
from ganeval.statistics.source import StatisticsSource, statistics_of
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

#: What metrics read that take each frame of a video for an image.
_OF_FRAMES = ("pooled", "logits", "spatial", "labels", "images")


@dataclass(frozen=True)
class Settings:
    """How sets are opened, their features extracted and their scores computed; see `ganeval.score` for each."""

    extractor: str | FeatureExtractor | Any = "auto"
    weights: str | Path | None = None
    preprocessing: str | None = None
    precision: str | None = None
    device: str = "auto"
    batch_size: int | None = None
    workers: int | None = None
    compile: str = NEVER
    seed: int = 2020
    level: float | None = DEFAULT_LEVEL
    labels: str | None = None
    clips: str | None = None
    recursive: bool = True
    value_range: tuple[float, float] | None = None
    count: int | None = None
    on_error: str = "raise"
    cache: bool = True
    cache_dir: str | Path | None = None
    trust: bool = False
    progress: Progress | None = None

    def opening(self) -> SourceOptions:
        """How a set of images is opened."""
        return SourceOptions(
            recursive=self.recursive,
            labels=self.labels,
            clips=self.clips,
            value_range=self.value_range,
            count=self.count,
            seed=self.seed,
            trust=self.trust,
            device=self.device,
        )


@dataclass(frozen=True)
class ExtractedSet:
    """A set of images with its features, and what happened while they were extracted."""

    source: ImageSource
    extraction: Extraction
    features: Features


@dataclass(frozen=True)
class Scored:
    """What the metrics gave.

    Parameters
    ----------
    scores
        By full name.
    requested
        Every name under which people look for a score, to its full name.
    selection
        The metrics that were computed.
    notices
        What was left out, and why.
    """

    scores: dict[str, Score]
    requested: dict[str, str]
    selection: tuple[Selected, ...]
    notices: tuple[Notice, ...]

    def leading(self, extractor: str) -> list[str]:
        """Full names of the scores by which people order images, the foremost first; see `Metric.leading`."""
        placed = [one.metric for one in self.selection if one.metric.leading is not None]
        placed.sort(key=lambda metric: metric.leading or 0)
        names = (score_name(base, metric, extractor) for metric in placed for base in metric.scores)
        return [name for name in names if name in self.scores]


class Evaluation:
    """Chosen metrics, and an extractor that is resolved when the first set needs it.

    Parameters
    ----------
    choice
        The metrics.
    settings
        Everything else.

    Raises
    ------
    OptionError, DeviceError
        For settings that can't be used.
    """

    def __init__(self, choice: Choice, settings: Settings) -> None:
        self.choice = choice
        self.settings = settings
        self.level = require_level(settings.level)
        self.progress = settings.progress or SilentProgress()
        #: The processes that share the work; this one alone but within `working_together`.
        self.ranks = ranks_together()
        self.device = self.ranks.device(resolve_device(settings.device))
        require_native(settings.precision, self.device)
        check_options(
            on_error=settings.on_error,
            batch_size=settings.batch_size,
            workers=settings.workers,
            compile=settings.compile,
        )
        self.weights = None if settings.weights is None else Path(settings.weights)
        self.notices: list[Notice] = list(choice.notices)
        self._suitability = Suitability(choice.selection, options=choice.options)
        self._network: FeatureExtractor | None = None
        self._precision_known = False
        cache_dir = None if settings.cache_dir is None else Path(settings.cache_dir)
        self.store = FeatureStore(cache_dir) if settings.cache else None

    def open(self, spec: Any) -> ImageSource:
        """The set of images that a user named."""
        refuse_standard_input(spec, self.ranks)
        return open_source(spec, self.settings.opening())

    def open_real(self, spec: Any) -> ImageSource:
        """The set of real images that a user named, or the statistics of one."""
        return statistics_of(spec) or self.open(spec)

    def check_counts(self, generated: ImageSource, real: ImageSource | None) -> None:
        """Refuse, before any work, metrics for which a set is too small; raises as `Suitability.check_counts` does."""
        self._suitability.check_counts(generated, real)

    @property
    def selection(self) -> tuple[Selected, ...]:
        """The metrics still in the running."""
        return tuple(self._suitability.selection)

    @property
    def network(self) -> FeatureExtractor:
        """The extractor, resolved (and its weights fetched, where they must be) at first use."""
        if self._network is None:
            if not any(one.metric.on_features for one in self.selection):
                self._network = NoFeatures()
                return self._network
            # Whatever has to be fetched is fetched once.
            with self.ranks.first_before_others():
                request = self._request(self.settings.precision)
                self._network, notices = resolve_extractor(self.settings.extractor, request)
            self.notices = [*notices, *self.notices]
            self._suitability.check_extractor(self._network.info)
        return self._network

    def _request(self, precision: str | None) -> ExtractorRequest:
        return ExtractorRequest(
            weights=self.weights,
            preprocessing=self.settings.preprocessing,
            precision=precision,
            progress=self.progress,
            trust=self.settings.trust,
            # Twice as much to store, and other features in the store's eyes: only where it was asked for by name.
            spatial=needs_spatial(one.metric for one in self.selection if one.named),
        )

    def _measure_precision(self, real: ExtractedSet | None, generated: ExtractedSet) -> None:
        """Note, once, what a lower precision does to the scores."""
        if self._precision_known or self.settings.precision in (None, EXACT) or self.network.info.precision == EXACT:
            return
        self._precision_known = True
        exact, _ = resolve_extractor(self.settings.extractor, self._request(EXACT))
        self.notices.append(precision_notice(self, exact, real, generated))

    def extract(self, source: ImageSource, side: str, *, label: str | None = None) -> ExtractedSet:
        """Features of `source`; `side` is ``"real"`` or ``"generated"``, for messages."""
        if isinstance(source, StatisticsSource):
            extraction = source.extraction(self.network)
            return ExtractedSet(source, extraction, extraction.features)
        label = label or f"{side}: {source.name}"
        extraction = extract_together(source, self.network, self.ranks, **self.extraction_settings(label))
        return self.extracted(source, extraction)

    def extraction_settings(self, label: str) -> dict[str, Any]:
        """How features are extracted, as `ganeval.features.engine` takes it; `label` is what the progress is called."""
        return {
            "device": self.device,
            "batch_size": self.settings.batch_size,
            "workers": self.settings.workers,
            "compile": self.settings.compile,
            "store": self.store,
            "on_error": self.settings.on_error,
            "progress": self.progress,
            "label": label,
        }

    def extracted(self, source: ImageSource, extraction: Extraction) -> ExtractedSet:
        """What was extracted of `source`, with all that metrics may ask for."""
        features = with_access(extraction.features, source, self.network, self.device)
        return ExtractedSet(source, extraction, features)

    def compute(
        self,
        real: ExtractedSet | None,
        generated: ExtractedSet,
        *,
        level: float | None = None,
        only: Collection[str] | None = None,
    ) -> Scored:
        """All chosen scores of `generated` against `real`.

        Parameters
        ----------
        real, generated
            The sets; `real` is None where there is none.
        level
            Of the intervals; None takes the settings'.
        only
            Names in the table of the metrics to compute; None takes all chosen ones.

        Raises
        ------
        MetricError
            If a metric that the user named can't be computed, or none can.
        """
        self._measure_precision(real, generated)
        chosen = [one for one in self._suitability.selection if only is None or one.metric.name in only]
        suitability = Suitability(chosen, options=self.choice.options)
        real_features = None if real is None else real.features
        suitability.check_features(real_features, generated.features, self.network.info)
        wanted = self.level if level is None else level
        with undivided() if self.ranks.alone else divided(AcrossRanks(self.ranks)):
            scores = self._compute(suitability, real_features, generated.features, wanted)
        name = self.network.info.name
        return Scored(
            scores,
            other_names(suitability.selection, scores, name),
            tuple(suitability.selection),
            (*self._suitability.notices, *suitability.notices),
        )

    def _compute(
        self, suitability: Suitability, real: Features | None, generated: Features, level: float | None
    ) -> dict[str, Score]:
        if real is not None:
            foresee_paired(real, generated, [one.metric.name for one in suitability.selection])
        task = self.progress.start("metrics", len(suitability.selection), unit="metrics")
        try:
            return collect_scores(
                suitability,
                lambda one: self._results(one, real, generated, level),
                self.network.info.name,
                done=lambda: task.advance(1),
            )
        finally:
            task.finish()

    def _results(
        self, one: Selected, real: Features | None, generated: Features, level: float | None
    ) -> Sequence[Score]:
        if real is not None and not (len(real) or one.metric.real_by_moments):
            # One that needs no real side, and would have shown it for comparison.
            real = None
        chosen = self.choice.options.get(one.metric.name, {})
        results = one.metric(real, generated, seed=self.settings.seed, level=level, **chosen)
        if one.metric.needs not in _OF_FRAMES:
            return results
        real_clips = None if real is None else real.clips
        return [for_clips(result, real_clips, generated.clips, level) for result in results]
