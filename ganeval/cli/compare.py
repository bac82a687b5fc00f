"""``ganeval compare``: several sets of samples, or reports of them, in; what of their differences is settled out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ganeval.cli import options as o
from ganeval.cli.failures import command, end_not_reached


@command
@o.with_settings
def compare(
    sets: Annotated[
        list[str],
        typer.Argument(help=f"Two or more sets of generated images: {o.SETS} Or .json reports.", show_default=False),
    ],
    real: Annotated[
        str | None, typer.Option("--real", help="Real images, in any of the same forms, or a file of `ganeval stats`.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="What to call a set; once for each, in order.")
    ] = None,
    metrics: o.Metrics = None,
    option: o.MetricOptions = None,
    *,
    settings: dict[str, Any],
    json_path: o.Json = None,
    html_path: o.Html = None,
    level: Annotated[
        float, typer.Option("--level", help="Probability that no verdict at all is false; also of single intervals.")
    ] = 0.95,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Take more and more images until every difference is settled; exit status 3 if one never is.",
        ),
    ] = False,
    quiet: o.Quiet = False,
) -> None:
    """Compare sets of generated images, or reports of them: which is better, on what, and is that settled?

    Differences are taken on the same real images, with intervals that are corrected for asking about several metrics
    and pairs. Reports are compared only if their numbers are of one kind: extractor, weights, resizing, real images.

    Exit status: 0; 2 for an error that you can mend; 3 if --until-decided ran out of images before every difference was
    settled (the comparison is written all the same, and its looks.decided is false).
    """
    from ganeval.cli.outputs import check_outputs, command_line, write_outputs
    from ganeval.cli.progress import make_progress
    from ganeval.cli.values import check_count
    from ganeval.comparing.comparing import compare as compare_sets
    from ganeval.metrics.selection import parse_options
    from ganeval.report.comparison_console import open_words, render_comparison

    check_count(settings["count"], *sets, real)
    check_outputs(json_path, html_path)
    with make_progress(quiet=quiet) as progress:
        comparison = compare_sets(
            sets,
            real,
            names=name,
            metrics=None if metrics is None else [metrics],
            options=parse_options(option or []),
            until_decided=until_decided,
            curves=json_path is not None or html_path is not None,
            command=command_line(),
            level=level,
            **settings,
            progress=progress,
        )
    forms = ((json_path, comparison.to_json), (html_path, comparison.to_html))
    write_outputs(forms, lambda console: render_comparison(comparison, console))
    if comparison.looks is not None and not comparison.looks.decided:
        end_not_reached(open_words(comparison.looks))
