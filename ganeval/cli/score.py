"""``ganeval score``: a folder of samples in, a table of scores out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ganeval.cli import options as o
from ganeval.cli.failures import all_processes, end_not_reached, shared_command


@shared_command
@o.with_settings
def score(
    samples: Annotated[str, typer.Argument(help=f"Generated images: {o.SETS}", show_default=False)],
    real: Annotated[
        str | None, typer.Option("--real", help="Real images, in any of the same forms, or a file of `ganeval stats`.")
    ] = None,
    metrics: o.Metrics = None,
    option: o.MetricOptions = None,
    *,
    settings: dict[str, Any],
    json_path: o.Json = None,
    html_path: o.Html = None,
    until: o.Until = None,
    top: o.Top = None,
    top_table: o.TopTable = None,
    level: o.Level = 0.95,
    intervals: o.Intervals = True,
    quiet: o.Quiet = False,
) -> None:
    """Score generated images, against real ones where they are given.

    Prints a table; --json and --html write reports with all that is needed to repeat the run. Features are stored, so
    that a second run on the same images takes seconds, and an interrupted one goes on where it stopped.

    Under torchrun, all processes share the work, and the first one reports (docs/scale.md).

    Exit status: 0; 2 for an error that you can mend; 3 if --until ran out of images before all that it asks for was
    met (the report is written all the same, and its stopping.met is false).
    """
    from ganeval.cli.outputs import check_outputs, command_line, write_reports
    from ganeval.cli.progress import make_progress
    from ganeval.cli.values import check_count
    from ganeval.metrics.selection import parse_options, select_metrics
    from ganeval.report.drivers_table import check_table_path
    from ganeval.report.extras_in_words import unmet_words
    from ganeval.scoring.drivers import DEFAULT_TOP
    from ganeval.scoring.scoring import score as score_images

    names = None if metrics is None else [metrics]
    select_metrics(names or ["default"])
    options = parse_options(option or [])
    check_count(settings["count"], samples, real)
    check_outputs(json_path, html_path, top_table)
    if top_table is not None:
        check_table_path(top_table)
    with all_processes() as ranks:
        with make_progress(quiet=quiet or not ranks.is_first) as progress:
            report = score_images(
                samples,
                real,
                metrics=names,
                options=options,
                level=level if intervals else None,
                until=until or None,
                top=DEFAULT_TOP if top is None and top_table is not None else top,
                **settings,
                progress=progress,
                command=command_line(),
            )
        if ranks.is_first:
            write_reports(report, json_path, html_path, top_table)
    if report.stopping is not None and not report.stopping.met:
        end_not_reached(unmet_words(report.stopping))
