"""``ganeval score``: a folder of samples in, a table of scores out."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from ganeval.cli import options as o
from ganeval.cli.failures import command


@command
def score(
    samples: Annotated[str, typer.Argument(help=f"Generated images: {o.SETS}", show_default=False)],
    real: Annotated[str | None, typer.Option("--real", help="Real images, in any of the same forms.")] = None,
    metrics: o.Metrics = None,
    option: o.MetricOptions = None,
    extractor: o.Extractor = "auto",
    weights: o.Weights = None,
    preprocessing: o.Preprocessing = None,
    json_path: o.Json = None,
    html_path: o.Html = None,
    labels: o.Labels = None,
    clips: o.Clips = None,
    recursive: o.Recursive = True,
    value_range: o.ValueRange = None,
    count: o.Count = None,
    on_error: o.OnError = "raise",
    batch_size: o.BatchSize = None,
    workers: o.Workers = None,
    device: o.Device = "auto",
    seed: o.Seed = 2020,
    until: o.Until = None,
    top: o.Top = None,
    top_table: o.TopTable = None,
    level: o.Level = 0.95,
    intervals: o.Intervals = True,
    cache: o.Cache = True,
    cache_dir: o.CacheDir = None,
    trust: o.Trust = False,
    quiet: o.Quiet = False,
) -> None:
    """Score generated images, against real ones where they are given.

    Prints a table; --json and --html write reports with all that is needed to repeat the run. Features are stored, so
    that a second run on the same images takes seconds, and an interrupted one goes on where it stopped.
    """
    from ganeval.cli.outputs import check_outputs, write_reports
    from ganeval.cli.progress import make_progress
    from ganeval.cli.values import allow_local_modules, check_count, parse_value_range
    from ganeval.metrics.selection import parse_options, select_metrics
    from ganeval.report.drivers_table import check_table_path
    from ganeval.scoring.drivers import DEFAULT_TOP
    from ganeval.scoring.scoring import score as score_images

    names = None if metrics is None else [metrics]
    select_metrics(names or ["default"])
    options = parse_options(option or [])
    check_count(count, samples, real)
    check_outputs(json_path, html_path, top_table)
    if top_table is not None:
        check_table_path(top_table)
    allow_local_modules(extractor)
    with make_progress(quiet=quiet) as progress:
        report = score_images(
            samples,
            real,
            metrics=names,
            options=options,
            extractor=extractor,
            weights=weights,
            preprocessing=preprocessing,
            device=device,
            batch_size=batch_size,
            workers=workers,
            seed=seed,
            level=level if intervals else None,
            labels=labels,
            clips=clips,
            recursive=recursive,
            value_range=parse_value_range(value_range),
            count=count,
            on_error=on_error,
            cache=cache,
            cache_dir=cache_dir,
            trust=trust,
            until=until or None,
            top=DEFAULT_TOP if top is None and top_table is not None else top,
            progress=progress,
            command=shlex.join(["ganeval", *sys.argv[1:]]),
        )
    write_reports(report, json_path, html_path, top_table)
