"""`score`: two sets of images in, one report out."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ganeval.errors import NotEnoughImagesError, PluginError
from ganeval.features.devices import resolve_device
from ganeval.features.engine import Extraction, check_options, default_batch_size, extract
from ganeval.features.extractor import ExtractorRequest, FeatureExtractor
from ganeval.features.features import ExtractorInfo, Features
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.images.opening import open_source
from ganeval.images.source import ImageSource, SourceOptions
from ganeval.metrics.naming import score_name
from ganeval.metrics.score import Score
from ganeval.metrics.selection import Selected
from ganeval.progress import Progress, SilentProgress
from ganeval.report.report import Report, Run
from ganeval.scoring.access import with_access
from ganeval.scoring.choice import choose_metrics
from ganeval.scoring.comparability import comparable_with
from ganeval.scoring.gallery import make_gallery
from ganeval.scoring.provenance import platform_in_words, versions
from ganeval.scoring.sides import describe_side, notices_of_sides
from ganeval.scoring.suitability import Suitability, sample_size_notices
from ganeval.uncertainty.interval import DEFAULT_LEVEL, require_level

#: The seed of torch-fidelity, so that scores agree with its to the last digits by default.
DEFAULT_SEED = 2020


def score(
    samples: Any,
    real: Any = None,
    *,
    metrics: str | Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    extractor: str | FeatureExtractor | Any = "auto",
    weights: str | Path | None = None,
    preprocessing: str | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    workers: int | None = None,
    seed: int = DEFAULT_SEED,
    level: float | None = DEFAULT_LEVEL,
    labels: str | None = None,
    recursive: bool = True,
    value_range: tuple[float, float] | None = None,
    count: int | None = None,
    on_error: str = "raise",
    cache: bool = True,
    cache_dir: str | Path | None = None,
    trust: bool = False,
    progress: Progress | None = None,
    command: str | None = None,
) -> Report:
    """Score generated images, against real ones where they are given.

    Parameters
    ----------
    samples, real
        Whatever `ganeval.open_source` takes: a folder, zip, tar shards, npz, npy, list file, named set, generator,
        tensor, array, Dataset, DataLoader, iterable of batches or callable. Without `real`, only metrics that need
        none are computed.
    metrics
        Names, aliases or groups, as a sequence or comma-separated; None takes all that can be computed. A metric that
        is named but can't be computed is an error; one that isn't (of the groups "all" and "standard", too) is left
        out with a notice.
    options
        Metric name to parameters, such as ``{"kid": {"subset_size": 500}}``.
    extractor
        A name, ``"package.module:Class"``, a `FeatureExtractor`, a module or function on uint8 batches, or ``"auto"``:
        inception-v3 where its weights can be had, else efficientnet-lite0.
    weights
        A weights file for the extractor.
    preprocessing
        ``"tf1"`` or ``"clean"``; None takes the extractor's default.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"``, ``"mps"``.
    batch_size, workers
        Of the extraction; None takes what suits the machine.
    seed
        Of everything random; the default is torch-fidelity's.
    level
        Of the intervals; None computes none.
    labels
        ``"folders"`` takes class labels from sub-folders.
    recursive
        Whether folders are searched with their sub-folders.
    value_range
        Of float images: ``(0, 1)`` or ``(-1, 1)``.
    count
        How many images to draw from a generator.
    on_error
        ``"raise"`` or ``"skip"`` for images that can't be decoded.
    cache, cache_dir
        Whether and where features are stored.
    trust
        Allow extractors that execute code from the network or from weights files.
    progress
        Told how far the work is.
    command
        How the run is described in the report; the call itself by default.

    Raises
    ------
    GanevalError
        One of its family, with what was wrong and what to do.

    Examples
    --------
    >>> import ganeval
    >>> report = ganeval.score("digits", real="digits", extractor="pixels", metrics=["fid"], cache=False)
    >>> report["fid"].name
    'fd_pixels'
    >>> round(abs(report["fid"].value), 6)
    0.0
    """
    began = time.perf_counter()
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    progress = progress or SilentProgress()
    level = require_level(level)
    choice = choose_metrics(metrics, options, with_real=real is not None)
    resolved_device = resolve_device(device)
    check_options(on_error=on_error, batch_size=batch_size, workers=workers)
    opening = SourceOptions(recursive=recursive, labels=labels, value_range=value_range, count=count, seed=seed)
    generated_source = open_source(samples, opening)
    real_source = None if real is None else open_source(real, opening)
    suitability = Suitability(choice.selection, named=choice.named, options=choice.options)
    suitability.check_counts(generated_source, real_source)

    weights = None if weights is None else Path(weights)
    request = ExtractorRequest(weights=weights, preprocessing=preprocessing, progress=progress, trust=trust)
    network, network_notices = resolve_extractor(extractor, request)
    suitability.check_extractor(network.info)
    store = FeatureStore(None if cache_dir is None else Path(cache_dir)) if cache else None

    def extracted(source: ImageSource, side: str) -> Extraction:
        return extract(
            source,
            network,
            device=resolved_device,
            batch_size=batch_size,
            workers=workers,
            store=store,
            on_error=on_error,
            progress=progress,
            label=f"{side}: {source.name}",
        )

    real_side = None if real_source is None else extracted(real_source, "real")
    generated_side = extracted(generated_source, "generated")
    real_features = None
    if real_source is not None and real_side is not None:
        real_features = with_access(real_side.features, real_source, network)
    generated = with_access(generated_side.features, generated_source, network)

    suitability.check_features(real_features, generated, network.info)
    scores = _compute(suitability, real_features, generated, network.info.name, seed, level, progress)
    notices = [
        *network_notices,
        *choice.notices,
        *suitability.notices,
        *notices_of_sides(real_side, generated_side),
        *sample_size_notices(scores.values(), real_features, generated),
    ]
    return Report(
        scores=scores,
        extractor=_as_it_turned_out(network.info, generated),
        generated=describe_side(generated_source, generated_side),
        real=None if real_source is None or real_side is None else describe_side(real_source, real_side),
        run=Run(
            command=command or _call_in_words(samples, real, metrics),
            seed=seed,
            started=started,
            seconds=time.perf_counter() - began,
            device=str(resolved_device),
            batch_size=batch_size or default_batch_size(network, resolved_device),
            versions=versions(),
            platform=platform_in_words(),
            options={
                "metrics": list(scores),
                "metric_options": choice.options,
                "weights": None if weights is None else str(weights),
                "on_error": on_error,
                "level": level,
                **{name: value for name, value in asdict(opening).items() if name != "seed"},
            },
        ),
        comparable=comparable_with(network.info, real_features, generated),
        notices=tuple(notices),
        requested=_requested(suitability.selection, scores, network.info.name),
        gallery=make_gallery(real_features, generated, class_names=network.class_names),
    )


def _compute(
    suitability: Suitability,
    real: Features | None,
    generated: Features,
    extractor: str,
    seed: int,
    level: float | None,
    progress: Progress,
) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    task = progress.start("metrics", len(suitability.selection), unit="metrics")
    try:
        for one in list(suitability.selection):
            try:
                side = real if one.metric.needs_real else None
                chosen = suitability.options.get(one.metric.name, {})
                results = one.metric(side, generated, seed=seed, level=level, **chosen)
            except NotEnoughImagesError as error:
                suitability.leave_out(one, error)
                continue
            for base, result in zip(one.metric.scores, results, strict=True):
                if base in one.scores:
                    name = score_name(base, one.metric, extractor)
                    if name in scores:
                        raise PluginError(
                            f"two metrics give a score called {name!r}, the second is {one.metric.name!r}",
                            hint="Name only one of them, or uninstall the package that provides the other.",
                        )
                    scores[name] = result.renamed(name)
            task.advance(1)
    finally:
        task.finish()
    if not scores:
        reasons = "; ".join(notice.message for notice in suitability.notices)
        raise NotEnoughImagesError(f"no metric can be computed: {reasons}")
    return scores


def _as_it_turned_out(extractor: ExtractorInfo, features: Features) -> ExtractorInfo:
    """What is known of the extractor, with the numbers of features and classes, which may show only in the run."""
    classes = None if features.logits is None else features.logits.shape[1]
    return replace(extractor, feature_dim=features.pooled.shape[1], class_count=classes)


def _requested(selection: Sequence[Selected], scores: Mapping[str, Score], extractor: str) -> dict[str, str]:
    """Every name under which people look for a score to its full name."""
    table: dict[str, str] = {}
    for one in selection:
        names = dict(one.requested)
        if len(one.metric.scores) == 1:
            names |= dict.fromkeys((one.metric.name, *one.metric.aliases), one.metric.scores[0])
        table |= {name: score_name(base, one.metric, extractor) for name, base in names.items()}
    return {name: full for name, full in table.items() if full in scores and name != full}


def _call_in_words(samples: Any, real: Any, metrics: Any) -> str:
    def shown(value: Any) -> str:
        return repr(str(value)) if isinstance(value, (str, Path)) else f"<{type(value).__name__}>"

    return f"ganeval.score({shown(samples)}, real={shown(real)}, metrics={metrics!r})  # in {Path(sys.argv[0]).name}"


__all__ = ["DEFAULT_SEED", "score"]
