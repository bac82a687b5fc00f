"""`score`: two sets of images in, one report out."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ganeval.errors import OptionError
from ganeval.features.extractor import FeatureExtractor
from ganeval.progress import Progress
from ganeval.report.report import Report
from ganeval.scoring.choice import choose_metrics
from ganeval.scoring.drivers import check_top, find_drivers
from ganeval.scoring.evaluation import Evaluation, Settings
from ganeval.scoring.growth import MOST
from ganeval.scoring.reporting import make_report
from ganeval.scoring.targets import parse_until, until_options
from ganeval.scoring.until import score_until
from ganeval.uncertainty.interval import DEFAULT_LEVEL

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
    precision: str | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    workers: int | None = None,
    compile: str = "never",
    seed: int = DEFAULT_SEED,
    level: float | None = DEFAULT_LEVEL,
    labels: str | None = None,
    clips: str | None = None,
    recursive: bool = True,
    value_range: tuple[float, float] | None = None,
    count: int | None = None,
    on_error: str = "raise",
    cache: bool = True,
    cache_dir: str | Path | None = None,
    trust: bool = False,
    until: Mapping[str, float | str] | Sequence[str] | str | None = None,
    top: int | None = None,
    progress: Progress | None = None,
    command: str | None = None,
) -> Report:
    """Score generated images, against real ones where they are given.

    Parameters
    ----------
    samples, real
        Whatever `ganeval.open_source` takes: a folder, zip, tar shards, npz, npy, list file, named set, generator,
        tensor, array, Dataset, DataLoader, iterable of batches or callable. Without `real`, only metrics that need
        none are computed. `real` may also be statistics: a file of ``ganeval stats`` or of another package (see
        `ganeval.statistics`), or a `ganeval.statistics.Statistics`.
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
    precision
        Of the network: ``"float32"`` (the default), or ``"bfloat16"`` or ``"float16"`` where the machine has
        instructions for it. What that does to the scores is measured on a small part of the images, and noted.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"``, ``"mps"``.
    batch_size, workers
        Of the extraction; None takes what suits the machine.
    compile
        Whether the network is compiled: ``"never"``, ``"always"``, or ``"auto"`` where measurements say that it pays.
        The scores don't depend on it.
    seed
        Of everything random; the default is torch-fidelity's.
    level
        Of the intervals; None computes none.
    labels
        ``"folders"`` takes class labels from sub-folders.
    clips
        ``"folders"`` takes each sub-folder as a video whose files, in natural order, are its frames.
    recursive
        Whether folders are searched with their sub-folders.
    value_range
        Of float images: ``(0, 1)`` or ``(-1, 1)``.
    count
        How many images to draw from a generator; with `until` how many at most (50,000 by default).
    on_error
        ``"raise"`` or ``"skip"`` for images that can't be decoded.
    cache, cache_dir
        Whether and where features are stored.
    trust
        Allow extractors that execute code from the network or from weights files.
    until
        Stop when it is enough: ``{"fid": 0.5}`` takes random parts of the sets, more and more images, until the
        interval of FID reaches no further than 0.5 to each side; ``"fid=5%"`` is relative to the value. Of several,
        all must be met. Intervals hold with their `level` in spite of the repeated looks; `Report.stopping` tells how
        it went. A real side whose features are stored is taken whole, else it grows with the generated one.
    top
        What drives the scores: so many images of each kind in `Report.drivers` (generated ones that push the score up
        most and least, real ones that nothing generated comes near), with pictures in the HTML report.
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
    settings = Settings(
        extractor=extractor,
        weights=weights,
        preprocessing=preprocessing,
        precision=precision,
        device=device,
        batch_size=batch_size,
        workers=workers,
        compile=compile,
        seed=seed,
        level=level,
        labels=labels,
        clips=clips,
        recursive=recursive,
        value_range=value_range,
        count=MOST if count is None and until is not None else count,
        on_error=on_error,
        cache=cache,
        cache_dir=cache_dir,
        trust=trust,
        progress=progress,
    )
    choice = choose_metrics(metrics, options, with_real=real is not None)
    targets = () if until is None else parse_until(until, choice)
    if top is not None:
        check_top(top)
    evaluation = Evaluation(choice, settings)
    generated_source = evaluation.open(samples)
    real_source = None if real is None else evaluation.open_real(real)
    evaluation.check_counts(generated_source, real_source)
    enough = None
    if targets and not evaluation.ranks.alone:
        raise OptionError(
            "--until takes images until they are enough, which several processes can't share",
            hint="Run it in one process, or leave --until out.",
        )
    if targets:
        enough = score_until(evaluation, generated_source, real_source, targets)
        real_set, generated_set, scored = enough.real, enough.generated, enough.scored
    else:
        real_set = None if real_source is None else evaluation.extract(real_source, "real")
        generated_set = evaluation.extract(generated_source, "generated")
        scored = evaluation.compute(real_set, generated_set)
    drivers = None
    if top is not None:
        real_features = None if real_set is None or not len(real_set.features) else real_set.features
        names = evaluation.network.class_names
        drivers = find_drivers(
            scored.scores,
            real_features,
            generated_set.features,
            leading=scored.leading(evaluation.network.info.name),
            top=top,
            class_names=names,
        )
    report = make_report(
        evaluation,
        scored,
        real_set,
        generated_set,
        command=command or _call_in_words(samples, real, metrics),
        started=started,
        seconds=lambda: time.perf_counter() - began,
    )
    asked = {"until": until_options(targets)} if targets else {}
    return replace(
        report,
        run=replace(report.run, options={**report.run.options, **asked}),
        stopping=None if enough is None else enough.stopping,
        drivers=drivers,
        notices=(*report.notices, *(() if enough is None else enough.notices)),
    )


def _call_in_words(samples: Any, real: Any, metrics: Any) -> str:
    def shown(value: Any) -> str:
        return repr(str(value)) if isinstance(value, (str, Path)) else f"<{type(value).__name__}>"

    return f"ganeval.score({shown(samples)}, real={shown(real)}, metrics={metrics!r})  # in {Path(sys.argv[0]).name}"


__all__ = ["DEFAULT_SEED", "score"]
