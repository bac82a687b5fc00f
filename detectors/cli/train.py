"""``ganeval detect train``: real and generated images in, a folder with a detector out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganeval.cli.failures import command
from ganeval.cli.options import SETS
from ganeval.detectors.cli import options as o


@command
def train(
    real: Annotated[str, typer.Argument(help=f"Real images: {SETS}", show_default=False)],
    generated: Annotated[str, typer.Argument(help="Generated images, in any of the same forms.", show_default=False)],
    detector: Annotated[
        str,
        typer.Option(
            "--detector",
            "-d",
            help="lattice, spectral, dct, peaks, cnn, npr, patch, features: see `ganeval detectors`.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the detector.", show_default=False)],
    held_back: Annotated[
        float, typer.Option("--held-back", help="Part that isn't trained on, for calibration and measurement.")
    ] = 0.25,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            help="Regular expression for what an image was made from: images of one source stay together. The file's "
            "name by default.",
        ),
    ] = None,
    level: o.Level = 0.95,
    seed: o.Seed = 2020,
    quiet: o.Quiet = False,
) -> None:
    """Train a detector of your own; use it with `ganeval detect --detector FOLDER image.png`.

    A detector learns whatever separates the two sets. Give both the same formats, sizes and compression, or it learns
    those.

    Exit status: 0; 2 for an error that you can mend; 130 after an interrupt.
    """
    from rich.console import Console

    from ganeval.cli.progress import make_progress
    from ganeval.detectors.training.training import train_detector
    from ganeval.report.lines import Lines
    from ganeval.writable import require_makeable_folder

    o.check_between("--level", level)
    require_makeable_folder(out, "--out")
    with make_progress(quiet=quiet) as progress:
        done = train_detector(
            real,
            generated,
            detector,
            out,
            held_back=held_back,
            group=group,
            level=level,
            seed=seed,
            command=o.typed_command(),
            progress=progress,
        )
    lines = Lines(Console(emoji=False))
    area, found = done.auc, done.detection
    lines.line("", f"trained {done.detector} on {done.fitted[0]:,} real and {done.fitted[1]:,} generated images")
    lines.line(
        "held back",
        f"AUC {area.value:.3f} [{area.low:.3f}, {area.high:.3f}] on {done.held_back[0]:,} real and "
        f"{done.held_back[1]:,} generated images; finds {100 * found.value:.1f} % [{100 * found.low:.0f}, "
        f"{100 * found.high:.0f}] at 5 % false alarms",
    )
    for warning in done.warnings:
        lines.line("warning", warning, "bold yellow")
    lines.line("written", str(out))
