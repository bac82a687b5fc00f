"""``ganeval export``: the generator of a training run as one weights file to hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganeval.cli.failures import command
from ganeval.cli.options import Quiet


@command
def export(
    run: Annotated[
        Path,
        typer.Argument(
            help="Run folder of `ganeval train`, one of its checkpoints, or a .safetensors file.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="A .safetensors file.", show_default=False)],
    half: Annotated[bool, typer.Option("--half", help="Half precision: half the size.")] = False,
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", help="last, or best: by the evaluations of --eval-every.")
    ] = "last",
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, help="Grey levels, of 255, by which a picture's pixels may move.")
    ] = 4.0,
    quiet: Quiet = False,
) -> None:
    """Write the averaged generator of a run into one file, which generate, score, translate and latent take.

    The header stays: model, configuration, data, steps. Pictures of the new weights are compared with those of the
    run's first; nothing is written if they differ by more than --tolerance.
    """
    from ganeval.generators.exporting import export_weights, run_weights
    from ganeval.writable import require_writable_file

    require_writable_file(out)
    weights = run_weights(run, checkpoint)
    done = export_weights(weights, out, half=half, tolerance=tolerance)
    if not quiet:
        typer.echo(
            f"{out}: {done.size / 1e6:,.2f} MB from {weights}; pixels of {done.pictures} pictures differ by "
            f"{done.largest:.3g} grey levels of 255 at most, {done.mean:.2g} on average"
        )
