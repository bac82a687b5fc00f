"""``ganeval score``: a folder of samples in, a table of scores out."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ganeval.cli.failures import command


@command
def score(
    samples: Annotated[
        str,
        typer.Argument(
            help="Generated images: folder, .zip, .tar shards, .npz, .npy, list file, - (list on stdin), "
            "named set (digits, fashion-mnist, cifar10) or generator:NAME.",
            show_default=False,
        ),
    ],
    real: Annotated[str | None, typer.Option("--real", help="Real images, in any of the same forms.")] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", "-m", help="Comma-separated; all that can be computed by default.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="A metric's parameter: kid.subset_size=500; repeatable.")
    ] = None,
    extractor: Annotated[
        str,
        typer.Option("--extractor", "-e", help="See `ganeval extractors`; or package.module:Class of your own."),
    ] = "auto",
    weights: Annotated[Path | None, typer.Option("--weights", help="Weights file for the extractor.")] = None,
    preprocessing: Annotated[
        str | None, typer.Option("--preprocessing", help="tf1 or clean; the extractor's own by default.")
    ] = None,
    json_path: Annotated[str | None, typer.Option("--json", help="Write the report as JSON; - for stdout.")] = None,
    html_path: Annotated[str | None, typer.Option("--html", help="Write the report as one HTML file.")] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="folders: class labels from sub-folders.")] = None,
    recursive: Annotated[bool, typer.Option("--recursive/--no-recursive", help="Search sub-folders.")] = True,
    value_range: Annotated[
        str | None, typer.Option("--value-range", help="Of float images: 0,1 or -1,1; checked against the data.")
    ] = None,
    count: Annotated[int | None, typer.Option("-n", "--count", min=1, help="Images to draw from a generator.")] = None,
    on_error: Annotated[
        str, typer.Option("--on-error", help="raise or skip, for images that can't be decoded.")
    ] = "raise",
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1, help="Images a batch.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads; one a core by default.")] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of everything random.")] = 2020,
    level: Annotated[float, typer.Option("--level", help="Of the intervals, between 0 and 1.")] = 0.95,
    intervals: Annotated[bool, typer.Option("--intervals/--no-intervals", help="Intervals of the scores.")] = True,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Keep features for the next run.")] = True,
    cache_dir: Annotated[Path | None, typer.Option("--cache-dir", help="Where features are kept.")] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Allow extractors that run code from the network or from a weights file.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; the result only.")] = False,
) -> None:
    """Score generated images, against real ones where they are given.

    Prints a table; --json and --html write reports with all that is needed to repeat the run. Features are stored, so
    that a second run on the same images takes seconds, and an interrupted one goes on where it stopped.
    """
    from ganeval.cli.outputs import check_outputs, write_reports
    from ganeval.cli.progress import make_progress
    from ganeval.cli.values import check_count, parse_value_range
    from ganeval.metrics.selection import parse_options, select_metrics
    from ganeval.scoring.scoring import score as score_images

    names = None if metrics is None else [metrics]
    select_metrics(names or ["default"])
    options = parse_options(option or [])
    check_count(count, samples, real)
    check_outputs(json_path, html_path)
    if ":" in extractor:
        # An extractor of the user's own may stand in the folder from which the command was typed.
        sys.path.append(os.getcwd())
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
            recursive=recursive,
            value_range=parse_value_range(value_range),
            count=count,
            on_error=on_error,
            cache=cache,
            cache_dir=cache_dir,
            trust=trust,
            progress=progress,
            command=shlex.join(["ganeval", *sys.argv[1:]]),
        )
    write_reports(report, json_path, html_path)
