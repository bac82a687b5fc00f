"""``ganeval detect evaluate``: images of known class in, how good the verdicts are out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.cli.options import SETS
from ganeval.detectors.cli import options as o


@command
@o.with_examining
def evaluate(
    real: Annotated[str, typer.Argument(help=f"Real images: {SETS}", show_default=False)],
    generated: Annotated[
        str,
        typer.Argument(
            help="Generated images, in any of the same forms; sub-folders are generators.", show_default=False
        ),
    ],
    more_real: Annotated[
        list[str] | None, typer.Option("--real", help="A further source of real images: NAME=SET; repeatable.")
    ] = None,
    more_generated: Annotated[
        list[str] | None, typer.Option("--generated", help="A further generator: NAME=SET; repeatable.")
    ] = None,
    perturb: Annotated[
        str | None,
        typer.Option(
            "--perturb",
            help="Also after each of these, on both sides: jpeg:75,resize:0.5,blur:1,noise:4,crop,webp:80,screenshot; "
            "+ for one after another.",
        ),
    ] = None,
    match: Annotated[
        bool, typer.Option("--match", help="Cut both sides to one size and compress both alike first.")
    ] = False,
    *,
    examining: dict[str, Any],
    json_path: o.Json = None,
    seed: o.Seed = 2020,
    jobs: o.Jobs = None,
    quiet: o.Quiet = False,
) -> None:
    """Measure how good the verdicts are on images of known class: AUC, average precision, detection and false alarms.

    All numbers have intervals. Thresholds are the shipped ones; nothing is tuned here. Images are judged by their
    pixels: what files say of themselves doesn't count.

    Exit status: 0; 2 for an error that you can mend; 130 after an interrupt.
    """
    from ganeval.cli.outputs import check_outputs, write_outputs
    from ganeval.cli.progress import make_progress
    from ganeval.detectors.evaluating.evaluation import evaluate as measure
    from ganeval.detectors.evaluating.sets import open_sets
    from ganeval.detectors.perturbations import parse_perturbations
    from ganeval.detectors.reporting.evaluation import evaluation_document, render_evaluation
    from ganeval.report.serialise import json_text

    check_outputs(json_path, None)
    perturbations = parse_perturbations(perturb) if perturb is not None else ()
    sets = [
        *open_sets(real, more_real or [], generated=False),
        *open_sets(generated, more_generated or [], generated=True),
    ]
    make = o.examiner_maker(examining)
    with make_progress(quiet=quiet) as progress:
        evaluation = measure(
            sets,
            make,
            perturbations=perturbations,
            match=match,
            jobs=o.job_count(jobs),
            level=examining["level"],
            prior=examining["prior"],
            seed=seed,
            progress=progress,
        )
    write_outputs(
        [(json_path, lambda to=None: json_text(evaluation_document(evaluation, o.typed_command()), to))],
        lambda console: render_evaluation(evaluation, console),
    )
