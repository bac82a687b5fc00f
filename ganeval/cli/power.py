"""``ganeval power``: how many images are needed to tell a difference, from a report or from the images themselves."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ganeval.cli import options as o
from ganeval.cli.failures import command


@command
@o.with_settings
def power(
    samples: Annotated[str, typer.Argument(help=f"A .json report, or generated images: {o.SETS}", show_default=False)],
    real: Annotated[str | None, typer.Option("--real", help="Real images, in any of the same forms.")] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", "--metrics", "-m", help="Comma-separated; all by default.")
    ] = None,
    difference: Annotated[
        float | None, typer.Option("--difference", "-d", help="To be told, in the score's unit.")
    ] = None,
    relative: Annotated[
        str | None, typer.Option("--relative", help="Instead: a part of the score, such as 5%.")
    ] = None,
    chance: Annotated[
        float, typer.Option("--power", help="Probability of telling the difference if it is there.")
    ] = 0.8,
    level: o.Level = 0.95,
    option: o.MetricOptions = None,
    *,
    settings: dict[str, Any],
    json_path: Annotated[str | None, typer.Option("--json", help="Write the plan as JSON; - for stdout.")] = None,
    quiet: o.Quiet = False,
) -> None:
    """How many images it takes to tell a given difference between generators, or for an interval of a given width.

    Says first what can be told with the images at hand. From a report nothing is computed anew; from images they are
    scored first.
    """
    from ganeval.cli.outputs import check_outputs, command_line, write_outputs
    from ganeval.cli.progress import make_progress
    from ganeval.cli.values import check_count, parse_part
    from ganeval.comparing.planning import check_plan, plan
    from ganeval.errors import OptionError
    from ganeval.metrics.selection import parse_options
    from ganeval.report.plan_console import render_plan
    from ganeval.report.reading import report_from_json
    from ganeval.scoring.scoring import score as score_images

    check_outputs(json_path, None)
    part = None if relative is None else parse_part(relative, "--relative")
    check_plan(difference, part, level=level, power=chance)
    if samples.lower().endswith(".json"):
        if real is not None:
            raise OptionError("a report brings its own real images", hint="Leave --real out.")
        report = report_from_json(samples)
    else:
        check_count(settings["count"], samples, real)
        with make_progress(quiet=quiet) as progress:
            report = score_images(
                samples,
                real,
                metrics=None if metric is None else [metric],
                options=parse_options(option or []),
                level=level,
                **settings,
                progress=progress,
                command=command_line(),
            )
        metric = None
    made = plan(report, metrics=metric, difference=difference, relative=part, level=level, power=chance)
    write_outputs([(json_path, made.to_json)], lambda console: render_plan(made, console))
