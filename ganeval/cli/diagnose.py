"""``ganeval diagnose``: what fails in a generator, in plain words, with numbers and pictures."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ganeval.cli import options as o
from ganeval.cli.failures import command


@command
@o.with_settings
def diagnose(
    samples: Annotated[str, typer.Argument(help=f"Generated images: {o.SETS}", show_default=False)],
    real: Annotated[str, typer.Option("--real", help="The images on which the generator was trained.")],
    held_out: Annotated[
        str | None, typer.Option("--held-out", help="Real images on which it wasn't: for memorisation.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Comma-separated diagnostics; see `ganeval diagnostics`.")
    ] = None,
    also: Annotated[
        str | None, typer.Option("--also", help="Comma-separated diagnostics beside those of the default.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="A diagnostic's parameter: bins.count=50; repeatable."),
    ] = None,
    *,
    settings: dict[str, Any],
    json_path: o.Json = None,
    html_path: o.Html = None,
    level: o.Level = 0.95,
    quiet: o.Quiet = False,
) -> None:
    """Find out whether a generator lost part of its data, copies training images, or makes samples of no use.

    Each failure gets a verdict in words: none found, partial or severe. Where nothing is wrong, an alarm is raised in
    at most 5% of cases over all tests together. --html writes the pictures by which to check it with your own eyes.

    Exit status: 0, whatever was found; 2 for an error that you can mend.
    """
    from ganeval.cli.outputs import check_outputs, command_line, write_reports
    from ganeval.cli.progress import make_progress
    from ganeval.cli.values import check_count
    from ganeval.diagnosis.choosing import choose_diagnostics, parse_diagnostic_options
    from ganeval.diagnosis.diagnosing import diagnose as diagnose_images

    choose_diagnostics(only, also)
    options = parse_diagnostic_options(option or [])
    check_count(settings["count"], samples, real, held_out)
    check_outputs(json_path, html_path)
    with make_progress(quiet=quiet) as progress:
        report = diagnose_images(
            samples,
            real,
            held_out=held_out,
            only=only,
            also=also,
            options=options,
            level=level,
            **settings,
            progress=progress,
            command=command_line(),
        )
    write_reports(report, json_path, html_path)
